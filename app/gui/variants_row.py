"""One line of the variants table, and the cell that says what can be done with it."""

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QEvent, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QHBoxLayout,
    QSizePolicy,
    QToolTip,
    QWidget,
)

from app.gui import formatting
from app.gui.controls.badges import FIT_TONES
from app.gui.controls.bars import draw_fit_bar
from app.gui.controls.buttons import Button, GhostButton, IconButton
from app.gui.controls.focus import RingFocus
from app.gui.controls.focus_heir import focus_kept
from app.gui.controls.icon_view import IconView
from app.gui.controls.labels import Label
from app.gui.controls.painting import bar, box, clip_round, painter_for
from app.gui.discover_fit import fit_tip, fit_word, speed_words
from app.gui.icons import Icons
from app.gui.variants_lines import VariantLine

ROW_HEIGHT = 39
"""With the line beneath it 40."""
_SIDE = 16
_VCENTER = Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True)
class Columns:
    """Where the columns of the table stand at a width. A width of 0 leaves a column out."""

    label: QRect
    source: QRect
    """Whose repository it is of."""
    quality: QRect
    words: bool
    """Whether the quality is said in words, too."""
    size: QRect
    bar: QRect
    need: QRect
    fit: QRect


def columns(width: int, height: int = ROW_HEIGHT, *, sources: bool = False) -> Columns:
    """The columns for a table `width` wide; the least important give way first.

    With `sources` the words for the quality leave their room to the maker's name.
    """
    words, bar_width = width >= 800 and not sources, 80 if width >= 680 else 0
    roomy = bar_width > 0
    quality, size, need = (180 if words else 44), 76 if roomy else 54, 76 if roomy else 50
    right = width - 8 - action_width(width)
    fit = QRect(right - (84 if roomy else 74), 0, 72, height)
    need_rect = QRect(fit.x() - (26 if roomy else 18) - need, 0, need, height)
    bar_rect = QRect(need_rect.x() - bar_width + 16, 0, bar_width, height)
    left_of_bar = bar_rect.x() if bar_width else need_rect.x()
    size_rect = QRect(left_of_bar - 16 - size, 0, size, height)
    quality_rect = QRect(size_rect.x() - quality + (24 if words else 0), 0, quality, height)
    room = quality_rect.x() - _SIDE - 12 if sources else 0
    source = min(150, max(104, room - 182)) if room >= 230 else 0
    source_rect = QRect(quality_rect.x() - source - (12 if source else 0), 0, source, height)
    label = QRect(_SIDE, 0, max(40, source_rect.x() - _SIDE - 8), height)
    return Columns(label, source_rect, quality_rect, words, size_rect, bar_rect, need_rect, fit)


def action_width(width: int) -> int:
    """Room for the action at the right of a table."""
    return 156 if width >= 680 else 132


