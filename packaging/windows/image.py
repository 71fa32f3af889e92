"""Make dist/Corral-Setup.exe of the folder that freeze.py put together. Needs makensis.

    python packaging/windows/image.py
    python packaging/windows/image.py --dry-run

With a certificate (steps/signing.py says how) the programs inside are signed on the way, the
uninstaller among them; sign.py signs the outcome.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE / "steps"), str(ROOT)]

import build_clock  # noqa: E402 - the folder of steps has to be found first
import icon_file  # noqa: E402
import launcher_build  # noqa: E402
import nsis_files  # noqa: E402
import signing  # noqa: E402

from app import __version__  # noqa: E402

FOLDER = ROOT / "dist" / "windows" / "Corral"
SCRIPT = HERE / "corral.nsi"
OUTPUT = ROOT / "dist" / "Corral-Setup.exe"
COMPILER = "makensis"


class Unfinished(Exception):
    """There is nothing to make an installer of, or nothing to make it with."""


def engine_id(folder: Path) -> str:
    """The id of the engine inside, "" without one."""
    found = [json.loads(file.read_text("utf-8")) for file in folder.glob("engines/*/engine.json")]
    return str(found[0]["id"]) if found else ""


def definitions(
    folder: Path, work: Path, version: str, output: Path, *, quick: bool
) -> dict[str, str]:
    """What the script is told."""
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {
        "VERSION": version,
        "VERSION_NUMBERS": launcher_build.numbers(version).replace(",", "."),
        "SIZE": str(size // 1024),
        "ENGINE": engine_id(folder),
        "ICON": str(work / "corral.ico"),
        "SIDE": str(work / "side.bmp"),
        "FILES": str(work / "files.nsh"),
        "OUTPUT": str(output),
        **({"QUICK": "1"} if quick else {}),
    }


def compile_command(defined: dict[str, str]) -> list[str]:
    """Warnings are errors; the script's own folder is not entered."""
    mark = "/" if os.name == "nt" else "-"
    options = [f"{mark}V2", f"{mark}WX", f"{mark}NOCD", f"{mark}INPUTCHARSET", "UTF8"]
    return [COMPILER, *options, *(f"{mark}D{name}={value}" for name, value in defined.items())]


def sign_programs(folder: Path, signer: signing.Signer | None) -> list[str]:
    """Sign the launchers; the instruction for the installer's script to sign the uninstaller."""
    if signer is None:
        return []
    for name in (launcher_build.CONSOLE, launcher_build.WINDOW):
        signer.sign(folder / name)
    build_clock.set_times(folder.glob("*.exe"), build_clock.build_time())
    command = f'"{sys.executable}" "{HERE / "sign.py"}" "%1"'
    if os.name == "nt":  # its shell takes the outermost quotes away
        command = f'"{command}"'
    return [f"!uninstfinalize '{command}' = 0"]


def left_behind(folder: Path) -> list[str]:
    """What lies in the folder and is not deleted by the uninstaller, which names what it deletes.

    The folder would stay, and the next installer would refuse it as another program's.
    """
    uninstall = SCRIPT.read_text(encoding="utf-8").partition('Section "Uninstall"')[2]
    deleted = set(
        re.findall(r'^ +(?:RMDir /r|Delete) "\$INSTDIR\\([^"]+)"', uninstall, re.MULTILINE)
    )
    return sorted({path.name for path in folder.iterdir()} - deleted)


def make(folder: Path, output: Path, version: str, *, quick: bool = False) -> None:
    """Compile the installer. Raises Unfinished, signing.NotSigned, CalledProcessError."""
    if not (folder / launcher_build.WINDOW).exists():
        raise Unfinished(f"{folder} is not there; packaging/windows/freeze.py makes it")
    if left := left_behind(folder):
        raise Unfinished(f"{SCRIPT.name} does not uninstall {', '.join(left)}")
    if shutil.which(COMPILER) is None:
        raise Unfinished("there is no makensis (on Debian: apt-get install nsis)")
    output.parent.mkdir(parents=True, exist_ok=True)
    seconds = build_clock.build_time()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        icon_file.draw(launcher_build.PICTURE, work / "corral.ico")
        icon_file.draw_side(launcher_build.PICTURE, work / "side.bmp")
        extra = sign_programs(folder, signing.signer_from())
        lines = [*nsis_files.file_lines(folder), *extra]
        (work / "files.nsh").write_text("\n".join(lines) + "\n", encoding="utf-8")
        build_clock.set_times(work.iterdir(), seconds)  # the installer carries them along
        command = compile_command(definitions(folder, work, version, output, quick=quick))
        environment = {**os.environ, build_clock.VARIABLE: str(seconds)}
        subprocess.run([*command, str(SCRIPT)], check=True, env=environment)
    build_clock.set_times([output], seconds)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help="what freeze.py made")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--version", default=__version__, help="another one, for trials")
    parser.add_argument("--quick", action="store_true", help="larger and soon made, for trials")
    parser.add_argument("--target", choices=("windows-x86_64",), help="the only one there is")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    options = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    if options.dry_run:
        signed = "signed" if signing.signer_from() else "not signed, as there is no certificate"
        print(f"would make {options.output} of {options.folder}; programs inside: {signed}")
        return 0
    try:
        make(options.folder, options.output, options.version, quick=options.quick)
    except (Unfinished, signing.NotSigned, OSError) as error:
        print(f"image: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError:
        print("image: makensis stopped; the reason is above.", file=sys.stderr)
        return 1
    print(f"{options.output}, {options.output.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
