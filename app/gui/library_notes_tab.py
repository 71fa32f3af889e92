"""What a person says of a model: notes and tags, and its variants."""

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QPlainTextEdit, QVBoxLayout, QWidget

from app.core.library_types import LocalModel
from app.gui.controls.buttons import Button
from app.gui.controls.labels import Label
from app.gui.icons import Icons
from app.gui.stop_strings import StopStrings

SETTLE_MS = 600
"""What is being typed is not written down at every key."""
MOST_TAGS, LONGEST_TAG = 20, 40
LONGEST_NOTE = 20_000


class NotesTab(QWidget):
    """Notes are kept a moment after the last key."""

    note_changed = Signal(str, str)
    """Id of the model, its note."""
    tags_changed = Signal(str, tuple)
    variant_asked = Signal()

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model_id = ""
        self._kept = ""
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 16, 24, 16)
        column.setSpacing(8)
        column.addWidget(Label(self.tr("Tags"), "group-title"))
        self.tags = StopStrings(
            icons,
            self.tr("Tags"),
            add=self.tr("Add a tag"),
            remove=self.tr("Remove the tag %1"),
            most=MOST_TAGS,
            longest=LONGEST_TAG,
        )
        self.tags.changed.connect(self._tags_changed)
        column.addWidget(self.tags)
        column.addWidget(Label(self.tr("The search finds them."), "caption", "text-3"))
        column.addSpacing(8)
        column.addWidget(Label(self.tr("Notes"), "group-title"))
        self.notes = QPlainTextEdit()
        self.notes.setAccessibleName(self.tr("Notes"))
        self.notes.setPlaceholderText(self.tr("What it is good at, what it is for…"))
        self.notes.setTabChangesFocus(True)
        self.notes.setFixedHeight(160)
        self.notes.textChanged.connect(self._typed)
        column.addWidget(self.notes)
        column.addSpacing(8)
        column.addWidget(Label(self.tr("Variant"), "group-title"))
        words = self.tr("The same files under another name, with settings of their own.")
        column.addWidget(Label(words, "caption", "text-3", wrap=True))
        self.variant = Button(icons, self.tr("Make a variant…"), "copy", small=True)
        self.variant.clicked.connect(self.variant_asked)
        column.addWidget(self.variant, 0, Qt.AlignmentFlag.AlignLeft)
        column.addStretch(1)
        self._timer = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._timer.timeout.connect(self.flush)

    def show_model(self, model: LocalModel) -> None:
        """Show a model; what is being typed about the same one stays."""
        if model.id != self._model_id:
            self.flush()
            self._model_id, self._kept = model.id, model.notes
            self._put(model.notes)
        elif not self._timer.isActive() and model.notes != self._kept:
            self._kept = model.notes
            if model.notes != self.notes.toPlainText().strip():
                self._put(model.notes)
        self.tags.set_values(model.tags)

    def _put(self, text: str) -> None:
        blocked = self.notes.blockSignals(True)
        self.notes.setPlainText(text)
        self.notes.blockSignals(blocked)

    def _typed(self) -> None:
        self._timer.start()

    def flush(self) -> None:
        """Tell now what was typed."""
        self._timer.stop()
        text = self.notes.toPlainText()[:LONGEST_NOTE].strip()
        if self._model_id and text != self._kept:
            self._kept = text
            self.note_changed.emit(self._model_id, text)

    def _tags_changed(self) -> None:
        if self._model_id:
            self.tags_changed.emit(self._model_id, self.tags.values())