class ProgressCell(QWidget):
    """Percentage, time left and a thin bar."""

    def __init__(self, icons: Icons, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = icons.theme
        self._fraction = 0.0
        self._left = self._right = ""
        self.setFixedSize(98, 32)
        self._theme.changed.connect(self.update)

    def show_progress(self, fraction: float, left: str, right: str) -> None:
        """How much is done, and the words above the bar."""
        self._fraction, self._left, self._right = fraction, left, right
        self.setAccessibleName(f"{left} {right}".strip())
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Words above the bar."""
        painter, theme = painter_for(QPainter(self)), self._theme
        painter.setFont(theme.font("caption", tabular=True))
        words = QRect(0, 4, self.width(), 16)
        painter.setPen(theme.color("text-2"))
        painter.drawText(words, _VCENTER, self._left)
        painter.setPen(theme.color("text-3"))
        painter.drawText(words, _RIGHT, self._right)
        groove = QRectF(0, 24, self.width(), theme.metric("progress"))
        bar(painter, groove, theme.color("track"))
        groove.setWidth(groove.width() * self._fraction)
        bar(painter, groove, theme.color("accent"))


class VariantAction(QWidget):
    """Download, progress with pause, resume, or the word that it is here."""

    download = Signal()
    pause = Signal()
    resume = Signal()
    page_wanted = Signal()

    def __init__(self, icons: Icons, parent: QWidget) -> None:
        super().__init__(parent)
        self._state = ""
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addStretch(1)
        self.button = Button(icons, small=True, parent=self)
        self.quiet = GhostButton(icons, small=True, parent=self)
        self.progress = ProgressCell(icons, self)
        self.pause_button = IconButton(icons, "pause", self.tr("Pause"), small=True, parent=self)
        self.check = IconView(icons, "check", 16, "success", self)
        self.word = Label("", "body", "text-2", self)
        tip = self.tr("Open its page in the browser, to accept its licence")
        self.page = IconButton(icons, "external-link", tip, small=True, parent=self)
        self._right = QWidget(self)
        self._right.setFixedWidth(4)
        self._parts = (
            self.page, self.button, self.quiet, self.progress, self.pause_button, self.check,
            self.word, self._right,
        )  # fmt: skip
        for part in self._parts:
            row.addWidget(part)
            part.hide()
        self.button.clicked.connect(self._pressed)
        self.quiet.clicked.connect(self.download)
        self.page.clicked.connect(self.page_wanted)
        self.pause_button.clicked.connect(self.pause)

    def _pressed(self) -> None:
        if self._state in ("paused", "failed"):
            self.resume.emit()
        else:
            self.download.emit()

    def show_line(self, line: VariantLine) -> None:
        """Take the form that the state of a variant asks for."""
        self._state = line.state
        shown: tuple[QWidget, ...]
        if line.state == "here":
            self.word.setText(self.tr("On this computer"))
            shown = (self.check, self.word, self._right)
        elif line.state == "waiting":
            self.word.setText(self.tr("Waiting"))
            shown = (self.word, self.pause_button)
        elif line.state == "asking":
            self.word.setText(self.tr("Asking the hub…"))
            shown = (self.word, self._right)
        elif line.state in ("running", "verifying"):
            shown = self._show_progress(line)
        else:
            shown = self._show_button(line)
        for part in self._parts:
            part.setVisible(part in shown)

    def _show_progress(self, line: VariantLine) -> tuple[QWidget, ...]:
        if line.state == "verifying":
            self.progress.show_progress(line.fraction, self.tr("Verifying"), "")
            return (self.progress, self._right)
        left = formatting.short_duration(line.eta) if line.eta is not None else ""
        self.progress.show_progress(line.fraction, formatting.percent(line.fraction), left)
        return (self.progress, self.pause_button)

    def _show_button(self, line: VariantLine) -> tuple[QWidget, ...]:
        if line.state == "paused":
            text, icon = self.tr("Resume, %1"), "play"
            text = text.replace("%1", formatting.percent(line.fraction))
        elif line.state == "failed":
            text, icon = self.tr("Retry"), "rotate-cw"
        else:
            text, icon = self.tr("Download"), "download"
        too_large = line.judged is not None and line.judged.fit.value == "too_large"
        quiet = line.state == "absent" and too_large
        button = self.quiet if quiet else self.button
        button.setText(text)
        button.set_icon(icon)
        button.setEnabled(line.usable)
        button.setToolTip(line.problem)
        button.setAccessibleName(f"{text} {line.label}")
        button.updateGeometry()
        return (self.page, button) if line.page else (button,)


class VariantRow(RingFocus, QAbstractButton):
    """A line of the table; checked when it is the chosen one."""

    ring_radius = 4

    def __init__(self, icons: Icons, line: VariantLine, parent: QWidget) -> None:
        super().__init__(parent)
        self._icons, self._theme = icons, icons.theme
        self.line = line
        self.is_last = False
        """The last line of the table follows the round corners of its frame."""
        self._sources = False
        self.setCheckable(True)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(ROW_HEIGHT)
        self.action = VariantAction(icons, self)
        self._theme.changed.connect(self.update)
        self.show_line(line)

    def show_line(self, line: VariantLine) -> None:
        """Show another state of the same variant."""
        self.line = line
        with focus_kept(self):
            self.action.show_line(line)
        size = formatting.file_size(line.download_size, about=line.about)
        note = self.tr("Recommended") if line.recommended else ""
        owner = "" if line.is_main else line.owner
        parts = [line.label, owner, note, self.quality_words(), size]
        if line.judged is not None:
            parts.append(fit_word(line.judged.fit))
        self.setAccessibleName(", ".join(part for part in parts if part))
        self.update()

    def show_sources(self, on: bool) -> None:
        """Whether the maker of the file is told."""
        if on != self._sources:
            self._sources = on
            self.update()

    def _columns(self) -> Columns:
        return columns(self.width(), sources=self._sources)

    def quality_words(self) -> str:
        """How much of the model is kept."""
        return QCoreApplication.translate("quality", self.line.quality_text)

    def sizeHint(self) -> QSize:
        """As wide as the table."""
        return QSize(400, ROW_HEIGHT)

    def resizeEvent(self, event: QEvent) -> None:
        """The action stays at the right."""
        width = action_width(self.width())
        self.action.setGeometry(self.width() - 8 - width, 0, width, self.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ground and cells."""
        theme, line = self._theme, self.line
        painter = painter_for(QPainter(self))
        if self.isChecked() or self.underMouse():
            self._paint_ground(painter, "selected" if self.isChecked() else "hover")
        cells = self._columns()
        self._paint_label(painter, cells.label)
        self._paint_source(painter, cells.source)
        self._paint_quality(painter, cells.quality, words=cells.words)
        painter.setFont(theme.font("body", tabular=True))
        painter.setPen(theme.color("text"))
        size = formatting.file_size(line.download_size)
        painter.drawText(cells.size, _RIGHT, f"≈ {size}" if line.about and line.size else size)
        if line.judged is None:
            return
        judged = line.judged
        fit = judged.fit.value
        if cells.bar.width():
            area = QRectF(cells.bar)
            draw_fit_bar(painter, area, judged.need, judged.free, judged.total, fit, theme)
        painter.setFont(theme.font("body", tabular=True))
        painter.setPen(theme.color("text-2"))
        painter.drawText(cells.need, _RIGHT, formatting.memory_size(judged.need))
        tone = FIT_TONES[fit]
        badge = QRect(cells.fit.x(), (self.height() - 20) // 2, cells.fit.width(), 20)
        box(painter, badge, theme.radius("small"), fill=theme.color(f"{tone}-tint"))
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.color(tone))
        painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, fit_word(judged.fit))

    def _paint_ground(self, painter: QPainter, role: str) -> None:
        painter.save()
        if self.is_last:
            clip_round(painter, QRectF(self.rect()).adjusted(0, -12, 0, 0), 11)
        painter.fillRect(self.rect(), self._theme.color(role))
        painter.restore()

    def _paint_label(self, painter: QPainter, rect: QRect) -> None:
        theme, line = self._theme, self.line
        font = theme.font("code")
        if self.isChecked():
            font.setWeight(font.Weight.DemiBold)
        metrics = QFontMetrics(font)
        painter.setFont(font)
        painter.setPen(theme.color("text"))
        label = metrics.elidedText(line.label, Qt.TextElideMode.ElideRight, rect.width())
        painter.drawText(rect, _VCENTER, label)
        x = rect.x() + metrics.horizontalAdvance(label) + 8
        if self._sources and not self._columns().source.width():
            self._paint_source(painter, QRect(x, 0, rect.right() - x, rect.height()), "caption")
            return
        notes = [self.tr("Recommended")] if line.recommended else []
        notes += ["MLX"] if line.format == "mlx" else []
        font = theme.font("caption")
        metrics = QFontMetrics(font)
        for note in notes:
            width = metrics.horizontalAdvance(note) + 12
            if x + width > rect.right() + 8:
                return
            badge = QRect(x, rect.center().y() - 9, width, 20)
            ground, ink = ("accent-tint", "accent") if line.recommended else ("hover", "text-2")
            box(painter, badge, theme.radius("small"), fill=theme.color(ground))
            painter.setFont(font)
            painter.setPen(theme.color(ink))
            painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, note)
            x += width + 6

    def _paint_source(self, painter: QPainter, rect: QRect, style: str = "body") -> None:
        if rect.width() <= 0:
            return
        font = self._theme.font(style)
        owner = QFontMetrics(font).elidedText(
            self.line.owner, Qt.TextElideMode.ElideRight, rect.width()
        )
        painter.setFont(font)
        painter.setPen(self._theme.color("text-2"))
        painter.drawText(rect, _VCENTER, owner)

    def _paint_quality(self, painter: QPainter, rect: QRect, *, words: bool) -> None:
        theme = self._theme
        top = rect.center().y() - 4
        for step in range(5):
            role = "text-2" if step < self.line.quality else "track"
            place = QRectF(rect.x() + step * 8, top, 5, 10)
            box(painter, place, 1.5, fill=theme.color(role))
        if words:
            painter.setFont(theme.font("body"))
            painter.setPen(theme.color("text-2"))
            painter.drawText(rect.adjusted(46, 0, 0, 0), _VCENTER, self.quality_words())

    def event(self, event: QEvent) -> bool:
        """The numbers behind the verdict, or the words where only bars are shown."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.tip_at(event.pos().x()), self)
            return True
        return super().event(event)

    def tip_at(self, x: int) -> str:
        """The tool tip for a place in the line."""
        line, cells = self.line, self._columns()
        if line.problem and line.state == "failed":
            return line.problem
        if x >= (cells.bar if cells.bar.width() else cells.need).x() and line.judged:
            speed = speed_words(line.speed)
            return " ".join(part for part in (fit_tip(line.judged, line.context), speed) if part)
        if x >= cells.quality.x():
            return self.quality_words()
        files = self.tr("%n files", "", line.parts) if line.parts > 1 else ""
        return "\n".join(part for part in (line.repo, line.file, files) if part)
