"""Deleting a model as a person does: files go to the trash, what was made of it goes with it."""

from app.core.library import ModelLibrary
from app.core.library_types import LocalModel
from app.core.own_models import OwnModels
from app.core.presets import PresetStore
from app.core.settings import SettingsStore


def remove_model(
    library: ModelLibrary, presets: PresetStore, settings: SettingsStore, model: LocalModel
) -> None:
    """Delete a model. One of another program's, or of a server, is only taken off the list.

    Models that were made of it have no files of their own and go first, with their presets. Raises
    AppError; what was deleted before stays deleted.
    """
    own = OwnModels(library, presets, settings)
    for each in library.models():
        if each.variant_of and model.id in (each.id, each.variant_of):
            own.delete(each)
    if not model.variant_of:
        library.delete(model.id)
