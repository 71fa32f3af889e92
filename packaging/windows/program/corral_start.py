"""What corral.exe and corralw.exe run: Corral, told that it is installed.

`sys.frozen` is what installed forms of Python programs set. By it Corral starts its children as
corral.exe, and not as a Python that would need to be told what to run.
"""

import sys

TITLE = "Corral"


def main() -> int:
    """Run Corral. What would go unseen, as there is no console, is shown in a box."""
    sys.frozen = "windows"  # type: ignore[attr-defined] # it exists in installed forms only
    unseen = sys.stderr is None
    try:
        from app.__main__ import main as corral

        return corral()
    except Exception as error:
        if unseen:
            show(
                f"Corral could not start: {error}\n\n"
                "Run Corral-Setup.exe again, it repairs the program. "
                "Chats, settings and models stay."
            )
        raise


def show(text: str) -> None:
    """A box with one button."""
    import ctypes

    error_sign = 0x10
    ctypes.windll.user32.MessageBoxW(None, text, TITLE, error_sign)  # type: ignore[attr-defined] # only on Windows


if __name__ == "__main__":
    sys.exit(main())
