"""What `corral doctor` looks at: each check answers what it found and what to do about it."""

import platform
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct

from app.cli.parts import Parts
from app.cli.rendering import human_size
from app.core.connection_check import check_hubs
from app.core.engine import EngineProcess
from app.core.engine_list import EngineEntry, damaged, engine_entries
from app.core.errors import AppError
from app.core.hardware import HardwareSurvey, memory_snapshot, survey
from app.core.installed_engines import engine_places
from app.core.library_types import LocalModel
from app.core.running import running_corral
from backends.errors import BackendError
from backends.types import EngineBuild

State = Literal["ok", "note", "problem"]
"""Fine; worth knowing; something does not work."""
LITTLE_DISK = 5_000_000_000
"""Bytes below which hardly a model can be downloaded."""
LITTLE_MEMORY = 4_000_000_000


class Finding(Struct, frozen=True):
    """What one check found."""

    check: str
    state: State
    found: str
    """A sentence."""
    advice: str = ""
    """What to do, in a sentence; empty where there is nothing to do."""


def engine(parts: Parts) -> Finding:
    """Whether the engine's process starts and its files are whole."""
    settings = parts.settings.current.engine
    choice = parts.engines.choose("", settings.cpu_code, settings.engine)
    entries = engine_entries(engine_places(parts.paths), {})
    environment = choice.environment if choice else None
    try:
        with EngineProcess("llamacpp", environment=environment) as process:
            found = f"{build_words(process.build)} starts."
    except (AppError, BackendError) as error:
        named = f"{choice.engine.name} ({choice.engine.key}) does not start: " if choice else ""
        key = choice.engine.key if choice else ""
        return Finding("engine", "problem", f"{named}{error}", _instead(entries, key))
    if broken := damaged(entries):
        told = " ".join(f"{entry.key}: {why}" for entry, why in broken)
        advice = " ".join(dict.fromkeys(_instead(entries, each.key) for each, _ in broken))
        return Finding("engine", "note", f"{found} {told}", advice)
    if choice is not None and choice.note:
        found = f"{found} {choice.note}"
    return _passed_over(parts, entries, found)


def _instead(entries: Sequence[EngineEntry], key: str) -> str:
    """What to do about an engine that does not work."""
    entry = next((each for each in entries if each.key == key), None)
    if entry is not None and entry.removable:
        return f"Remove it: corral engine rm {key}"
    others = [each.key for each in entries if each.key != key and not each.problem]
    if others:
        return f"Install Corral again; until then: corral engine use {others[0]}"
    return "Install Corral again."


def _passed_over(parts: Parts, entries: Sequence[EngineEntry], found: str) -> Finding:
    """Engines that could not load a model which another one runs."""
    names = {model.id: model.name for model in parts.library.models()}
    told, advice = [], []
    for entry in entries:
        passed = parts.engines.models_passed(entry.key)
        known = [(names[each], why) for each, why in passed.items() if each in names]
        for name, why in known:
            words = f"{entry.key} could not load {name}, which an earlier engine runs."
            told.append(f"{words} What went wrong: {why}" if why else words)
        if known and entry.removable:
            advice.append(f"If it loads no model at all: corral engine rm {entry.key}")
        elif known:
            advice.append("Nothing has to be done; a newer engine is tried again.")
    if not told:
        return Finding("engine", "ok", found)
    return Finding("engine", "note", " ".join((found, *told)), " ".join(dict.fromkeys(advice)))


def build_words(build: EngineBuild | None) -> str:
    """An engine and the code that it runs, for people."""
    if build is None:
        return "The engine"
    commit = f" ({build.commit})" if build.commit else ""
    code = f" with its code for {build.cpu_code}" if build.cpu_code else ""
    return f"{build.name} {build.version}".strip() + commit + code


def processor(_: Parts) -> Finding:
    """Whether the processor has what the engine computes with."""
    hardware = survey()
    name = f"{hardware.cpu_name}, {hardware.physical_cores} cores"
    slow = platform.machine().lower() in ("x86_64", "amd64") and hardware.cpu_features
    if slow and "avx2" not in hardware.cpu_features:
        return Finding(
            "processor",
            "note",
            f"{name}. It has no AVX2: answers will be slow.",
            "Choose small models.",
        )
    return Finding("processor", "ok", f"{name}.")


def memory(_: Parts) -> Finding:
    """Whether there is room for a model now."""
    now = memory_snapshot()
    found = f"{human_size(now.available)} of {human_size(now.total)} are free."
    if now.available < LITTLE_MEMORY:
        return Finding(
            "memory", "note", found, "Close other programs, or choose models below 2 GB."
        )
    return Finding("memory", "ok", found)


def card(_: Parts) -> Finding:
    """Whether there is a graphics card, and whether the engine can compute on it."""
    return card_of(survey())


