"""What a model will take of the memory: number, verdict, parts, and what can be done about it."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.core.memory import Fit
from app.core.remedies import Advice
from app.gui import formatting
from app.gui.controls.badges import FIT_TONES, Badge, StatusDot
from app.gui.controls.bars import SumBar
from app.gui.controls.buttons import LinkButton
from app.gui.controls.card import Card
from app.gui.controls.icon_view import IconView
from app.gui.controls.labels import Label
from app.gui.icons import Icons
from app.gui.load_advice import Forecast
from backends.types import LoadConfig

_ICONS = {Fit.FITS: "circle-check", Fit.TIGHT: "triangle-alert", Fit.TOO_LARGE: "circle-alert"}


class MemoryCard(Card):
    """The estimate, live while settings change."""

    def __init__(self, icons: Icons) -> None:
        super().__init__(ground="inset")
        self.head = Label("", "body-strong")
        self._badge_row = QHBoxLayout()
        self._icons = icons
        self.badge: Badge | None = None
        self.bar = SumBar(icons)
        self._badge_row.addWidget(self.head, 1)
        self._legend = [Label("", "caption", "text-2") for _ in SumBar.ROLES]
        legend = QHBoxLayout()
        legend.setSpacing(0)
        for role, label in zip(SumBar.ROLES, self._legend, strict=True):
            legend.addWidget(StatusDot(icons, role))
            legend.addSpacing(4)
            legend.addWidget(label)
            legend.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 12, 14, 12)
        column.setSpacing(0)
        column.addLayout(self._badge_row)
        column.addSpacing(10)
        column.addWidget(self.bar)
        column.addSpacing(10)
        column.addLayout(legend)

    def show_forecast(self, forecast: Forecast) -> None:
        """Other numbers."""
        need, fit = forecast.need, forecast.verdict
        shown = formatting.memory_of(need.total, fit.total)
        self.head.setText(self.tr("Needs %1").replace("%1", shown))
        self._show_badge(fit.fit, fit.free)
        parts = (need.weights, need.kv_cache, need.compute + need.overhead)
        names = (self.tr("Weights %1"), self.tr("Context %1"), self.tr("Working %1"))
        words = [
            name.replace("%1", formatting.memory_size(part))
            for name, part in zip(names, parts, strict=True)
        ]
        for label, text in zip(self._legend, words, strict=True):
            label.setText(text)
        self.bar.set_parts(parts, fit.total, ", ".join(words))

    def _show_badge(self, fit: Fit, free: int) -> None:
        """The verdict in a word; a badge has one icon for life, so it is made anew."""
        words = {
            Fit.FITS: self.tr("Fits: %1 free"),
            Fit.TIGHT: self.tr("Tight: %1 free"),
            Fit.TOO_LARGE: self.tr("Too large: %1 free"),
        }[fit]
        if self.badge is not None:
            self._badge_row.removeWidget(self.badge)
            self.badge.hide()
            self.badge.deleteLater()
        text = words.replace("%1", formatting.memory_size(free))
        self.badge = Badge(self._icons, text, icon=_ICONS[fit], tone=FIT_TONES[fit.value])
        self._badge_row.addWidget(self.badge)


class AdviceLine(QWidget):
    """An icon, a sentence, and at most one thing to do about it."""

    taken = Signal()

    def __init__(self, icons: Icons, icon: str, role: str = "text-3") -> None:
        super().__init__()
        self.icon = IconView(icons, icon, 14, role)
        self.text = Label("", "caption", "text-2", wrap=True)
        self.action = LinkButton(icons, "", small=True)
        self.action.clicked.connect(self.taken)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        top = Qt.AlignmentFlag.AlignTop
        holder = QVBoxLayout()
        holder.setContentsMargins(0, 1, 0, 0)
        holder.addWidget(self.icon)
        holder.addStretch(1)
        row.addLayout(holder)
        row.addWidget(self.text, 1, top)
        row.addWidget(self.action, 0, top)
        self.hide()

    def say(self, text: str, action: str = "") -> None:
        """Another sentence; "" hides the line."""
        self.text.setText(text)
        self.action.setText(action)
        self.action.setVisible(bool(action))
        self.setVisible(bool(text))


class AdviceLines(QWidget):
    """What would make the model fit, what will be ejected, what may happen if it is too large."""

    advice_taken = Signal(object)
    """The `LoadConfig` to use."""

    def __init__(self, icons: Icons) -> None:
        super().__init__()
        self._config: LoadConfig | None = None
        self.danger = AdviceLine(icons, "triangle-alert", "danger")
        self.advice = AdviceLine(icons, "info")
        self.ejected = AdviceLine(icons, "eject")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for line in (self.danger, self.advice, self.ejected):
            column.addWidget(line)
        self.advice.taken.connect(self._take)

    def _take(self) -> None:
        if self._config is not None:
            self.advice_taken.emit(self._config)

    def show_forecast(self, forecast: Forecast, change: Advice | None, kv_type: str) -> None:
        """`change` makes the model fit; `kv_type` is what is set now."""
        self._config = change.config if change else None
        too_large = forecast.verdict.fit is Fit.TOO_LARGE
        self.danger.say(
            self.tr("Loaded anyway, this computer may become very slow or end the model.")
            if too_large
            else ""
        )
        self._advise(forecast, change, kv_type)
        self._name_ejected(forecast.ejected)

    def _advise(self, forecast: Forecast, change: Advice | None, kv_type: str) -> None:
        if change is None:
            self.advice.say(
                self.tr("No load setting makes it fit. A smaller variant would.")
                if forecast.verdict.fit is Fit.TOO_LARGE
                else ""
            )
            return
        tokens = formatting.number(change.config.context_length or 0)
        needs = formatting.memory_size(change.need)
        if change.config.kv_type == kv_type:
            words = self.tr("%1 tokens need %2 and leave room for other programs.")
            use = self.tr("Use %1")
        else:
            words = self.tr("%1 tokens with KV type %3 need %2 and leave room.")
            use = self.tr("Use both")
        words = words.replace("%3", change.config.kv_type)
        self.advice.say(words.replace("%1", tokens).replace("%2", needs), use.replace("%1", tokens))

    def _name_ejected(self, names: Sequence[str]) -> None:
        if not names:
            self.ejected.say("")
        elif len(names) == 1:
            text = self.tr("%1 will be ejected to make room.")
            self.ejected.say(text.replace("%1", names[0]))
        else:
            text = self.tr("%1 and %2 will be ejected to make room.")
            self.ejected.say(text.replace("%1", ", ".join(names[:-1])).replace("%2", names[-1]))
