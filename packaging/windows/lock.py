"""Write requirements.txt: exact versions and hashes of the libraries that Windows needs.

    python packaging/windows/lock.py

Run after packaging/pin.py, whose versions are taken. Installs `uv` into an environment of its own
for it, as pip can only resolve for the system that it runs on.
"""

import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LOCK = HERE / "requirements.txt"
PYTHON = "3.13"
ENGINE = "llama-cpp-python"
NEEDED_BY_ENGINE = ("typing-extensions",)
"""What its binding imports; that comes with the engine folder."""
HEADER = """\
# The libraries of Corral for Windows, with the hashes of their wheels;
# written by packaging/windows/lock.py.
"""


def requirements() -> list[str]:
    """Corral's own, without the engine, which is no wheel here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [
        *(line for line in project["dependencies"] if not line.startswith(ENGINE)),
        *NEEDED_BY_ENGINE,
    ]


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        venv.create(folder / "uv", with_pip=True)
        programs = folder / "uv" / ("Scripts" if sys.platform == "win32" else "bin")
        subprocess.run([programs / "python", "-m", "pip", "install", "-q", "uv"], check=True)
        wanted = folder / "requirements.in"
        wanted.write_text("\n".join(requirements()), encoding="utf-8")
        command = [str(programs / "uv"), "pip", "compile", "--quiet", "--no-header"]
        command += ["--no-annotate", "--generate-hashes", "--only-binary", ":all:"]
        command += ["--python-platform", "x86_64-pc-windows-msvc", "--python-version", PYTHON]
        command += ["--constraints", str(ROOT / "packaging" / "constraints.txt"), str(wanted)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    LOCK.write_text(HEADER + done.stdout, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
