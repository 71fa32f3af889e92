"""A big library: what `make bench` measures, and a short sample of it in the tests."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from app.core.library import ModelLibrary
from app.core.paths import AppPaths, app_paths
from app.core.settings import Models, SettingsStore
from tests.core.model_stores import ollama_model, put, tiny

SIZE = 4_000_000_000
"""Bytes that each made model seems to have; almost all of it is a hole."""
QUANTIZATIONS = ("Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0")


@dataclass(frozen=True)
class Home:
    """A home of its own with a big library."""

    paths: AppPaths
    settings: SettingsStore
    count: int
    """Models in it, without the starter model."""

    def library(self) -> ModelLibrary:
        """As a program that starts anew has it."""
        return ModelLibrary(self.paths, self.settings)

    def forget(self) -> None:
        """Make the next scan the first one."""
        (self.paths.cache / "library.json").unlink(missing_ok=True)


def furnish(folder: Path, count: int, roots: int = 5) -> Home:
    """`count` sparse models in `roots` folders: Corral's, plain ones, and one of Ollama's."""
    paths = app_paths({"CORRAL_HOME": str(folder / "corral")})
    places = [paths.models, *(folder / f"disk-{number}" for number in range(1, roots - 1))]
    store = folder / "ollama"
    share = count // roots
    for place, root in enumerate(places):
        for number in range(share):
            label = QUANTIZATIONS[number % 4]
            name = f"Model-{place}-{number}-{number % 70 + 1}B-Instruct-{label}.gguf"
            repo = root / f"maker-{number % 40}" / f"Model-{place}-{number // 4}-GGUF"
            os.truncate(put(repo / name, tiny(name)), SIZE)
    for number in range(count - share * len(places)):
        name = f"registry.ollama.ai/library/model-{number}/latest"
        os.truncate(ollama_model(store, name, tiny(name)), SIZE)
    settings = SettingsStore(paths.settings_file)
    extra = tuple(str(path) for path in (*places[1:], store))
    settings.update(models=Models(extra_folders=extra))
    return Home(paths, settings, count)


def scan_seconds(home: Home) -> float:
    """Seconds until everything is listed, in a library that has just been made."""
    library = home.library()
    started = time.perf_counter()
    models = library.scan()
    passed = time.perf_counter() - started
    present = sum(model.present and model.source != "starter" for model in models)
    assert present == home.count, f"{present} of {home.count}"
    return passed
