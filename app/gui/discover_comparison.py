"""Which models the person compares, and the panel that shows them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.gui.discover_compare import MOST, Compared, CompareOverlay
from app.gui.discover_subject import Subject
from app.gui.icons import Icons

Measure = Callable[[Subject], Compared]
"""The newest that is known of a model, with the variant that would be taken."""


class Comparison(QObject):
    """Two or three models; a further one takes the place of the first."""

    changed = Signal()
    wanted = Signal(object)
    """Subject that shall be shown."""

    def __init__(self, icons: Icons, page: QWidget, measure: Measure) -> None:
        super().__init__(page)
        self._icons, self._page, self._measure = icons, page, measure
        self._subjects: list[Subject] = []

    def titles(self) -> list[str]:
        """The names of the models."""
        return [subject.title for subject in self._subjects]

    def holds(self, repo: str) -> bool:
        """Whether a model is among them."""
        return any(subject.repo == repo for subject in self._subjects)

    def set_chosen(self, subject: Subject, *, on: bool) -> None:
        """Add a model, or leave it out; when there is no more room, the panel opens."""
        others = [each for each in self._subjects if each.repo != subject.repo]
        self._subjects = [*others, subject][-MOST:] if on else others
        self.changed.emit()
        if on and len(self._subjects) == MOST:
            self.open()

    def clear(self) -> None:
        """Compare nothing."""
        self._subjects = []
        self.changed.emit()

    def open(self) -> None:
        """Show the models side by side."""
        models = [self._measure(subject) for subject in self._subjects]
        overlay = CompareOverlay(self._icons, self._page.window(), models)
        overlay.wanted.connect(self.wanted)
        overlay.open(overlay.buttons[0])
