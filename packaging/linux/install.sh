#!/bin/sh
# Installs, upgrades or removes Corral on Linux distributions without a package for it.
#
#   ./install.sh                  for the person who runs it, in ~/.local
#   sudo ./install.sh --system    for everybody, in /usr/local
#   ./install.sh --uninstall      takes out what was installed (add --system where that was said)
#   ./install.sh --prefix FOLDER  into another folder
#
# What was installed is listed in lib/corral/installed-files below the prefix, where a copy of this
# script lies as well. A person's chats, settings and models are never touched.
set -eu

usage() {
    sed -n '2,10s/^# \{0,1\}//p' "$0"
}

fail() {
    echo "install.sh: $1" >&2
    exit 1
}

action=install
prefix=
while [ $# -gt 0 ]; do
    case "$1" in
        --system) prefix=/usr/local ;;
        --user) prefix= ;;
        --prefix)
            [ $# -gt 1 ] || fail "--prefix needs a folder."
            prefix=$2
            shift ;;
        --uninstall) action=uninstall ;;
        -h|--help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
    shift
done
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
if [ -z "$prefix" ]; then
    [ -n "${HOME:-}" ] || fail "HOME is not set; say where with --prefix FOLDER."
    prefix=$HOME/.local
fi
case "$prefix" in /*) ;; *) prefix=$(pwd)/$prefix ;; esac
program=$prefix/lib/corral
list=$program/installed-files
data=${XDG_DATA_HOME:-${HOME:-}/.local/share}

# Menus, kinds of files and icons are looked up in caches where a desktop keeps some.
refresh() {
    quietly update-desktop-database -q "$prefix/share/applications"
    quietly update-mime-database "$prefix/share/mime"
    quietly gtk-update-icon-cache -q -t -f "$prefix/share/icons/hicolor"
}

quietly() {
    "$@" >/dev/null 2>&1 || true
}

# Removes the files in a list, then the folders that are empty because of it.
remove_listed() {
    while IFS= read -r file; do
        rm -f -- "$prefix/$file"
        folder=$(dirname -- "$file")
        while [ "$folder" != . ] && rmdir -- "$prefix/$folder" 2>/dev/null; do
            folder=$(dirname -- "$folder")
        done
    done
}

# Whether a program runs from there; the system names it without the links on the way to it.
is_running() {
    real=$(CDPATH='' cd -P -- "$program" 2>/dev/null && pwd) || return 1
    for process in /proc/[0-9]*; do
        case "$(readlink "$process/exe" 2>/dev/null)" in "$real"/*) return 0 ;; esac
    done
    return 1
}

# Whether the version before has a folder of that name.
was_folder() {
    name=$1/ awk 'index($0, ENVIRON["name"]) == 1 { found = 1 } END { exit !found }' "$old"
}

# Makes room for a file, which `mv` would put into a folder of its name. What is listed below that
# folder is gone with it: by its old path it could now be another file, behind a link.
take_away_folder() {
    if [ ! -L "$prefix/$1" ]; then
        name=$1/ awk 'index($0, ENVIRON["name"]) != 1' "$old" >"$old.left"
        mv -f -- "$old.left" "$old"
    fi
    rm -rf -- "${prefix:?}/$1"
}

# A command in a terminal is soon done; what runs on has to be closed.
refuse_while_running() {
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        is_running || return 0
        sleep 0.5
    done
    fail "Corral is running. Close it, then try again."
}

missing_libraries() {
    command -v ldd >/dev/null 2>&1 || return 0
    find "$here/lib/corral/_internal" -type f \( -name '*.so' -o -name '*.so.*' \) -print0 |
        LD_LIBRARY_PATH=$here/lib/corral/_internal:$here/lib/corral/_internal/PySide6/Qt/lib \
        xargs -0 ldd 2>/dev/null | sed -n 's/^[[:space:]]*\([^ ]*\) => not found.*/\1/p' | sort -u
}

