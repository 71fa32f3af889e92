"""What engines are built from: the binding's source distribution, checked by its hash.

pip asks the distribution's own build tool about it, scikit-build-core, so that has to be installed:
packaging/locked_environment.py and the `installer` extra do so.
"""

import re
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
REQUIREMENT = HERE / "source.txt"
BUILD_TOOL = "scikit_build_core"

_CHANGES = (
    # MinGW's headers before version 12 lack this structure.
    (
        "ggml/src/ggml-cpu/ggml-cpu.c",
        "#if _WIN32_WINNT >= 0x0602\n        THREAD_POWER_THROTTLING_STATE t;",
        "#if _WIN32_WINNT >= 0x0602 && defined(THREAD_POWER_THROTTLING_CURRENT_VERSION)\n"
        "        THREAD_POWER_THROTTLING_STATE t;",
    ),
    # gcc 12 for Windows writes addresses for AMX that its assembler refuses.
    (
        "ggml/src/CMakeLists.txt",
        "        if (NOT MSVC)\n            # MSVC doesn't support AMX\n",
        "        if (NOT MSVC AND NOT MINGW)\n            # MSVC doesn't support AMX\n",
    ),
)
"""What is changed in llama.cpp, for Windows only: the file, the text, and what replaces it."""

_NOTICES = (
    "LICENSE.md",
    "vendor/llama.cpp/LICENSE",
    "vendor/llama.cpp/vendor/hash/sha256/LICENSE",
    "vendor/llama.cpp/vendor/hash/xxhash/LICENSE",
    "vendor/llama.cpp/vendor/hash/rotate-bits/LICENSE.md",
)
"""Licences of everything that is compiled in; the other parts carry theirs in their headers."""
_HEADERS = (
    "vendor/stb/stb_image.h",
    "vendor/miniaudio/miniaudio.h",
    "vendor/sheredom/subprocess.h",
)


_BINDING_MODULES = ("llama_cpp.py", "mtmd_cpp.py", "_ctypes_extensions.py")


@dataclass(frozen=True)
class Source:
    """An unpacked source distribution of the binding."""

    version: str
    """Of llama-cpp-python."""
    archive: Path
    folder: Path

    @property
    def llama_cpp(self) -> Path:
        """llama.cpp's own source."""
        return self.folder / "vendor" / "llama.cpp"

    @property
    def commit(self) -> str:
        """llama.cpp's commit, as far as it tells it apart."""
        head = self.folder / ".git" / "modules" / "vendor" / "llama.cpp" / "HEAD"
        return head.read_text(encoding="ascii").strip()[:9]


def pinned_version() -> str:
    """The version that source.txt names."""
    found = re.search(r"^llama-cpp-python==(\S+)", REQUIREMENT.read_text("utf-8"), re.MULTILINE)
    assert found is not None
    return found[1]


def expected_source(work: Path) -> Source:
    """Where the source is, or will be once it is fetched."""
    name = f"llama_cpp_python-{pinned_version()}"
    return Source(pinned_version(), work / f"{name}.tar.gz", work / name)


def fetch_command(work: Path) -> list[str]:
    """Gets the source distribution; pip refuses one whose hash is not the one written down."""
    return [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"),
        # pip asks the build tool for the name; in isolation it would fetch that tool, unchecked.
        *("--no-binary", "llama-cpp-python", "--no-build-isolation"),
        *("--dest", str(work), "--requirement", str(REQUIREMENT)),
    ]


def wheel_command(source: Source, work: Path) -> list[str]:
    """Makes a wheel of the binding alone: Python files, for every system."""
    return [
        *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"),
        *("--config-settings", "wheel.cmake=false", "--config-settings", "wheel.platlib=false"),
        *("--wheel-dir", str(work), str(source.archive)),
    ]


def fetch(work: Path) -> Source:
    """The source, fetched and unpacked unless it is there already."""
    source = expected_source(work)
    if not source.archive.exists():
        subprocess.run(fetch_command(work), check=True)
    if not source.folder.exists():
        unpacked = work / "unpacked"
        with tarfile.open(source.archive) as archive:
            archive.extractall(unpacked, filter="data")
        for change in _CHANGES:
            _change(unpacked / source.folder.name / "vendor" / "llama.cpp", *change)
        (unpacked / source.folder.name).rename(source.folder)
    return source


def _change(llama_cpp: Path, name: str, before: str, after: str) -> None:
    file = llama_cpp / name
    text = file.read_text(encoding="utf-8")
    if text.count(before) != 1:
        raise SystemExit(f"build: {name} is not what is to be changed; look at engine_source.py.")
    file.write_text(text.replace(before, after), encoding="utf-8")


def pure_wheel(source: Source, work: Path) -> Path:
    """The wheel of the binding without libraries, made unless it is there already."""
    wheel = work / f"llama_cpp_python-{source.version}-py3-none-any.whl"
    if not wheel.exists():
        subprocess.run(wheel_command(source, work), check=True)
    return wheel


def unpack_binding(wheel: Path, version: str, folder: Path) -> None:
    """Put the binding's modules that Corral uses into `folder`.

    The package's own beginning would import all the others, and with them twice as much memory.
    """
    package = folder / "llama_cpp"
    package.mkdir(parents=True)
    with zipfile.ZipFile(wheel) as archive:
        for name in _BINDING_MODULES:
            (package / name).write_bytes(archive.read(f"llama_cpp/{name}"))
    (package / "__init__.py").write_text(
        '"""The functions of llama.h and mtmd.h, from llama-cpp-python."""\n\n'
        # llguidance looks for them here, as in the package.
        f'from llama_cpp.llama_cpp import *\n\n__version__ = "{version}"\n',
        encoding="utf-8",
    )


def notices(source: Source) -> str:
    """The licences of everything in an engine, as one text."""
    parts = {name: (source.folder / name).read_text("utf-8").strip() for name in _NOTICES}
    parts |= {name: _licence_in(source.llama_cpp / name) for name in _HEADERS}
    rule = "\n\n" + "-" * 72 + "\n\n"
    return rule.join(f"{name}\n\n{text}" for name, text in parts.items()) + "\n"


def _licence_in(header: Path) -> str:
    """The licence of a library that is one header: its last comment that speaks of permission."""
    text = header.read_text(encoding="utf-8", errors="replace")
    comments = re.findall(r"/\*.*?\*/", text, re.DOTALL)
    told: list[str] = [
        each for each in comments if re.search("public domain|permission", each, re.IGNORECASE)
    ]
    if not told:
        raise SystemExit(f"build: no licence was found in {header.name}.")
    return told[-1].strip("/*\n ")