def card_of(hardware: HardwareSurvey) -> Finding:
    """`card`, of a computer that was looked at."""
    if hardware.apple_silicon:
        return Finding("graphics card", "ok", "Apple's GPU shares the main memory.")
    if not hardware.gpus:
        return Finding(
            "graphics card", "ok", "There is none with memory of its own; the processor computes."
        )
    names = ", ".join(f"{gpu.name} ({human_size(gpu.memory_total)})" for gpu in hardware.gpus)
    if not hardware.usable_gpus:
        return Finding(
            "graphics card",
            "note",
            f"{names}, but the installed engine computes on the processor only.",
            "Add an engine for this card with “corral engine add FILE”, or install "
            "llama-cpp-python built for it; README.md says how.",
        )
    return Finding("graphics card", "ok", f"{names}.")


def disk(parts: Parts) -> Finding:
    """Whether there is room for downloads."""
    folder = parts.library.folder
    place = next((each for each in (folder, *folder.parents) if each.is_dir()), Path.cwd())
    try:
        free = shutil.disk_usage(place).free
    except OSError as error:
        return Finding("disk", "problem", f"{place}: {error}.", "Choose another models folder.")
    found = f"{human_size(free)} are free for models in {folder}."
    if free < LITTLE_DISK:
        return Finding(
            "disk",
            "note",
            found,
            "Delete models with “corral rm --for-good”, or choose another folder.",
        )
    return Finding("disk", "ok", found)


def data(parts: Parts) -> Finding:
    """Whether settings, chats and the rest can be written."""
    folder = parts.paths.data
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"?")
    except OSError as error:
        return Finding(
            "data",
            "problem",
            f"{folder} cannot be written: {error.strerror}.",
            "Free some space there, or see to it that you may write; CORRAL_HOME names another.",
        )
    if (problem := parts.settings.problem) is not None:
        return Finding("data", "note", f"{problem}.", problem.hint)
    return Finding("data", "ok", f"{folder} can be written.")


def models(parts: Parts) -> Finding:
    """Whether there are models, and all of them can be used."""
    return models_of(parts.library.models())


def models_of(known: Sequence[LocalModel]) -> Finding:
    """`models`, of those of the library."""
    if not known:
        return Finding("models", "note", "There are none.", "Get one: corral get OWNER/REPO")
    absent = [model for model in known if not model.present]
    broken = [model for model in known if model.present and model.problem]
    lacking = [*absent, *broken]
    if not lacking:
        return Finding("models", "ok", f"All {len(known)} can be used.")
    told = "; ".join(f"{model.name}: {model.problem}" for model in lacking[:5])
    advice = []
    if absent:
        advice.append("Connect the drive: what is on it comes back untouched.")
    if broken:
        names = "the others" if absent else "those"
        advice.append(f"Delete {names} with “corral rm”, or get them again.")
    found = f"{len(lacking)} of {len(known)} cannot be used. {told}"
    return Finding("models", "note", found, " ".join(advice))


def running(parts: Parts) -> Finding:
    """Whether a Corral that runs can be reached."""
    if running_corral(parts.paths) is None:
        return Finding("running Corral", "ok", "None runs; commands work by themselves.")
    if parts.running is None:
        return Finding(
            "running Corral",
            "problem",
            "One runs, but it cannot be asked.",
            "End it, then start it.",
        )
    address = parts.running.status().address
    where = f"other programs reach it at {address}" if address else "its server is off"
    return Finding("running Corral", "ok", f"Process {parts.running.running.pid}; {where}.")


def network(parts: Parts) -> Finding:
    """Whether the hub answers."""
    if parts.settings.current.network.offline:
        return Finding(
            "network",
            "note",
            "Corral is offline, as the settings say.",
            "To download models: corral config set network.offline false",
        )
    try:
        states = check_hubs(parts.gate, parts.hub_http)
    except AppError as error:
        return Finding("network", "problem", f"{error}.", error.hint)
    good = [state for state in states if state.problem is None]
    if not good:
        problem = states[0].problem
        assert problem is not None
        return Finding("network", "problem", f"{problem}", problem.hint)
    if good[0].skew:
        return Finding(
            "network",
            "note",
            f"{good[0].address} answers, but the clocks differ by "
            f"{abs(good[0].skew) / 60:.0f} minutes.",
            "Set this computer's clock.",
        )
    return Finding("network", "ok", f"{good[0].address} answers in {good[0].seconds:.1f} s.")


CHECKS: Mapping[str, Callable[[Parts], Finding]] = {
    "engine": engine,
    "processor": processor,
    "memory": memory,
    "graphics card": card,
    "disk": disk,
    "data": data,
    "models": models,
    "running Corral": running,
    "network": network,
}