if [ "$action" = uninstall ]; then
    [ -f "$list" ] || fail "Corral is not installed in $prefix."
    refuse_while_running
    copy=$(mktemp)
    cp -- "$list" "$copy"
    remove_listed <"$copy"
    rm -f -- "$copy" "$list"
    rmdir -- "$program" "$prefix/lib" 2>/dev/null || true
    refresh
    echo "Corral was removed from $prefix. Each person's data stays:"
    echo "    chats, settings and models in $data/Corral"
    echo "    what can be made anew in ${XDG_CACHE_HOME:-${HOME:-}/.cache}/Corral"
    echo "    logs in ${XDG_STATE_HOME:-${HOME:-}/.local/state}/Corral"
    echo "Delete these folders if nothing of it is wanted any more."
    exit 0
fi

[ -f "$here/lib/corral/corral" ] || fail "lib/corral is not beside this script."
status=0
"$here/lib/corral/corral" --version >/dev/null 2>&1 || status=$?
# What the shell answers where it may not run a file.
[ "$status" != 126 ] ||
    fail "Nothing may be run in $here, as on a disk mounted with noexec. Unpack it elsewhere."
[ "$status" = 0 ] ||
    fail "Corral does not run here. It needs glibc @GLIBC@ or newer and a processor of the kind @MACHINE@."
missing=$(missing_libraries)
if [ -n "$missing" ]; then
    echo "Libraries that the window needs are missing; install them by your package manager:"
    echo "$missing" | sed 's/^/    /'
fi
refuse_while_running
mkdir -p "$prefix" 2>/dev/null || true
[ -w "$prefix" ] ||
    fail "$prefix cannot be written to. With --system this needs root; without, it goes to ~/.local."

# What is installed for everybody can be read by everybody, whatever the administrator's files are.
[ "$(id -u)" != 0 ] || umask 022
# All new files come first, under names of their own: whatever happens on the way, such as a full
# disk, the old version is whole. Then they get their names, and what only the old one had goes.
old=$(mktemp)
[ ! -f "$list" ] || cp -- "$list" "$old"
new=$(mktemp)
(cd "$here" && find bin lib share \( -type f -o -type l \) | LC_ALL=C sort) >"$new"
echo lib/corral/install.sh >>"$new"
take_back() {
    sed 's/$/.new/' "$new" | remove_listed
    rm -f -- "$old" "$old.left" "$new"
}
trap take_back EXIT
trap 'exit 1' HUP INT TERM
while IFS= read -r file; do
    mkdir -p "$prefix/$(dirname -- "$file")"
    if [ -d "$prefix/$file" ] && [ ! -L "$prefix/$file" ]; then
        was_folder "$file" ||
            fail "$prefix/$file is a folder that is not of Corral. Move it away, then try again."
    fi
    source=$here/$file
    [ "$file" != lib/corral/install.sh ] || source=$here/install.sh
    cp -P -p -- "$source" "$prefix/$file.new"
    # Who unpacked the archive does not own what everybody runs.
    [ "$(id -u)" != 0 ] || chown -h 0:0 -- "$prefix/$file.new"
done <"$new"
while IFS= read -r file; do
    [ ! -d "$prefix/$file" ] || take_away_folder "$file"
    mv -f -- "$prefix/$file.new" "$prefix/$file"
done <"$new"
# Menus do not search ~/.local/bin in every distribution.
entry=$prefix/share/applications/@APP_ID@.desktop
# Quoted by the Desktop Entry specification, then for sed.
command=$(printf '%s' "$prefix/bin/corral" | sed 's/["`$\\]/\\&/g; s/\\/\\\\/g; s/%/%%/g' |
    sed 's/[\\&|]/\\&/g')
sed "s|^Exec=corral|Exec=\"$command\"|" "$here/share/applications/@APP_ID@.desktop" >"$entry"
grep -vxF -f "$new" "$old" | remove_listed || true
rm -f -- "$list"
cat -- "$new" >"$list"
trap - EXIT
rm -f -- "$old" "$new"
refresh
echo "Corral $("$program/corral" --version | sed 's/^corral //') was installed in $prefix."
case ":$PATH:" in
    *":$prefix/bin:"*) echo "Start it from the menu, or by: corral" ;;
    *) echo "Start it from the menu, or by: $prefix/bin/corral" ;;
esac
case "$prefix" in
    "${HOME:-}/.local") echo "To remove it: \"$program/install.sh\" --uninstall" ;;
    /usr/local) echo "To remove it: sudo $program/install.sh --uninstall --system" ;;
    *) echo "To remove it: \"$program/install.sh\" --uninstall --prefix \"$prefix\"" ;;
esac
