"""The question before copies of a file become names of one: what is replaced, and by what."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from app.core.duplicates import Duplicate
from app.gui import formatting
from app.gui.controls.buttons import Button, PrimaryButton
from app.gui.controls.elided import ElidedLabel
from app.gui.controls.labels import Label
from app.gui.controls.overlay import Overlay
from app.gui.controls.switch import CheckBox
from app.gui.icons import Icons

_LIST_HEIGHT = 220
_PAIR_HEIGHT = 44
"""Of a path and what it becomes a name of."""


class DuplicatesQuestion(Overlay):
    """Lists every path that is replaced. Files of others are left alone unless that is ticked."""

    def __init__(
        self,
        icons: Icons,
        host: QWidget,
        found: Sequence[Duplicate],
        done: Callable[[bool], object],
    ) -> None:
        """`done` is called if the person agrees, with whether others' files may be replaced."""
        super().__init__(icons, self.tr("Link files that are there twice"), host, width=560)
        self._found, self._done = found, done
        self._agreed = False
        self.body.setContentsMargins(24, 20, 24, 20)
        self.title = Label("", "page-title", wrap=True)
        self.body.addWidget(self.title)
        self.body.addSpacing(8)
        words = self.tr(
            "Each of these paths becomes another name of the file beneath it (a hard link). Both "
            "are compared byte by byte before, what is in them does not change, and all models "
            "stay in the list."
        )
        self.body.addWidget(Label(words, "body", "text-2", wrap=True))
        self.body.addSpacing(12)
        self.list = QWidget()
        self._column = QVBoxLayout(self.list)
        self._column.setContentsMargins(0, 0, 8, 0)
        self._column.setSpacing(2)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        lines = sum(len(each.replaced(also_theirs=True)) for each in found)
        area.setFixedHeight(min(_LIST_HEIGHT, _PAIR_HEIGHT * max(1, lines)))
        area.setWidget(self.list)
        self.body.addWidget(area)
        self.body.addSpacing(12)
        self.theirs = CheckBox(icons, self._words_of_theirs())
        self.theirs.toggled.connect(self._show)
        self.theirs.setVisible(any(self._theirs(each) for each in found))
        self.body.addWidget(self.theirs)
        self.body.addSpacing(16)
        self.cancel = Button(icons, self.tr("Cancel"))
        self.cancel.clicked.connect(self.dismiss)
        self.link = PrimaryButton(icons, self.tr("Link them"))
        self.link.clicked.connect(self._agree)
        self.add_buttons(self.cancel, self.link)
        self.closed.connect(self._tell)
        self.paths: tuple[str, ...] = ()
        """What is replaced as things stand."""
        self._show()

    def ask(self) -> None:
        """Show the question."""
        self.open(self.link if self.link.isEnabled() else self.theirs)

    def _theirs(self, each: Duplicate) -> list[str]:
        """Whose files linking would replace, beside Corral's own."""
        others = (copy for copy in each.replaced(also_theirs=True) if not copy.ours)
        return [copy.program or self.tr("another folder") for copy in others]

    def _words_of_theirs(self) -> str:
        owners = [owner for each in self._found for owner in self._theirs(each)]
        one, many = self.tr("Also replace 1 file of %1"), self.tr("Also replace %2 files of %1")
        text = (one if len(owners) == 1 else many).replace("%2", formatting.number(len(owners)))
        return text.replace("%1", ", ".join(sorted(set(owners))))

    def _show(self) -> None:
        while (item := self._column.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        also_theirs = self.theirs.isChecked()
        paths = []
        for each in self._found:
            for copy in each.replaced(also_theirs=also_theirs):
                paths.append(str(copy.path))
                self._add(str(copy.path), "text")
                name = self.tr("becomes a name of %1").replace("%1", str(each.copies[0].path))
                self._add(name, "text-3")
                self._column.addSpacing(6)
        if not paths:
            words = self.tr("Corral has no copy of its own to replace.")
            self._column.addWidget(Label(words, "body", "text-2", wrap=True))
        self._column.addStretch(1)
        self.paths = tuple(paths)
        freed = sum(each.freed(also_theirs=also_theirs) for each in self._found)
        title = self.tr("Free %1 by linking?").replace("%1", formatting.file_size(freed))
        self.title.setText(title if paths else self.tr("Nothing of Corral’s own is there twice"))
        self.link.setEnabled(bool(paths))

    def _add(self, text: str, role: str) -> None:
        label = ElidedLabel(text, "caption", role, mode=Qt.TextElideMode.ElideMiddle)
        label.setToolTip(text)
        self._column.addWidget(label)

    def _agree(self) -> None:
        self._agreed = True
        self.dismiss()

    def _tell(self) -> None:
        self.deleteLater()
        if self._agreed:
            self._done(self.theirs.isChecked())
