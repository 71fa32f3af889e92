"""Deleting a model as a person does: what was made of it goes with it."""

from app.core.library import ModelLibrary
from app.core.library_types import LocalModel
from app.core.own_models import OwnModels
from app.core.presets import PresetStore
from app.core.settings import SettingsStore


def remove_model(
    library: ModelLibrary,
    presets: PresetStore,
    settings: SettingsStore,
    model: LocalModel,
    *,
    for_good: bool = False,
) -> None:
    """Delete a model. One of another program's, or of a server, is only taken off the list.

    Models that were made of it have no files of their own and go with it, with their presets. Files
    go to the trash, or with `for_good` not. Raises AppError; what was deleted before stays deleted.
    """
    own = OwnModels(library, presets, settings)
    made = [
        each
        for each in library.models()
        if each.variant_of and model.id in (each.id, each.variant_of)
    ]
    if deletes_files(model):  # the files go first: a full disk cannot be written to before
        library.delete(model.id, to_trash=not for_good)
        for each in made:
            own.forget(each)
        return
    for each in made:
        own.delete(each)
    if not model.variant_of:
        library.delete(model.id)


def deletes_files(model: LocalModel) -> bool:
    """Whether deleting a model deletes files, and does not only take it off the list."""
    return not (model.is_remote or model.read_only or model.variant_of)
