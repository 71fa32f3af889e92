# Installs a tar package of Corral by its own install.sh once Corral has ended.
# Arguments: process id of Corral, package, its SHA-256, the folder above lib and bin that it goes
# to, the command that starts Corral or nothing.
pid=$1 package=$2 sum=$3 prefix=$4
shift 4
# What has ended and was not fetched by its parent is still there as a zombie.
while kill -0 "$pid" 2>/dev/null && ! grep -qs '^State:.Z' "/proc/$pid/status"; do sleep 0.2; done
# On its own line: a shell overlooks every failure in what stands before “||”, “set -e” or not.
(
    set -eu
    # Beside the package: /tmp may lie in memory, or let nothing be run.
    beside=$(dirname -- "$package")
    for left in "$beside"/unpacked.??????; do # of a run that was killed
        if [ -d "$left" ] && [ ! -L "$left" ]; then rm -rf -- "$left"; fi
    done
    folder=$(mktemp -d "$beside/unpacked.XXXXXX")
    trap 'rm -rf "$folder"' EXIT
    cp -- "$package" "$folder/package"
    echo "$sum  $folder/package" | sha256sum --check --quiet -
    mkdir "$folder/unpacked"
    tar --extract --file "$folder/package" --directory "$folder/unpacked" --zstd
    installer=$(find "$folder/unpacked" -maxdepth 2 -name install.sh | head -n 1)
    sh "$installer" --prefix "$prefix"
)
status=$?
[ "$status" -eq 0 ] || echo "corral: the package was not installed (status $status)"
[ $# -eq 0 ] || exec "$@"
