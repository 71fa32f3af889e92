"""The files of a model: sizes, checksums, where they came from, and a check of their content."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.core.checksums import FileCheck, Verdict
from app.core.file_records import FileRecord
from app.core.model_files import ModelFile, ModelFiles
from app.gui import formatting
from app.gui.controls.bars import ProgressBar
from app.gui.controls.buttons import Button, IconButton
from app.gui.controls.elided import ElidedLabel
from app.gui.controls.focus_heir import focus_kept
from app.gui.controls.icon_view import IconView
from app.gui.controls.labels import Label
from app.gui.icons import Icons
from app.gui.library_fact_lines import FactLines
from app.gui.library_facts import Line

_MARKS: dict[Verdict, tuple[str, str]] = {
    "right": ("circle-check", "success"),
    "noted": ("circle-check", "success"),
    "wrong": ("circle-x", "danger"),
    "damaged": ("circle-x", "danger"),
    "gone": ("circle-x", "danger"),
}


class FileRow(QWidget):
    """Name and size; beneath, the checksum and who told it."""

    def __init__(self, icons: Icons, file: ModelFile, parent: QWidget) -> None:
        super().__init__(parent)
        self._icons = icons
        self.file = file
        record = file.record
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        first = QHBoxLayout()
        first.setSpacing(12)
        name = ElidedLabel(file.path.name, parent=self, mode=Qt.TextElideMode.ElideMiddle)
        name.setToolTip(str(file.path))
        first.addWidget(name, 1)
        size = formatting.file_size(record.size if record else None)
        first.addWidget(Label(size, "body", "text-2"))
        column.addLayout(first)
        second = QHBoxLayout()
        second.setSpacing(6)
        self._mark = QHBoxLayout()
        second.addLayout(self._mark)
        self.told = Label(self._told(record), "caption", "text-3", wrap=True)
        second.addWidget(self.told, 1)
        self.copy = IconButton(icons, "copy", self.tr("Copy the checksum"), small=True)
        self.copy.clicked.connect(self._copy)
        self.copy.setVisible(bool(record and (record.sha256 or record.blob_sha1)))
        second.addWidget(self.copy)
        column.addLayout(second)

    def _told(self, record: FileRecord | None) -> str:
        if record is None:
            return self.tr("This file is not there.")
        told = record.sha256 or record.blob_sha1
        if not told:
            return self.tr("No checksum is known.")
        words = {
            "hub": self.tr("SHA-256 %1, from the hub"),
            "name": self.tr("SHA-256 %1, from the file’s name"),
            "here": self.tr("SHA-256 %1, worked out here"),
        }
        text = (
            words.get(record.told_by, "%1")
            if record.sha256
            else self.tr("Git hash %1, from the hub")
        )
        text = text.replace("%1", f"{told[:8]}…{told[-4:]}")
        if record.checked:
            when = formatting.short_date(record.checked)
            text += "; " + self.tr("verified %1").replace("%1", when)
        elif record.told_by == "hub":
            text += "; " + self.tr("not verified as it is now")
        return text

    def _copy(self) -> None:
        if self.file.record is not None:
            record = self.file.record
            QGuiApplication.clipboard().setText(record.sha256 or record.blob_sha1)

    def show_check(self, check: FileCheck) -> None:
        """Say what a check found."""
        icon, role = _MARKS[check.verdict]
        self._mark.addWidget(IconView(self._icons, icon, 14, role))
        words = {
            "right": self.tr("Verified: the content is what it should be."),
            "noted": self.tr("Read whole. Its checksum was noted for the next time."),
            "wrong": self._wrong(check),
            "damaged": self.tr("The file is not whole."),
            "gone": self.tr("This file is not there."),
        }
        self.told.setText(words[check.verdict])
        self.told.setToolTip(check.problem)
        self.told.set_role(role if role == "danger" else "text-2")

    def _wrong(self, check: FileCheck) -> str:
        if check.told_by == "hub":
            return self.tr("The content does not match the hub’s checksum.")
        if check.told_by == "name":
            return self.tr("The content does not match the checksum in the file’s name.")
        return self.tr("The content has changed since it was read, or is damaged.")


class FilesTab(QWidget):
    """Shows what it is told; asks by signals."""

    verify_asked = Signal()
    cancel_asked = Signal()
    again_asked = Signal()
    """To have damaged files downloaded again."""

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icons = icons
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 16, 24, 16)
        column.setSpacing(16)
        self.origin = FactLines()
        column.addWidget(self.origin)
        self._list = QVBoxLayout()
        self._list.setSpacing(12)
        column.addLayout(self._list)
        self.rows: list[FileRow] = []
        self._column = column
        foot = QHBoxLayout()
        foot.setSpacing(8)
        self.verify = Button(icons, self.tr("Verify again"), "shield-check", small=True)
        self.verify.setToolTip(self.tr("Read the files and compare them with their checksums"))
        self.verify.clicked.connect(self.verify_asked)
        foot.addWidget(self.verify)
        self.again = Button(icons, self.tr("Download again"), "download", small=True)
        self.again.setToolTip(self.tr("What is here stays until the new one is whole"))
        self.again.clicked.connect(self.again_asked)
        self.again.hide()
        foot.addWidget(self.again)
        self._replaceable = False
        self.cancel = Button(icons, self.tr("Cancel"), small=True)
        self.cancel.clicked.connect(self.cancel_asked)
        foot.addWidget(self.cancel)
        self.progress_text = Label("", "caption", "text-2")
        foot.addWidget(self.progress_text)
        foot.addStretch(1)
        column.addLayout(foot)
        self.bar = ProgressBar(icons, self.tr("Verifying"))
        column.addWidget(self.bar)
        column.addStretch(1)
        self.show_progress(None)

    def set_replaceable(self, replaceable: bool) -> None:
        """Whether the hub has the files of this model, should they be damaged."""
        self._replaceable = replaceable

    def show_files(self, files: ModelFiles | None) -> None:
        """Show the files of a model; None while they are looked at."""
        with focus_kept(self):
            self._show_files(files)

    def _show_files(self, files: ModelFiles | None) -> None:
        self.again.hide()
        for row in self.rows:
            self._list.removeWidget(row)
            row.hide()
            row.deleteLater()
        self.rows = [FileRow(self._icons, each, self) for each in files.files] if files else []
        for row in self.rows:
            self._list.addWidget(row)
            row.show()
        lines = []
        if files and files.origin:
            lines.append(Line(self.tr("From"), files.origin.repo))
            if files.origin.commit:
                lines.append(Line(self.tr("Commit"), files.origin.commit[:12]))
            if files.origin.fetched:
                when = formatting.short_date(files.origin.fetched)
                lines.append(Line(self.tr("Downloaded"), when))
        self.origin.set_lines(lines)
        self.origin.setVisible(bool(lines))
        here = [each.record for each in files.files if each.record] if files else []
        self.verify.setEnabled(bool(here))
        again = any(record.checked for record in here)
        self.verify.setText(self.tr("Verify again") if again else self.tr("Verify"))
        self.verify.updateGeometry()

    def show_progress(self, fraction: float | None) -> None:
        """How far a check is; None when none is under way."""
        busy = fraction is not None
        with focus_kept(self):
            self.verify.setVisible(not busy)
            self.cancel.setVisible(busy)
            if busy:
                self.again.hide()
        self.bar.setVisible(busy)
        self.progress_text.setVisible(busy)
        if fraction is not None:
            self.bar.set_fraction(fraction)
            percent = formatting.percent(fraction)
            self.progress_text.setText(self.tr("Verifying, %1").replace("%1", percent))

    def show_checks(self, checks: Sequence[FileCheck]) -> None:
        """What a check found of each file."""
        found = {check.path: check for check in checks}
        for row in self.rows:
            if row.file.path in found:
                row.show_check(found[row.file.path])
        bad = any(check.verdict in ("wrong", "damaged", "gone") for check in checks)
        self.again.setVisible(bad and self._replaceable)
