# Installs a tar package of Corral by its own install.sh once Corral has ended.
# Arguments: process id of Corral, package, its SHA-256, the folder above lib and bin that it goes
# to, the command that starts Corral or nothing.
pid=$1 package=$2 sum=$3 prefix=$4
shift 4
while kill -0 "$pid" 2>/dev/null; do sleep 0.2; done
(
    set -eu
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    cp -- "$package" "$folder/package"
    echo "$sum  $folder/package" | sha256sum --check --quiet -
    mkdir "$folder/unpacked"
    tar --extract --file "$folder/package" --directory "$folder/unpacked" --zstd
    installer=$(find "$folder/unpacked" -maxdepth 2 -name install.sh | head -n 1)
    sh "$installer" --prefix "$prefix"
) || echo "corral: the package was not installed (status $?)"
[ $# -eq 0 ] || exec "$@"
