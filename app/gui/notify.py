"""Telling the person: toasts, and the few questions that must be asked."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Mapping

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from app.core.errors import AppError
from app.gui.controls.toast import Toast
from app.gui.icons import Icons
from app.gui.question import Question, Report

log = logging.getLogger(__name__)

_YES = "yes"


class Notifier(QObject):
    """Shows toasts and questions in the window it is attached to."""

    def __init__(self, icons: Icons, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._icons = icons
        self._host: QWidget | None = None
        self._page: QWidget | None = None
        self._foot: Callable[[], int] = int
        self._toast: Toast | None = None
        self._report: Report | None = None
        self._reported: set[str] = set()
        """Where the defects came from that the person was told of."""

    def attach(
        self, host: QWidget, page: QWidget | None = None, foot: Callable[[], int] = int
    ) -> None:
        """The window that questions cover, and the part of it that toasts stand in.

        `foot` says how much of its bottom they leave free now.
        """
        self._host = host
        self._page = page or host
        self._foot = foot

    def toast(
        self, text: str, action: str | None = None, callback: Callable[[], object] | None = None
    ) -> Toast | None:
        """A short note with at most one action (Undo). The one before gives way."""
        return self._show_toast(text, action or "", callback, danger=False)

    def error(self, error: AppError, parent: QWidget | None = None) -> Toast | None:
        """A failure that has no place on a page of its own: title, reason, what to do."""
        log.info("shown to the person: %s", error)
        rest = " ".join(part for part in (error.message, error.hint) if part)
        text = f"{error.title}. {rest}" if rest else error.title
        return self._show_toast(text, "", None, danger=True)

    def _show_toast(
        self, text: str, action: str, callback: Callable[[], object] | None, *, danger: bool
    ) -> Toast | None:
        if self._page is None:
            log.warning("no window to say: %s", text)
            return None
        if self._toast is not None:
            self._toast.destroyed.disconnect(self._forget_toast)  # it dies after the next is here
            self._toast.leave()
        self._toast = Toast(
            self._icons,
            text,
            action=action,
            callback=callback,
            danger=danger,
            foot=self._foot,
            parent=self._page,
        )
        self._toast.destroyed.connect(self._forget_toast)
        self._toast.appear()
        return self._toast

    def _forget_toast(self) -> None:
        self._toast = None

    def confirm(
        self,
        title: str,
        text: str,
        confirm: str,
        done: Callable[[bool], object],
        *,
        danger: bool = False,
        keep: str = "",
    ) -> Question | None:
        """Ask a question that cannot be undone; `done` gets True for yes. Does not block.

        `keep` is the other answer where that is not Cancel.
        """
        if self._host is None:
            done(False)
            return None
        question = Question(
            self._icons,
            self._host,
            title,
            text,
            {_YES: confirm},
            lambda answer: done(answer == _YES),
            danger=danger,
            keep=keep,
        )
        question.ask()
        return question

    def choose(
        self,
        title: str,
        text: str,
        answers: Mapping[str, str],
        done: Callable[[str | None], object],
    ) -> Question | None:
        """A question with several answers, best first; `done` gets its key, None for Cancel."""
        if self._host is None:
            done(None)
            return None
        question = Question(self._icons, self._host, title, text, answers, done)
        question.ask()
        return question

    def report(self, error: BaseException) -> Report | None:
        """A defect: offer what is needed to find it. The program goes on.

        While one report is open, further defects only reach the log. So does one that comes again
        from where it came before: what fails at every word of an answer is told once.
        """
        if self._host is None:
            return None
        if self._report is not None:
            return self._report
        origin = "".join((type(error).__name__, *traceback.format_tb(error.__traceback__)))
        if origin in self._reported:
            return None
        self._reported.add(origin)
        text = "".join(traceback.format_exception(error))
        self._report = Report(self._icons, self._host, text)
        self._report.closed.connect(self._forget_report)
        self._report.open(self._report.close_button)
        return self._report

    def shown_toast(self) -> Toast | None:
        """The toast in view."""
        return self._toast

    def shown_report(self) -> Report | None:
        """The report in view."""
        return self._report

    def _forget_report(self) -> None:
        self._report = None
