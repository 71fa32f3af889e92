"""Ending the program while it is at work for somebody: one question first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace
from PySide6.QtCore import QObject

if TYPE_CHECKING:
    from app.core.download_state import DownloadItem
    from app.gui.context import AppContext
    from app.gui.frame import Frame
    from app.gui.question import Question
    from app.gui.session_end import SessionEnd
    from app.gui.tray import Tray

_QUIT, _TRAY = "quit", "tray"


class Leaving(QObject):
    """Looks for what would stop: downloads, and answers to other programs.

    A chat's own answer is not among it: it is kept as far as it came, and goes on when asked.
    """

    def __init__(self, context: AppContext, frame: Frame, tray: Tray, session: SessionEnd) -> None:
        super().__init__(frame)
        self._context = context
        self._frame = frame
        self._tray = tray
        self._session = session
        self.question: Question | None = None
        """The one that is shown."""

    def asks_first(self) -> bool:
        """Whether a question is shown now, so that the window stays for the time being.

        Not at the end of the session, which must not be held up; closing once more means yes.
        """
        if self._session.is_near() or self.question is not None:
            return False
        reasons = self._reasons()
        if not reasons:
            return False
        answers = {_QUIT: self.tr("Quit")}
        if self._tray.is_possible():
            answers = {_TRAY: self.tr("Go on in the background"), **answers}
        self._frame.bring_back()
        self.question = self._context.notifier.choose(
            self.tr("Quit Corral?"), "\n".join(reasons), answers, self._answered
        )
        return self.question is not None

    def _reasons(self) -> list[str]:
        loading = sum(item.state in ("running", "verifying") for item in self._downloads())
        asking = sum(record.seconds is None for record in self._context.requests.records())
        reasons = []
        if loading == 1:
            reasons.append(self.tr("1 download is running. It goes on at the next start."))
        elif loading:
            words = self.tr("{} downloads are running. They go on at the next start.")
            reasons.append(words.format(loading))
        if asking == 1:
            reasons.append(
                self.tr("Another program is being answered. Its answer would break off.")
            )
        elif asking:
            words = self.tr("{} requests of other programs are being answered and would break off.")
            reasons.append(words.format(asking))
        return reasons

    def _downloads(self) -> tuple[DownloadItem, ...]:
        return self._context.downloads.items()

    def _answered(self, answer: str | None) -> None:
        self.question = None
        if answer != _QUIT:
            # It is not ended for what was chosen for the end.
            self._context.worker.run(self._context.program_updates.replacement.wait_for_end)
        if answer == _TRAY:
            settings = self._context.settings
            settings.update(server=replace(settings.current.server, in_tray=True))
            self._frame.close()
        elif answer == _QUIT:
            self._frame.quit(sure=True)
