"""What Wine 8 lacks and the installed form needs, added to Wine; Windows 10 has it."""

import subprocess
from pathlib import Path

import launcher_build

SOURCES = Path(__file__).resolve().parents[1] / "wine"
"""One file for each library."""


def build(folder: Path) -> None:
    """Compile them into `folder`, Wine's own system32. Raises NoCompiler, CalledProcessError."""
    compiler = launcher_build.find_program(launcher_build.COMPILERS)
    for source in sorted(SOURCES.glob("*.c")):
        output = folder / f"{source.stem}.dll"
        command = [compiler, "-shared", "-Os", "-s", str(source), "-o", str(output), "-ladvapi32"]
        subprocess.run(command, check=True)
