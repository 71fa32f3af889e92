"""When a model of Ollama's registry has arrived: its preset and its load settings are set up."""

import logging
from textwrap import shorten

from msgspec import Struct, structs

from app.core.download_state import DownloadItem, DownloadRequest
from app.core.downloads import DownloadManager
from app.core.draft_models import draft_models
from app.core.errors import AppError
from app.core.events import EventHook
from app.core.library import LocalModel, ModelLibrary
from app.core.ollama_recipe import Recipe
from app.core.own_adapters import own_drafts
from app.core.preset_of_model import ICON
from app.core.presets import Preset, PresetStore
from app.core.settings import SettingsStore
from backends.types import LoadConfig

log = logging.getLogger(__name__)


class Arrival(Struct, frozen=True):
    """What was set up for a model, and what could not be."""

    model: LocalModel
    preset: str = ""
    """Name of the preset that was made; empty where there was nothing to put into one."""
    load_set: tuple[str, ...] = ()
    """Names of the load settings that were taken."""
    adapters: int = 0
    """LoRA adapters that are loaded with it."""
    left_out: tuple[str, ...] = ()
    """Names of parameters and kinds of layers that Corral does not take."""
    no_template: bool = False
    """The file has no chat template of its own, and the registry's is of another language."""

    def sentences(self) -> tuple[str, ...]:
        """The same in English sentences."""
        said = []
        if self.preset:
            said.append(f"Its system prompt and parameters are in the preset “{self.preset}”.")
        if self.load_set:
            said.append(f"Load settings taken: {', '.join(self.load_set)}.")
        if self.adapters:
            many = "1 adapter is" if self.adapters == 1 else f"{self.adapters} adapters are"
            said.append(f"{many} loaded with it.")
        if self.no_template:
            said.append(
                "The file has no chat template, and the one of the registry is in Go's template "
                "language, which Corral does not use: a general template takes its place."
            )
        if self.left_out:
            said.append(f"Not taken: {', '.join(self.left_out)}.")
        return tuple(said)


class OllamaArrivals:
    """Sets up every model of the registry that a download manager has finished."""

    def __init__(
        self,
        downloads: DownloadManager,
        library: ModelLibrary,
        presets: PresetStore,
        settings: SettingsStore,
    ) -> None:
        self.arrived: EventHook[[Arrival]] = EventHook()
        self.failed: EventHook[[AppError]] = EventHook()
        """The preset or the settings could not be written; the model itself is there."""
        self._library, self._presets, self._settings = library, presets, settings
        self._disconnect = downloads.finished.connect(self._finished)

    def close(self) -> None:
        """Hear of no more downloads."""
        self._disconnect()

    def _finished(self, item: DownloadItem) -> None:
        try:
            arrival = set_up(item, self._library, self._presets, self._settings)
        except AppError as error:
            log.warning("%s could not be set up: %s", item.request.title, error)
            self.failed(error)
        else:
            if arrival is not None:
                self.arrived(arrival)


def set_up(
    item: DownloadItem, library: ModelLibrary, presets: PresetStore, settings: SettingsStore
) -> Arrival | None:
    """Make the preset and keep the load settings of a finished download; None without a recipe.

    What a person has set for this model before stays. Raises `AppError`.
    """
    recipe = item.request.recipe
    model = _model_of(item.request, item, library)
    if recipe is None or model is None:
        return None
    load, left_out = _with_draft(recipe, model, library)
    return Arrival(
        model=model,
        preset=_make_preset(recipe, model, presets).name if recipe.makes_preset else "",
        load_set=_keep_load(load, model, settings),
        adapters=len(recipe.adapters),
        left_out=left_out,
        no_template=recipe.foreign_template and not model.has_chat_template,
    )


def _with_draft(
    recipe: Recipe, model: LocalModel, library: ModelLibrary
) -> tuple[LoadConfig, tuple[str, ...]]:
    """The load settings with the draft model, if the engine takes it; else it is left out."""
    if not recipe.draft:
        return recipe.load, recipe.left_out
    fitting = draft_models(model, library.header(model.id), own_drafts(model))
    if not fitting:
        return recipe.load, (*recipe.left_out, "draft model (it does not fit)")
    return structs.replace(recipe.load, draft_model=str(fitting[0].path)), recipe.left_out


def _model_of(
    request: DownloadRequest, item: DownloadItem, library: ModelLibrary
) -> LocalModel | None:
    path = item.target / request.files[0].path
    return next((model for model in library.models() if model.path == path), None)


def _make_preset(recipe: Recipe, model: LocalModel, presets: PresetStore) -> Preset:
    """The preset of this recipe; the one that an earlier download made if it is still the same."""
    for preset in presets.list():
        same = (preset.system_prompt, preset.sampling, preset.messages)
        if preset.model == model.id and same == (
            recipe.system_prompt,
            recipe.sampling,
            recipe.messages,
        ):
            return preset
    return presets.create(
        recipe.name,
        icon=ICON,
        description=_description(recipe),
        system_prompt=recipe.system_prompt,
        sampling=recipe.sampling,
        messages=recipe.messages,
        model=model.id,
    )


def _description(recipe: Recipe) -> str:
    """Where the preset comes from and, for later, what was not taken."""
    text = f"As Ollama’s registry describes {recipe.name}."
    if recipe.left_out:
        text += f" Not taken: {', '.join(recipe.left_out)}."
    return shorten(text, 300, placeholder=" …")


def _keep_load(load: LoadConfig, model: LocalModel, settings: SettingsStore) -> tuple[str, ...]:
    """Keep load settings for a model that has none yet; answers the names of those kept."""
    models = settings.current.models
    if load == LoadConfig() or model.id in models.load:
        return ()
    settings.update(models=structs.replace(models, load={**models.load, model.id: load}))
    plain = structs.asdict(LoadConfig())
    return tuple(name for name, value in structs.asdict(load).items() if value != plain[name])
