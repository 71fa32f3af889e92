"""How much memory the chat's model takes: the foot of the chat settings."""

from functools import partial

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from app.core.errors import AppError
from app.core.hardware import memory_snapshot
from app.core.library import ModelLibrary
from app.core.memory import estimate
from app.core.runtime import LoadedModel
from app.gui import formatting
from app.gui.context import AppContext
from app.gui.controls.bars import ProgressBar
from app.gui.controls.card import Region
from app.gui.controls.labels import Label
from backends.types import LoadConfig


def needed(library: ModelLibrary, model: LoadedModel) -> int:
    """Bytes that a model takes as it is loaded. May read its header: blocks."""
    if model.need is not None:
        return model.need.total
    return estimate(library.header(model.model.id), model.config, model.model.size).total


class MemoryFoot(Region):
    """ "Memory in use  6.6 of 16.5 GB" and a bar."""

    def __init__(self, context: AppContext) -> None:
        super().__init__("sidebar")
        self._context = context
        self._sizes: dict[tuple[str, LoadConfig], int] = {}
        self._shown: tuple[str, LoadConfig] | None = None
        self._total = memory_snapshot().total
        words = self.tr("Memory in use")
        self.setToolTip(self.tr("What this chat's model takes of this computer's memory"))
        self.value = Label(self.tr("not loaded"), "caption", "text-2")
        self.bar = ProgressBar(context.icons, words)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(6)
        head = QHBoxLayout()
        head.addWidget(Label(words, "caption", "text-3"), 1)
        head.addWidget(self.value)
        column.addLayout(head)
        column.addWidget(self.bar)

    def show_model(self, model: LoadedModel | None) -> None:
        """Follow the chat's model; cheap when nothing changed."""
        if model is None or model.state == "stopped":
            self._show(None, self.tr("not loaded"))
            return
        if model.state == "loading":
            self._show(None, formatting.percent(model.fraction))
            return
        if model.model.is_remote:
            self._show(None, self.tr("on %1").replace("%1", model.model.publisher))
            return
        key = (model.model.id, model.config)
        if key == self._shown:
            return
        size = self._sizes.get(key)
        if size is not None:
            self._show(key, self._words(size), size)
            return
        self._shown = key
        self._context.worker.run(
            needed,
            self._context.library,
            model,
            done=partial(self._learn, key),
            failed=partial(self._fail, key),
        )

    def _learn(self, key: tuple[str, LoadConfig], size: int) -> None:
        self._sizes[key] = size
        if key == self._shown:
            self._show(key, self._words(size), size)

    def _fail(self, key: tuple[str, LoadConfig], _: AppError) -> None:
        if key == self._shown:
            self._show(key, formatting.UNKNOWN)

    def _words(self, size: int) -> str:
        return formatting.memory_of(size, self._total)

    def _show(self, key: tuple[str, LoadConfig] | None, words: str, size: int = 0) -> None:
        self._shown = key
        self.value.setText(words)
        self.bar.set_fraction(size / self._total if self._total else 0)
        self.bar.setAccessibleDescription(words)
