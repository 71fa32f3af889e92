# Puts a new AppImage in the place of the old one once Corral has ended.
# Arguments: process id of Corral, the new file, its SHA-256, the AppImage that is replaced, and the
# command that starts Corral or nothing.
pid=$1 package=$2 sum=$3 program=$4
shift 4
# What has ended and was not fetched by its parent is still there as a zombie.
while kill -0 "$pid" 2>/dev/null && ! grep -qs '^State:.Z' "/proc/$pid/status"; do sleep 0.2; done
# On its own line: a shell overlooks every failure in what stands before “||”, “set -e” or not.
(
    set -eu
    trap 'rm -f "$program.new"' EXIT
    cp -- "$package" "$program.new"
    echo "$sum  $program.new" | sha256sum --check --quiet -
    chmod 755 "$program.new"
    mv -- "$program.new" "$program"
)
status=$?
[ "$status" -eq 0 ] || echo "corral: the new version was not put in place (status $status)"
[ $# -eq 0 ] || exec "$@"
