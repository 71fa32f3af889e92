"""A library that knows models of the scripted engine besides real ones."""

from app.core.errors import NotFoundError
from app.core.library import ModelLibrary
from app.core.library_types import LocalModel


class LibraryWithScripts(ModelLibrary):
    """The real library, which also lists the models of the scripted engine in its folder."""

    def scripts(self) -> tuple[LocalModel, ...]:
        paths = sorted(self.folder.glob("*.scripted"))
        return tuple(
            LocalModel(id=path.stem, name=path.stem.title(), path=path, files=(path,), size=1)
            for path in paths
        )

    def models(self) -> tuple[LocalModel, ...]:
        return (*self.scripts(), *super().models())

    def get(self, model_id: str) -> LocalModel:
        for model in self.models():
            if model.id == model_id:
                return model
        raise NotFoundError("This model is not on this computer")
