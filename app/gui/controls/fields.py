"""Fields: text, search, numbers, prompts."""

from PySide6.QtCore import QLocale, QRect, Qt, Signal
from PySide6.QtGui import QHideEvent, QKeyEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from app.gui.controls.field_note import FieldNote
from app.gui.controls.focus import RingFocus, RingShape
from app.gui.controls.painting import dpr_of, painter_for, pixmap_in
from app.gui.icons import Icons


class TextField(RingFocus, QLineEdit):
    """One line. 32 high, `small` 28. A wrong value gets a red border and a sentence."""

    ring_shape: RingShape = "field"

    def __init__(
        self,
        icons: Icons,
        name: str,
        placeholder: str = "",
        *,
        small: bool = False,
        mono: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._icons = icons
        self.setAccessibleName(name)
        self.setPlaceholderText(placeholder)
        self.setProperty("mono", mono)
        self._height = "control-small" if small else "control"
        self.setFixedHeight(icons.theme.metric(self._height))
        self.setAttribute(Qt.WidgetAttribute.WA_MacShowFocusRect, False)

    def set_wrong(self, sentence: str) -> None:
        """Say what is wrong with the value; "" when it is right."""
        self.setProperty("wrong", bool(sentence))
        self.setAccessibleDescription(sentence)
        self.setToolTip(sentence)
        self.style().unpolish(self)
        self.style().polish(self)

    def is_wrong(self) -> bool:
        """Whether the value was found wrong."""
        return bool(self.property("wrong"))


class SearchField(TextField):
    """A field with a magnifier; Esc empties it, then lets the key pass."""

    escape_empties = True

    def __init__(
        self, icons: Icons, name: str, placeholder: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(icons, name, placeholder or name, parent=parent)
        self.setTextMargins(24, 0, 0, 0)
        icons.theme.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The field with the icon."""
        super().paintEvent(event)
        painter = painter_for(QPainter(self))
        pixmap = self._icons.pixmap("search", 16, "text-2", dpr_of(painter))
        pixmap_in(painter, QRect(10, 0, 16, self.height()), pixmap)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc empties first."""
        if event.key() == Qt.Key.Key_Escape and self.text() and self.escape_empties:
            self.clear()
            event.accept()
            return
        super().keyPressEvent(event)


class NumberField(TextField):
    """A number that is checked when typed; the last good one stays in force.

    That is the one from before the typing began: of 999999 neither 999 nor 9999 was meant.
    `value_changed` carries good values only. `None` is allowed where `empty` says what it means
    ("Random", "Until the context is full").
    """

    value_changed = Signal(object)

    def __init__(
        self,
        icons: Icons,
        name: str,
        *,
        minimum: float = 0,
        maximum: float = 1,
        decimals: int = 0,
        step: float = 1,
        empty: str | None = None,
        suffix: str = "",
        lowest: str = "",
        grouped: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        """`lowest` is a word that is shown, and may be typed, for the first `minimum`.

        `grouped` divides thousands; names that are numbers, as of ports, have none.
        """
        super().__init__(icons, name, empty or "", small=True, parent=parent)
        self.minimum, self.maximum, self.decimals, self.step = minimum, maximum, decimals, step
        self._empty_allowed = empty is not None
        self._suffix = suffix
        self._lowest = (lowest, minimum) if lowest else None
        self._grouped = grouped
        self._value: float | None = None if self._empty_allowed else minimum
        self._settled = self._value
        """The value when the field was last left, stepped or set."""
        self._note: FieldNote | None = None
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.setProperty("number", True)
        self.setFont(icons.theme.font("body", tabular=True))
        self.textEdited.connect(self._typed)
        self.editingFinished.connect(self._settle)
        self._show()

    def value(self) -> float | None:
        """The last good value; whole numbers are `int`."""
        return self._value

    def set_value(self, value: float | None) -> None:
        """Show a value without telling. It is kept as it is, with more decimals than are shown."""
        whole = value is not None and self.decimals == 0
        self._value = self._rounded(value) if whole and value is not None else value
        self._settle()

    def set_range(self, minimum: float, maximum: float) -> None:
        """Other bounds; the value moves inside them."""
        self.minimum, self.maximum = minimum, maximum
        if self._value is not None:
            self.set_value(min(maximum, max(minimum, self._value)))

    def set_suffix(self, suffix: str) -> None:
        """Other words after the number."""
        self._suffix = suffix
        self._show()

    def _rounded(self, value: float) -> float:
        return round(value) if self.decimals == 0 else round(value, self.decimals)

    def _settle(self) -> None:
        self._settled = self._value
        self._show()

    def set_wrong(self, sentence: str) -> None:
        """Say beneath the field what is wrong with the value; "" when it is right."""
        super().set_wrong(sentence)
        if sentence and self.isVisible():
            if self._note is None or self._note.parentWidget() is not self.window():
                self._note = FieldNote(self)
            self._note.say(sentence)
        elif self._note is not None:
            self._note.hide()

    def note(self) -> str:
        """The sentence in view beneath the field."""
        return self._note.label.text() if self._note and self._note.isVisible() else ""

    def hideEvent(self, event: QHideEvent) -> None:
        """What is not in view has nothing to say."""
        if self._note is not None:
            self._note.hide()
        super().hideEvent(event)

    def _show(self) -> None:
        self.set_wrong("")
        if self._value is None:
            self.clear()
            return
        text = self._words(self._value)
        self.setText(f"{text} {self._suffix}" if self._suffix else text)

    def _typed(self, text: str) -> None:
        text = text.removesuffix(self._suffix).strip()
        if not text and self._empty_allowed:
            self._accept(None)
            return
        value = parse_number(text)
        if self._lowest and text.casefold() == self._lowest[0].casefold():
            value = self._lowest[1]
        if value is None:
            self._refuse(self.tr("This is not a number."))
        elif not self.minimum <= value <= self.maximum:
            self._refuse(
                self.tr("Between %1 and %2.")
                .replace("%1", self._words(self.minimum))
                .replace("%2", self._words(self.maximum))
            )
        else:
            self._accept(self._rounded(value))

    def _refuse(self, sentence: str) -> None:
        self._accept(self._settled)
        self.set_wrong(sentence)

    def _words(self, value: float) -> str:
        if self._lowest and value == self._lowest[1]:
            return self._lowest[0]
        locale = QLocale()
        if self.decimals == 0:
            return locale.toString(int(value)) if self._grouped else str(int(value))
        return locale.toString(float(value), "f", self.decimals)

    def _accept(self, value: float | None) -> None:
        self.set_wrong("")
        if value != self._value:
            self._value = value
            self.value_changed.emit(value)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Up and down step; page keys step ten times as far."""
        steps = {
            Qt.Key.Key_Up: 1,
            Qt.Key.Key_Down: -1,
            Qt.Key.Key_PageUp: 10,
            Qt.Key.Key_PageDown: -10,
        }.get(Qt.Key(event.key()))
        if steps is None:
            super().keyPressEvent(event)
        else:
            self._step_by(steps)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """The wheel counts only where the focus is; else the page scrolls."""
        if self.hasFocus() and event.angleDelta().y():
            self._step_by(1 if event.angleDelta().y() > 0 else -1)
            event.accept()
        else:
            event.ignore()

    def _step_by(self, steps: int) -> None:
        base = self._value if self._value is not None else self.minimum
        value = self._rounded(min(self.maximum, max(self.minimum, base + steps * self.step)))
        self._accept(value)
        self._settle()


def parse_number(text: str) -> float | None:
    """A number as the person's locale writes it, or as computers do; None for anything else."""
    for locale in (QLocale(), QLocale.c()):
        value, good = locale.toDouble(text)
        if good:
            return float(value)
    return None
