"""Build an engine: llama.cpp's libraries for one system, in a folder that Corral can use.

    python packaging/engine/build.py --out FOLDER            # for this computer
    python packaging/engine/build.py --target macos-arm64 --out FOLDER --dry-run

FOLDER appears when it is complete and replaces an earlier one. The wheel of the Python binding
without libraries is put beside it. Needs the environment of packaging/locked_environment.py, CMake,
Ninja, a C++ compiler and, for Windows, MinGW; uses ccache where there is one.
docs/decisions/0012-engine-folders.md says why it is done like this.
"""

import argparse
import hashlib
import importlib.util
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import engine_source
from engine_targets import LIBGOMP, TARGETS, Target

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WORK = ROOT / "build" / "engine"
MANIFEST = "engine.json"
BINDING = "binding"
INTERFACE = 1
"""What Corral and an engine agree on (`backends.engine_folder`)."""


def build_environment(source: engine_source.Source) -> dict[str, str]:
    """Without the versions of whatever repository this lies in, which would get into the files."""
    return {
        **os.environ,
        "GIT_DIR": str(source.folder / "no-repository"),
        "CCACHE_BASEDIR": str(source.folder.parent),
        # Else what was compiled when files had other names would be taken with those names.
        "CCACHE_NAMESPACE": source_name(source),
    }


def source_name(source: engine_source.Source) -> str:
    """What the source's folder is called in the files that come out: wherever it lies, the same.

    It is what ccache would make of it, so that files are the same with and without it.
    """
    return Path("..", source.llama_cpp.relative_to(source.folder.parent)).as_posix()


def configure_command(target: Target, source: engine_source.Source, folder: Path) -> list[str]:
    """CMake's first step. Where the source lies does not get into the files."""
    own = f"-ffile-prefix-map={source.llama_cpp}={source_name(source)}"
    flags = " ".join((own, *target.compiler_flags)) if target.compiler != "msvc" else ""
    compiler = [f"-DCMAKE_{language}_FLAGS={flags}" for language in ("C", "CXX")] if flags else []
    commit = source.commit if source.folder.exists() else "COMMIT"
    return [
        *("cmake", "-G", "Ninja", "-S", str(source.llama_cpp), "-B", str(folder)),
        *(*target.flags, f"-DLLAMA_BUILD_COMMIT={commit}", *compiler),
    ]


def compile_command(folder: Path, jobs: int) -> list[str]:
    return ["ninja", f"-j{jobs}", "-C", str(folder), "llama", "mtmd"]


def strip_command(target: Target, library: Path) -> list[str]:
    """Takes symbols out that only a debugger needs; empty where the linker did so."""
    options = {"linux": ["--strip-unneeded"], "macos": ["-x"]}
    if target.system not in options:
        return []
    return ["strip", *options[target.system], str(library)]


def rename_commands(folder: Path) -> list[list[str]]:
    """Let the libraries of a Mac have, and ask for each other by, the names of their files here.

    That breaks the signature that Apple's linker made, without which arm64 loads no code, so each
    gets another one; who makes a release signs once more.
    """
    changes = []
    for name in ("llama", "ggml", "ggml-base"):
        changes += ["-change", f"@rpath/lib{name}.0.dylib", f"@rpath/lib{name}.dylib"]
    commands = []
    for file in sorted(each for each in folder.iterdir() if each.suffix in (".dylib", ".so")):
        # What is only opened while the program runs, a “bundle”, has no name of its own.
        own = ["-id", f"@rpath/{file.name}"] if file.suffix == ".dylib" else []
        commands.append(["install_name_tool", *own, *changes, str(file)])
        commands.append(["codesign", "--force", "--sign", "-", str(file)])
    return commands


def collect(target: Target, built: Path, folder: Path) -> None:
    """Copy what belongs to an engine, and nothing else, into `folder`."""
    missing = [name for name in target.libraries if not (built / name).exists()]
    if missing:
        raise SystemExit(f"build: these were not built: {', '.join(missing)}")
    for name in target.libraries:
        shutil.copyfile((built / name).resolve(), folder / name)
        if command := strip_command(target, folder / name):
            subprocess.run(command, check=True)
    if target.system == "macos":
        for command in rename_commands(folder):
            subprocess.run(command, check=True)
    if target.system == "linux":
        shutil.copyfile(libgomp(), folder / LIBGOMP)


def libgomp() -> Path:
    """The compiler's OpenMP library."""
    command = ["gcc", f"-print-file-name={LIBGOMP}"]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    return Path(found).resolve(strict=True)


