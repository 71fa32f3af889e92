"""Put a folder on the person's PATH, or take it off: what lets terminals find `corral`.

    python.exe -m corral_user_path add FOLDER
    python.exe -m corral_user_path remove FOLDER

Run by the installer, whose own language cuts long values off.
"""

import sys

KEY = "Environment"
NAME = "Path"
SETTING_CHANGED = 0x1A
EVERY_WINDOW = 0xFFFF
DO_NOT_WAIT_FOR_HUNG = 0x2
MILLISECONDS = 1000


def same(one: str, other: str) -> bool:
    """Whether two entries of a PATH name one folder."""
    return one.strip().strip('"').rstrip("\\/").lower() == other.rstrip("\\/").lower()


def with_folder(path: str, folder: str) -> str:
    """`path` with `folder` as its last entry, unless it is there already."""
    entries = [entry for entry in path.split(";") if entry.strip()]
    if any(same(entry, folder) for entry in entries):
        return path
    return ";".join([*entries, folder])


def without_folder(path: str, folder: str) -> str:
    """`path` without `folder`; the other entries stay as they are."""
    return ";".join(entry for entry in path.split(";") if not same(entry, folder))


def main(arguments: list[str]) -> int:
    """Change the registry. Answers the exit status."""
    change = {"add": with_folder, "remove": without_folder}[arguments[0]]
    if sys.platform != "win32":
        return 1
    import ctypes
    import winreg

    with winreg.CreateKeyEx(
        winreg.HKEY_CURRENT_USER, KEY, 0, winreg.KEY_READ | winreg.KEY_WRITE
    ) as key:
        try:
            before, kind = winreg.QueryValueEx(key, NAME)
        except FileNotFoundError:
            before, kind = "", winreg.REG_EXPAND_SZ
        after = change(before, arguments[1])
        if after == before:
            return 0
        if after:
            winreg.SetValueEx(key, NAME, 0, kind, after)
        else:
            winreg.DeleteValue(key, NAME)
    ctypes.windll.user32.SendMessageTimeoutW(
        EVERY_WINDOW, SETTING_CHANGED, 0, KEY, DO_NOT_WAIT_FOR_HUNG, MILLISECONDS, None
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
