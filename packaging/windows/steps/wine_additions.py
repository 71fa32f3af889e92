"""What Wine 8 lacks and the installed form needs, added to Wine; Windows 10 has it."""

import subprocess
from pathlib import Path

import launcher_build

SOURCE = Path(__file__).resolve().parents[1] / "wine" / "bcryptprimitives.c"


def build(folder: Path) -> None:
    """Compile it into `folder`, Wine's own system32. Raises NoCompiler, CalledProcessError."""
    compiler = launcher_build.find_program(launcher_build.COMPILERS)
    output = folder / f"{SOURCE.stem}.dll"
    command = [compiler, "-shared", "-Os", "-s", str(SOURCE), "-o", str(output), "-ladvapi32"]
    subprocess.run(command, check=True)
