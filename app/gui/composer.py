"""Where a person writes: a field that grows, the token gauge, Send and Stop."""

from dataclasses import replace

from PySide6.QtCore import QEvent, QObject, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QFontMetrics,
    QHelpEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QToolTip, QWidget

from app.core.conversations import Picture
from app.gui.composer_field import ComposerField
from app.gui.composer_pictures import ComposerPictures
from app.gui.composer_tokens import TokenState
from app.gui.controls.badges import draw_key_cap
from app.gui.controls.bars import RingGauge
from app.gui.controls.buttons import Button, IconButton, PrimaryButton
from app.gui.controls.painting import box, dpr_of, painter_for, pixmap_in
from app.gui.icons import Icons
from app.gui.picture_images import PictureImages
from app.gui.theme import Theme
from backends.types import ContextPolicy

SIDE = 24
BELOW = 16
SHARE_OF_WINDOW = 0.4
WARN_AT = 0.85
_TOP, _GAP, _ROW, _BOTTOM = 13, 8, 32, 9
_LEFT, _RIGHT = 17, 7
_RISE = 2
"""As in the transcript: puts text in the middle of its line."""


class Composer(QWidget):
    """Asks to send and to stop; knows nothing of chats. Fills the width it is given."""

    send_requested = Signal(str)
    """The text; the field is empty by then, and `set_text` puts it back if it cannot be sent."""
    stop_requested = Signal()
    draft_changed = Signal(str)
    edit_last_requested = Signal()
    """Up in the empty field."""
    attach_requested = Signal()
    """Files are to be chosen."""
    pictures_offered = Signal(object)
    """Pictures were pasted or dropped into the field: `picture_offer.Offer`s."""
    pictures_changed = Signal()
    """The person removed one."""

    def __init__(
        self,
        theme: Theme,
        icons: Icons,
        parent: QWidget | None = None,
        *,
        images: PictureImages | None = None,
    ) -> None:
        """`images` shows what is attached; without it nothing can be."""
        super().__init__(parent)
        self._theme = theme
        self._generating = False
        self._obstacle = ""
        self._model_name = ""
        self._tokens: TokenState | None = None
        self.context_policy: ContextPolicy = "drop_oldest"
        self._picture_obstacle = ""
        self._importing = False
        self._card = QRect()
        self._token_rect = QRect()
        self._pictures = ComposerPictures(icons, images, self) if images else None
        self.field = ComposerField(theme, self)
        self.field.submitted.connect(self._send)
        self.field.left.connect(self._stop)
        self.field.recall_wanted.connect(self.edit_last_requested)
        self.field.focus_changed.connect(self.update)
        self.field.textChanged.connect(self._text_changed)
        self.attach_button = IconButton(icons, "paperclip", self.tr("Attach pictures"), parent=self)
        self.attach_button.clicked.connect(self.attach_requested)
        self.attach_button.setVisible(images is not None)
        if self._pictures is not None:
            self.field.takes_pictures = True
            self.field.pictures_offered.connect(self.pictures_offered)
            self._pictures.changed.connect(self._pictures_changed)
        self._gauge = RingGauge(icons, self.tr("Tokens of the prompt"), self)
        self._gauge.hide()
        self.send_button = PrimaryButton(icons, "", "arrow-up", parent=self)
        self.send_button.setFixedSize(_ROW, _ROW)
        self.send_button.setAccessibleName(self.tr("Send"))
        self.send_button.clicked.connect(self._send)
        self.stop_button = StopButton(icons, self)
        self.stop_button.clicked.connect(self.stop_requested)
        self.stop_button.hide()
        theme.changed.connect(self._restyle)
        self._update_hint()
        self._update_buttons()

    # What the page tells

    def text(self) -> str:
        """What is typed."""
        return self.field.text()

    def set_text(self, text: str) -> None:
        """Put a draft in place."""
        self.field.set_text(text)

    def pictures(self) -> tuple[Picture, ...]:
        """What is attached."""
        return self._pictures.pictures if self._pictures else ()

    def set_pictures(self, pictures: tuple[Picture, ...]) -> None:
        """Attach these in place of others."""
        if self._pictures is not None and pictures != self.pictures():
            self._pictures.set_pictures(pictures)
            self._warn()

    def set_picture_obstacle(self, sentence: str) -> None:
        """Why no picture can be sent; "" when they can. Shown only while there are some."""
        if sentence != self._picture_obstacle:
            self._picture_obstacle = sentence
            self._warn()

    def set_importing(self, importing: bool) -> None:
        """Whether pictures are still being read; nothing is sent without them."""
        self._importing = importing
        self._update_buttons()

    def set_model_name(self, name: str) -> None:
        """Who will answer; "" for nobody yet."""
        self._model_name = name
        self._update_hint()

    def set_generating(self, generating: bool) -> None:
        """Whether an answer is on its way: Stop takes the place of Send."""
        self._generating = generating
        self._update_hint()
        self._update_buttons()
        self._place()
        self.update()

    def set_obstacle(self, sentence: str) -> None:
        """Why nothing can be sent ("Reload the model to go on"); "" when it can."""
        self._obstacle = sentence
        self._update_hint()
        self._update_buttons()

    def set_tokens(
        self, total: int | None, context_length: int = 0, *, sendable: bool = True
    ) -> None:
        """Tokens of prompt and draft against the context length; None when not known.

        `sendable`: it fits, or will when earlier turns are left out.
        """
        self._tokens = (
            TokenState(total, context_length, sendable, self.context_policy)
            if total is not None and context_length
            else None
        )
        self._gauge.setVisible(self._tokens is not None)
        self._update_gauge()
        self._update_buttons()
        self._place()
        self.update()

    def set_context_policy(self, policy: ContextPolicy) -> None:
        """What happens when the chat outgrows the context; the gauge tells it."""
        self.context_policy = policy
        if self._tokens:
            self._tokens = replace(self._tokens, policy=policy)
            self._update_gauge()
            self._update_buttons()

    def set_enter_sends(self, sends: bool) -> None:
        """Whether Enter sends; if not, Ctrl+Enter does."""
        self.field.enter_sends = sends
        self._update_buttons()

    def focus_field(self) -> None:
        """Put the cursor into the field."""
        self.field.setFocus(Qt.FocusReason.OtherFocusReason)

    # What others may ask

    def can_send(self) -> bool:
        """Whether Send does something now."""
        ready = not self._generating and not self._obstacle
        ready = ready and (self._tokens is None or self._tokens.sendable)
        pictures = bool(self.pictures())
        ready = ready and not self._importing and not (pictures and self._picture_obstacle)
        return ready and (pictures or bool(self.text().strip()))

    def token_words(self) -> str:
        """ "1,204 / 8,192 tokens", or nothing."""
        return self._tokens.words() if self._tokens else ""

    def sizeHint(self) -> QSize:
        """As high as the text wants, up to its share of the window."""
        return QSize(400, self._height_for(self._text_height(), self._pictures_height()))

    def minimumSizeHint(self) -> QSize:
        """Never less than its text wants."""
        return QSize(200, self.sizeHint().height())

    # Inside

    def _fraction(self) -> float:
        return self._tokens.fraction if self._tokens else 0.0

    def _most(self) -> int:
        chrome = _TOP + _GAP + _ROW + _BOTTOM
        line = self._theme.line_height("reading")
        return max(line, int(self.window().height() * SHARE_OF_WINDOW) - chrome)

    def _text_height(self) -> int:
        return self.field.wanted_height(self._column_width() - 2 * _LEFT, self._most())

    def _column_width(self) -> int:
        return min(self._theme.metric("text-column-max"), self.width() - 2 * SIDE)

    def _pictures_height(self) -> int:
        return self._pictures.fit(self._column_width() - 2 * _LEFT) if self._pictures else 0

    def _height_for(self, text_height: int, pictures_height: int) -> int:
        return _TOP + pictures_height + text_height + _GAP + _ROW + _BOTTOM + BELOW

    def _text_changed(self) -> None:
        self._place()
        self._update_buttons()
        self.draft_changed.emit(self.text())

    def _pictures_changed(self) -> None:
        self._warn()
        self.focus_field()
        self.pictures_changed.emit()

    def _warn(self) -> None:
        if self._pictures is not None:
            self._pictures.set_warning(self._picture_obstacle)
        self._place()
        self._update_buttons()
        self.update()

    def _send(self) -> None:
        if self.can_send():
            text = self.text()
            self.field.set_text("")
            self.send_requested.emit(text)

    def _stop(self) -> None:
        if self._generating:
            self.stop_requested.emit()

    def _update_hint(self) -> None:
        if self._obstacle:
            hint = self._obstacle
        elif self._generating:
            hint = self.tr("Write the next message while you wait")
        elif self._model_name:
            hint = self.tr("Message %1").replace("%1", self._model_name)
        else:
            hint = self.tr("Write a message")
        self.field.set_hint(hint)

    def _update_buttons(self) -> None:
        self.send_button.setVisible(not self._generating)
        self.stop_button.setVisible(self._generating)
        self.send_button.setEnabled(self.can_send())
        self.send_button.setToolTip(self._send_tip())

    def _send_tip(self) -> str:
        if self._obstacle:
            return self._obstacle
        if self._importing:
            return self.tr("A picture is still being read")
        if self.pictures() and self._picture_obstacle:
            return self._picture_obstacle
        if self._tokens and not self._tokens.sendable:
            return self._tokens.too_long()
        if self._tokens and (left_out := self._tokens.left_out()):
            return left_out
        return self.tr("Send (Enter)") if self.field.enter_sends else self.tr("Send (Ctrl+Enter)")

    def _restyle(self) -> None:
        self.field.restyle()
        self._place()
        self.update()

    def _place(self) -> None:
        width = self._column_width()
        left = (self.width() - width) // 2
        self.field.resize(width - 2 * _LEFT, self.field.height())
        text_height = self._text_height()
        above = self._pictures_height()
        height = self._height_for(text_height, above)
        if height != self.height():
            self.setFixedHeight(height)
        self._card = QRect(left, 0, width, height - BELOW)
        self.field.set_scrolls(text_height >= self._most())
        inner = width - 2 * _LEFT
        if self._pictures is not None:
            self._pictures.setGeometry(left + _LEFT, _TOP, inner, above)
        top = _TOP + above
        self.field.setGeometry(left + _LEFT, top - _RISE, inner, text_height + _RISE)
        row = top + text_height + _GAP
        self.attach_button.move(left + _RIGHT + 2, row)
        right = left + width - _RIGHT
        button = self.stop_button if self._generating else self.send_button
        wide = button.sizeHint().width() if self._generating else _ROW
        button.setGeometry(right - wide, row, wide, _ROW)
        other = self.send_button if self._generating else self.stop_button
        other.move(right - other.width(), row)
        self._place_gauge(right - wide - 14, row)

    def _update_gauge(self) -> None:
        if self._tokens:
            self._gauge.set_fraction(self._tokens.fraction, self._tokens.tip())

    def event(self, event: QEvent) -> bool:
        """The words beside the gauge have its tool tip."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            over = self._tokens if self._token_rect.contains(event.pos()) else None
            QToolTip.showText(event.globalPos(), over.tip() if over else "", self)
            return True
        return super().event(event)

    def _place_gauge(self, right: int, top: int) -> None:
        metrics = QFontMetrics(self._theme.font("caption", tabular=True))
        words = metrics.horizontalAdvance(self.token_words())
        self._token_rect = QRect(right - words, top, words + 1, _ROW)
        self._gauge.move(right - words - 6 - self._gauge.width(), top + (_ROW - 16) // 2)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The column is that of the transcript."""
        self._place()

    def showEvent(self, event: QShowEvent) -> None:
        """From now on the height of the window counts."""
        super().showEvent(event)
        self.window().installEventFilter(self)
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The share of the window changes with it."""
        if event.type() == QEvent.Type.Resize and watched is self.window():
            self._place()
        return super().eventFilter(watched, event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The card, its border in the accent colour while the field has the focus."""
        theme = self._theme
        painter = painter_for(QPainter(self))
        border = theme.color("accent" if self.field.hasFocus() else "border-strong")
        box(painter, self._card, theme.radius("surface"), fill=theme.color("raised"), border=border)
        if self._tokens:
            painter.setFont(theme.font("caption", tabular=True))
            painter.setPen(theme.color(self._token_role()))
            painter.drawText(self._token_rect, Qt.AlignmentFlag.AlignVCenter, self.token_words())

    def _token_role(self) -> str:
        if self._fraction() > 1:
            return "danger"
        return "warning" if self._fraction() > WARN_AT else "text-3"


