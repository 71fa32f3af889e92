"""What is said of the tokens of a prompt, beside the gauge and in tool tips. No widgets."""

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QLocale

from backends.types import ContextPolicy


def _tr(text: str) -> str:
    return QCoreApplication.translate("TokenState", text)


@dataclass(frozen=True)
class TokenState:
    """Tokens of chat and draft against the context of the model."""

    total: int
    context: int
    sendable: bool
    """It fits, or will when a part is left out."""
    policy: ContextPolicy
    """What happens when it does not fit."""

    @property
    def fraction(self) -> float:
        """How full the context is; 1 is all."""
        return self.total / self.context

    def words(self) -> str:
        """ "1,204 / 8,192 tokens"."""
        locale = QLocale()
        words = _tr("%1 / %2 tokens").replace("%1", locale.toString(self.total))
        return words.replace("%2", locale.toString(self.context))

    def tip(self) -> str:
        """What the gauge counts, and what comes when it is full."""
        what = _tr("%1 of the context for this chat and what you write.")
        where = _tr("Settings › Chat says what happens to long chats.")
        return "\n".join((what.replace("%1", self.words()), self._consequence(), where))

    def _consequence(self) -> str:
        if not self.sendable:
            return self.too_long()
        full = self.fraction > 1
        if self.policy == "stop":
            return _tr("When the chat outgrows it, nothing more can be sent.")
        if self.policy == "truncate_middle":
            if full:
                return _tr("The chat has outgrown it: its middle is left out.")
            return _tr("When the chat outgrows it, its middle is left out.")
        if full:
            return _tr("The chat has outgrown it: its oldest turns are left out.")
        return _tr("When the chat outgrows it, its oldest turns are left out.")

    def left_out(self) -> str:
        """What the model will not read although Send works; nothing where it reads all."""
        if self.fraction <= 1 or not self.sendable:
            return ""
        if self.policy == "truncate_middle":
            return _tr("Send. The middle of this chat no longer fits; the model will not read it.")
        return _tr("Send. Older messages of this chat no longer fit; the model will not read them.")

    def too_long(self) -> str:
        """Why nothing can be sent, and what helps."""
        over = QLocale().toString(self.total - self.context)
        return _tr(
            "%1 tokens more than the context holds. Shorten the message, start a new chat, "
            "or load the model with a longer context."
        ).replace("%1", over)
