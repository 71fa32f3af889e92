"""Looks at the chat template of the model in the drawer, off the GUI thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.core.library_types import LocalModel
from app.core.template_check import check_template, tokens_of
from app.gui.library_template_tab import TemplateTab
from app.gui.worker import Task

if TYPE_CHECKING:
    from app.gui.context import AppContext


class TemplateKeeper(QObject):
    """Answers what the tab asks about one model at a time."""

    def __init__(self, context: AppContext, tab: TemplateTab, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._tab = tab
        self._model: LocalModel | None = None
        self._tasks: list[Task] = []
        tab.check_asked.connect(self._check)
        tab.tokens_asked.connect(self._tokens)

    def show_model(self, model: LocalModel) -> None:
        """Another model is in the drawer, or the same in another state."""
        if self._model is not None and self._model.id != model.id:
            self._drop()
        self._model = model

    def _drop(self) -> None:
        """What was asked of another template is of no use any more."""
        for task in self._tasks:
            task.cancel()
        self._tasks = []

    def _check(self) -> None:
        self._drop()
        model, tab, run = self._model, self._tab, self._context.worker.run
        if model is None or not model.present or model.is_remote:
            return
        compare = self._context.base_templates.compare
        self._tasks = [
            run(check_template, model.path, done=tab.show_report, failed=tab.show_problem),
            run(compare, model, done=tab.show_comparison, failed=tab.show_comparison),
        ]

    def _tokens(self, text: str) -> None:
        if self._model is not None:
            tab, path = self._tab, self._model.path
            run = self._context.worker.run
            self._tasks.append(
                run(tokens_of, path, text, done=tab.show_tokens, failed=tab.show_tokens)
            )