class StopButton(Button):
    """Stop, with the key that does the same."""

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(icons, "", parent=parent)
        self.setText(self.tr("Stop"))
        self.setAccessibleName(self.tr("Stop the answer"))
        self.setToolTip(self.tr("Stop the answer; what is written is kept (Esc)"))

    def sizeHint(self) -> QSize:
        """Icon, word, key."""
        words = QFontMetrics(self.label_font()).horizontalAdvance(self.text())
        return QSize(31 + words + 8 + self._cap_width() + 11, _ROW)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Icon, word, key."""
        theme = self._icons.theme
        painter = painter_for(QPainter(self))
        ground, border = theme.color(self.ground()), theme.color(self.edge)
        box(painter, self.rect(), theme.radius("control"), fill=ground, border=border)
        icon = self._icons.pixmap("square", 14, "text", dpr_of(painter))
        pixmap_in(painter, QRect(11, 0, 14, self.height()), icon)
        painter.setFont(self.label_font())
        painter.setPen(theme.color("text"))
        area = QRect(31, 0, self.width() - 31, self.height())
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, self.text())
        cap = QRect(self.width() - 11 - self._cap_width(), (self.height() - 18) // 2, 0, 18)
        cap.setWidth(self._cap_width())
        draw_key_cap(painter, cap, self.tr("Esc"), theme)

    def _cap_width(self) -> int:
        metrics = QFontMetrics(self._icons.theme.font("micro"))
        return metrics.horizontalAdvance(self.tr("Esc")) + 10
