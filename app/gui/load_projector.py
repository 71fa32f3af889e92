"""Which projector lets a model see: the one beside it, none, or a file that a person chooses."""

from pathlib import Path

from PySide6.QtWidgets import QWidget

from app.core.companions import Companions
from app.core.errors import ModelError
from app.core.gguf_types import GgufHeader
from app.core.projectors import check_projector
from app.gui.icons import Icons
from app.gui.load_files import ask_for_file
from app.gui.load_rows import ChoiceRow

_CHOOSE = object()
"""The value of the line that asks for a file."""


class ProjectorRow(ChoiceRow):
    """Automatic, None, those beside the model, and a file dialog."""

    def __init__(self, icons: Icons, width: int, parent: QWidget | None = None) -> None:
        super().__init__(
            icons,
            self.tr("Projector"),
            self.tr("The file that lets the model see pictures (mmproj)"),
            width=width,
        )
        self._header: GgufHeader | None = None
        self._last: object = None
        self._own = ""
        if parent is not None:
            self.setParent(parent)

    def show_companions(self, companions: Companions, header: GgufHeader | None) -> None:
        """What there is beside another model."""
        self._header = header
        self._last = None
        self._own = Path(companions.projector).name
        beside = [(Path(path).name, path) for path in companions.projectors]
        self.offer(
            [
                (self.tr("Automatic"), None),
                (self.tr("None"), ""),
                *beside,
                (self.tr("Choose a file…"), _CHOOSE),
            ]
        )
        self._explain()

    def set_value(self, value: object) -> None:
        """Show a value without telling."""
        super().set_value(value)
        self._last = value
        self._explain()

    def tell(self, _: object = None) -> None:
        """A person changed the value, or wants to choose a file."""
        if self.value() is _CHOOSE:
            self.set_value(self._last)
            title, names = self.tr("Choose a projector"), self.tr("Projectors (*.gguf)")
            ask_for_file(self, title, names, self.take)
            return
        self._last = self.value()
        self._explain()
        super().tell()

    def take(self, path: Path) -> None:
        """Use the projector at `path` if it fits the model, and tell."""
        try:
            if self._header is not None:
                check_projector(path, self._header)
        except ModelError as error:
            self.say(f"{error.title}. {error.message}", wrong=True)
            return
        self.set_value(str(path))
        super().tell()

    def _explain(self) -> None:
        """Which file is taken where nobody chose one."""
        shown = self._own and self.value() is None
        self.say(self.tr("Takes %1.").replace("%1", self._own) if shown else "")