def write_manifest(target: Target, source: engine_source.Source, folder: Path) -> None:
    """Say what the engine is and what lies in it."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    names = [file.relative_to(folder).as_posix() for file in files]
    manifest = {
        "id": target.engine_id(source.version),
        "engine": "llama.cpp",
        "version": source.version,
        "commit": source.commit,
        "interface": INTERFACE,
        "system": target.system,
        "machine": target.machine,
        "compiler": target.compiler,
        "accelerator": target.accelerator,
        "variants": list(target.variants),
        "files": {
            name: hashlib.sha256(file.read_bytes()).hexdigest()
            for name, file in zip(names, files, strict=True)
        },
        "sizes": {name: file.stat().st_size for name, file in zip(names, files, strict=True)},
    }
    text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def clamp_times(paths: Iterable[Path]) -> None:
    """Give all the time of SOURCE_DATE_EPOCH, or of the last commit."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch is None:
        command = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        epoch = done.stdout.strip() or "0"
    for path in paths:
        os.utime(path, (int(epoch), int(epoch)))


def publish(finished: Path, out: Path) -> None:
    """Put a complete folder in its place, in one step where there was none."""
    out.parent.mkdir(parents=True, exist_ok=True)
    new = out.with_name(f".{out.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    shutil.copytree(finished, new)
    if out.exists():
        old = out.with_name(f".{out.name}.old")
        out.rename(old)
        new.rename(out)
        shutil.rmtree(old)
    else:
        new.rename(out)


def build(target: Target, work: Path, out: Path, jobs: int) -> None:
    """Fetch, compile, collect, check, publish. A step that fails ends the program."""
    if importlib.util.find_spec(engine_source.BUILD_TOOL) is None:
        raise SystemExit(
            "build: this Python lacks scikit-build-core; packaging/locked_environment.py makes an "
            "environment that has it, .venv-locked."
        )
    work.mkdir(parents=True, exist_ok=True)
    source = engine_source.fetch(work)
    wheel = engine_source.pure_wheel(source, work)
    environment = build_environment(source)
    folder = work / target.name
    for command in (configure_command(target, source, folder), compile_command(folder, jobs)):
        subprocess.run(command, check=True, env=environment)
    finished = work / f"{target.name}-engine"
    shutil.rmtree(finished, ignore_errors=True)
    finished.mkdir()
    collect(target, folder / "bin", finished)
    engine_source.unpack_binding(wheel, source.version, finished / BINDING)
    (finished / "LICENSES.txt").write_text(engine_source.notices(source), encoding="utf-8")
    write_manifest(target, source, finished)
    for file in finished.rglob("*"):
        file.chmod(0o755 if file.is_dir() else 0o644)
    subprocess.run([sys.executable, str(HERE / "check.py"), str(finished)], check=True)
    clamp_times((*finished.rglob("*"), finished))
    publish(finished, out)
    shutil.copyfile(wheel, out.parent / wheel.name)


def show(target: Target, work: Path, out: Path, jobs: int) -> None:
    """Print what would be done."""
    source = engine_source.expected_source(work)
    folder, finished = work / target.name, work / f"{target.name}-engine"
    commands = [
        engine_source.fetch_command(work),
        engine_source.wheel_command(source, work),
        configure_command(target, source, folder),
        compile_command(folder, jobs),
    ]
    for command in commands:
        print(shlex.join(command))
    for name in target.libraries:
        print(shlex.join(["cp", "-L", str(folder / "bin" / name), str(finished / name)]))
        if command := strip_command(target, finished / name):
            print(shlex.join(command))
    if target.system == "linux":
        print(f"cp -L $(gcc -print-file-name={LIBGOMP}) {finished}")
    if target.system == "macos":
        print(f"install_name_tool -id … -change …; codesign  # each library in {finished}")
    print(shlex.join([sys.executable, str(HERE / "check.py"), str(finished)]))
    print(shlex.join(["mv", str(finished), str(out)]))


def own_target() -> str | None:
    """The target that is this computer; None where there is none."""
    system = {"win32": "windows", "darwin": "macos"}.get(sys.platform, sys.platform)
    machine = platform.machine().lower()
    name = f"{system}-{'x86_64' if machine == 'amd64' else machine}"
    return name if name in TARGETS else None


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--target", choices=sorted(TARGETS), default=own_target())
    parser.add_argument("--out", required=True, type=Path, help="folder of the finished engine")
    parser.add_argument("--work", type=Path, default=WORK, help="folder for what is built")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--dry-run", action="store_true", help="print the steps, do nothing")
    words = parser.parse_args(arguments)
    if words.target is None:
        parser.error("engines cannot be built for this computer; --target names another")
    step = show if words.dry_run else build
    try:
        step(TARGETS[words.target], words.work.absolute(), words.out.absolute(), words.jobs)
    except (subprocess.CalledProcessError, OSError) as error:
        print(f"build: {error}\nThe reason may be above.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
