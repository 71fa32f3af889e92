# Installs a package of Corral for Debian once Corral has ended.
# Arguments: process id of Corral, package, its SHA-256, the command that starts Corral or nothing.
pid=$1 package=$2 sum=$3
shift 3
# What has ended and was not fetched by its parent is still there as a zombie.
while kill -0 "$pid" 2>/dev/null && ! grep -qs '^State:.Z' "/proc/$pid/status"; do sleep 0.2; done
# What is checked and what is installed is one file that only the administrator can write.
pkexec /bin/sh -c '
set -eu
folder=$(mktemp -d)
trap "rm -rf \"$folder\"" EXIT
cp -- "$1" "$folder/corral.deb"
chmod 755 "$folder"
echo "$2  $folder/corral.deb" | sha256sum --check --quiet -
DEBIAN_FRONTEND=noninteractive apt-get install --yes --allow-downgrades \
    -o DPkg::Lock::Timeout=300 "$folder/corral.deb"
' corral-update "$package" "$sum" || echo "corral: the package was not installed (status $?)"
[ $# -eq 0 ] || exec "$@"
