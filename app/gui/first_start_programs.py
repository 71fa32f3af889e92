"""The question of the first start: use the models that other programs have on this computer?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import structs
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.core.errors import AppError
from app.core.library_programs import FoundProgram, use_programs
from app.gui.first_start_parts import ProgramsCard
from app.gui.library_upkeep import programs_words
from app.gui.worker import Task

if TYPE_CHECKING:
    from app.gui.context import AppContext


class FoundPrograms(QWidget):
    """Appears when something was found and nobody has answered yet; asked once for good."""

    refused = Signal(object)
    """AppError: the answer could not be kept."""

    def __init__(self, context: AppContext, parent: QWidget) -> None:
        super().__init__(parent)
        self._context = context
        self._found: Sequence[FoundProgram] = ()
        self._task: Task | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 24)
        self.card = ProgramsCard(context.icons)
        self.card.use.clicked.connect(self._use)
        self.card.later.clicked.connect(self._leave)
        column.addWidget(self.card)
        self.hide()

    def look(self) -> None:
        """Look for them, off the GUI thread, unless the question was answered."""
        context = self._context
        if context.settings.current.models.programs_asked or self._task is not None:
            return
        self._task = context.worker.run(
            context.library.find_programs, done=self._show, failed=self._failed
        )

    def _show(self, found: Sequence[FoundProgram]) -> None:
        self._task, self._found = None, found
        self.setVisible(bool(found))
        if found:
            self.card.text.setText(programs_words(found))

    def _use(self) -> None:
        context, found = self._context, self._found

        def work() -> None:
            use_programs(context.settings, found)
            context.library.scan()

        self.card.setEnabled(False)
        self._task = context.worker.run(work, done=self._used, failed=self._failed)

    def _used(self, _: None) -> None:
        self._task = None
        self.hide()

    def _leave(self) -> None:
        settings = self._context.settings
        models = structs.replace(settings.current.models, programs_asked=True)
        try:
            settings.update(models=models)
        except AppError as error:
            self.refused.emit(error)
        self.hide()

    def _failed(self, error: AppError) -> None:
        self._task = None
        self.card.setEnabled(True)
        self.refused.emit(error)
