"""Runs first in the frozen program.

PyInstaller's starter points the dynamic linker at the frozen libraries. Only this process needs
that: a file manager or browser that Corral opens must find those of the system. Corral's own
children are told to start like the program itself, else they would rely on what is removed here.
"""

import os

if "LD_LIBRARY_PATH_ORIG" in os.environ:
    os.environ["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH_ORIG"]
else:
    os.environ.pop("LD_LIBRARY_PATH", None)
os.environ["PYINSTALLER_RESET_ENVIRONMENT"] = "1"
