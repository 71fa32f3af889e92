"""Import models: what would be done with each, how, and how far it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.core.checksums import Broken
from app.core.errors import AppError
from app.core.library_import import ImportItem, ImportPlan, Way, import_models, plan_import
from app.core.library_types import LocalModel
from app.gui import formatting
from app.gui.controls.bars import ProgressBar
from app.gui.controls.buttons import Button, PrimaryButton
from app.gui.controls.elided import ElidedLabel
from app.gui.controls.labels import Label
from app.gui.controls.overlay import Overlay
from app.gui.controls.segments import Segments
from app.gui.download_folders import FolderChoice
from app.gui.inline_link import InlineLink
from app.gui.library_progress import Progress
from app.gui.worker import Task

if TYPE_CHECKING:
    from app.gui.context import AppContext

_WAYS: tuple[Way, ...] = ("link", "copy", "move")
_LIST_HEIGHT = 232


class _ItemRow(QWidget):
    """A model, its size, and where it goes or why it stays."""

    def __init__(self, item: ImportItem, folder: Path, parent: QWidget) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 6, 12, 6)
        column.setSpacing(2)
        first = QHBoxLayout()
        first.setSpacing(12)
        role = "text-3" if item.problem else "text"
        first.addWidget(ElidedLabel(item.name, "body-strong", role, self), 1)
        first.addWidget(Label(formatting.file_size(item.size), "body", "text-2"))
        column.addLayout(first)
        if item.problem:
            column.addWidget(Label(item.problem, "caption", "warning", wrap=True))
        else:
            target = item.files[0][1].relative_to(folder).as_posix()
            middle = Qt.TextElideMode.ElideMiddle
            column.addWidget(ElidedLabel(target, "caption", "text-3", self, mode=middle))
        self.setAccessibleName(f"{item.name}: {item.problem or item.files[0][1]}")


class ImportPanel(Overlay):
    """A plan first; nothing is done before the button is pressed."""

    def __init__(
        self,
        context: AppContext,
        host: QWidget,
        paths: Sequence[Path],
        done: Callable[[Sequence[LocalModel]], object],
    ) -> None:
        title = self.tr("Import models")
        super().__init__(context.icons, title, host, width=560)
        self._context = context
        self._paths = list(paths)
        self._done = done
        self._folder = context.library.folder.absolute()
        self.folder_choice = FolderChoice(context, self)
        self._plan: ImportPlan | None = None
        self._task: Task | None = None
        self._importing = False
        self._progress = Progress(self)
        self._progress.moved.connect(self._moved)
        self.body.setContentsMargins(24, 20, 24, 20)
        self.body.addWidget(Label(title, "page-title"))
        self.body.addSpacing(4)
        words = self.tr("They go to a models folder, and belong to Corral from then on.")
        self.body.addWidget(Label(words, "body", "text-2", wrap=True))
        self.body.addSpacing(12)
        self.body.addLayout(self._make_folder())
        self.body.addSpacing(12)
        names = (self.tr("Link"), self.tr("Copy"), self.tr("Move"))
        self.ways = Segments(context.icons, self.tr("How"), names)
        self.ways.chosen.connect(self._way_chosen)
        self.body.addWidget(self.ways)
        self.body.addSpacing(6)
        self.way_note = Label("", "caption", "text-3", wrap=True)
        self.body.addWidget(self.way_note)
        self.body.addSpacing(8)
        self._make_list(host)
        self.body.addSpacing(12)
        self.note = Label("", "caption", "text-2", wrap=True)
        self.body.addWidget(self.note)
        self.bar = ProgressBar(context.icons, self.tr("Importing"))
        self.bar.hide()
        self.body.addSpacing(4)
        self.body.addWidget(self.bar)
        self.body.addSpacing(16)
        self.body.addLayout(self._make_buttons())
        self.closed.connect(self._closed)
        self._asked: Way | None = None
        self._look(None)

    def _make_folder(self) -> QHBoxLayout:
        """Where they go, and a link to choose another folder."""
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addWidget(Label(self.tr("Folder"), "body", "text-3"))
        self.folder = ElidedLabel("", "body", mode=Qt.TextElideMode.ElideMiddle)
        self._show_folder()
        row.addWidget(self.folder, 1)
        self.change = InlineLink(self._context.icons, self.tr("Change…"))
        self.change.setAccessibleName(self.tr("Folder: change"))
        self.change.clicked.connect(
            lambda: self.folder_choice.ask(self.change, self._folder_chosen)
        )
        row.addWidget(self.change)
        return row

    def _show_folder(self) -> None:
        self.folder.setText(str(self._folder))
        self.folder.setAccessibleName(self.tr("Folder: %1").replace("%1", str(self._folder)))

    def _make_list(self, host: QWidget) -> None:
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setFixedHeight(min(_LIST_HEIGHT, max(96, host.height() - 456)))
        self._show_items(())
        self.body.addWidget(self._area)

    def _make_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        self.cancel = Button(self._context.icons, self.tr("Cancel"))
        self.cancel.clicked.connect(self.dismiss)
        row.addWidget(self.cancel)
        self.confirm = PrimaryButton(self._context.icons, self.tr("Import"))
        self.confirm.clicked.connect(self._import)
        row.addWidget(self.confirm)
        return row

    def ask(self) -> None:
        """Show the panel."""
        self.open(self.confirm)

    # The plan

    def _way_chosen(self, index: int) -> None:
        self._asked = _WAYS[index]
        self._look(self._asked)

    def _folder_chosen(self, folder: Path) -> None:
        if self._importing:
            return
        self._folder = folder.absolute()
        self._show_folder()
        self._look(self._asked)

    def _look(self, way: Way | None) -> None:
        if self._task is not None:
            self._task.cancel()
        self._plan = None
        self.confirm.setEnabled(False)
        self.note.set_role("text-2")
        self.note.setText(self.tr("Looking at the files…"))
        self._task = self._context.worker.run(
            plan_import, self._paths, self._folder, way, done=self._planned, failed=self._failed
        )

    def _planned(self, plan: ImportPlan) -> None:
        self._task, self._plan = None, plan
        if self._asked is None:
            copies = any(item.way == "copy" for item in plan.possible)
            self.ways.set_current(_WAYS.index("copy" if copies else "link"))
        self._explain(_WAYS[self.ways.current()])
        self._show_items(plan.items)
        count = len(plan.possible)
        self.confirm.setEnabled(count > 0 and plan.needed <= plan.free)
        self.confirm.setText(self.tr("Import %1").replace("%1", str(count)) if count > 1
                             else self.tr("Import"))  # fmt: skip
        self.confirm.updateGeometry()
        free = formatting.file_size(plan.free)
        if not count:
            self.note.setText(self.tr("There is nothing to import."))
        elif not plan.needed:
            self.note.setText(self.tr("No further room on the disk is needed."))
        else:
            text = self.tr("%1 on the disk of this folder, where %2 are free.")
            needed = formatting.file_size(plan.needed)
            self.note.setText(text.replace("%1", needed).replace("%2", free))
            self.note.set_role("danger" if plan.needed > plan.free else "text-2")

    def _explain(self, way: Way) -> None:
        words = {
            "link": self.tr("A second name for the same file (hard link): takes no room, and the "
                            "old name stays."),
            "copy": self.tr("The files stay where they are; the copy takes its own room."),
            "move": self.tr("The files leave their old place."),
        }  # fmt: skip
        self.way_note.setText(words[way])

    def _show_items(self, items: Sequence[ImportItem]) -> None:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for item in items:
            column.addWidget(_ItemRow(item, self._folder, content))
        column.addStretch(1)
        self._area.setWidget(content)

    # The work

    def _import(self) -> None:
        plan = self._plan
        if plan is None or self._task is not None:
            return
        self._importing = True
        self.confirm.setEnabled(False)
        self.ways.setEnabled(False)
        self.change.setEnabled(False)
        self.bar.show()
        cancel = self._progress.begin()
        library, report = self._context.library, self._progress.report
        self._task = self._context.worker.run(
            lambda: import_models(library, plan, report, cancel.is_set),
            done=self._imported,
            failed=self._failed,
            cancel=cancel,
        )

    def _moved(self, fraction: float) -> None:
        self.bar.set_fraction(fraction)
        text = self.tr("Importing, %1").replace("%1", formatting.percent(fraction))
        self.note.setText(text)

    def _imported(self, models: Sequence[LocalModel]) -> None:
        self._end()
        self.dismiss()
        self._done(models)

    def _failed(self, error: AppError) -> None:
        self._end()
        self.bar.hide()
        self.ways.setEnabled(True)
        self.change.setEnabled(True)
        if not isinstance(error, Broken):
            self.note.setText(formatting.error_words(error))
            self.note.set_role("danger")

    def _end(self) -> None:
        self._task, self._importing = None, False
        self._progress.end()

    def _closed(self) -> None:
        """Whoever closes it breaks off; what is half done is undone."""
        if self._task is not None:
            self._task.cancel()
        self._end()
        self.deleteLater()
