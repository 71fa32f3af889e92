"""The preset editor in place of the chat."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from msgspec import structs
from PySide6.QtCore import QPoint, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from app.core.presets import Preset
from app.gui.context import AppContext
from app.gui.controls.badges import StatusDot
from app.gui.controls.buttons import Button, IconButton, PrimaryButton
from app.gui.controls.card import Line, Region
from app.gui.controls.elided import ElidedLabel
from app.gui.controls.focus_heir import pass_focus
from app.gui.controls.labels import Label
from app.gui.controls.menu import Menu
from app.gui.preset_editor import PresetEditor
from app.gui.preset_edits import PresetEdits
from app.gui.preset_list import PresetList
from app.gui.preset_preview import PresetPreview

FILTER = "*.json"


class PresetView(Region):
    """List, editor, and what the model receives.

    What is changed and not saved is kept for each preset until it is saved or reverted, also
    when the program ends.
    """

    back = Signal()
    try_in_chat = Signal(str)

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__("canvas", parent)
        self._context = context
        self._current = ""
        self.edits = PresetEdits(context, self)
        self._build()
        self._connect()
        context.bridge.on(context.presets.changed, self._presets_changed)
        context.bridge.on(context.settings.changed, self._settings_changed)

    # Built once

    def _build(self) -> None:
        context = self._context
        self.list = PresetList(context.icons)
        self.editor = PresetEditor(context)
        self.preview = PresetPreview(context)
        middle = QVBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self._head())
        middle.addWidget(Line())
        middle.addWidget(self.editor, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.list)
        row.addWidget(Line(vertical=True))
        row.addLayout(middle, 1)
        self._preview_line = Line(vertical=True)
        row.addWidget(self._preview_line)
        row.addWidget(self.preview)

    def _head(self) -> QWidget:
        icons = self._context.icons
        self.title = ElidedLabel("", "page-title")
        self.unsaved_mark = QWidget()
        mark = QHBoxLayout(self.unsaved_mark)
        mark.setContentsMargins(0, 0, 0, 0)
        mark.setSpacing(5)
        dot = StatusDot(icons, "accent")
        dot.setFixedSize(6, 6)
        mark.addWidget(dot)
        mark.addWidget(Label(self.tr("Changed, not saved"), "caption", "accent"))
        self.try_button = IconButton(icons, "message-square", self.tr("Try in a new chat"))
        self.try_button.hide()
        self.duplicate = IconButton(icons, "copy", self.tr("Duplicate"))
        self.export = IconButton(icons, "file-output", self.tr("Export…"))
        self.restore = IconButton(
            icons, "rotate-ccw", self.tr("Restore the preset as it was shipped")
        )
        self.delete = IconButton(icons, "trash-2", self.tr("Delete"))
        self.revert = Button(icons, self.tr("Revert"))
        self.revert.setToolTip(self.tr("Back to what was saved last"))
        self.save = PrimaryButton(icons, self.tr("Save"))
        head = QWidget()
        head.setFixedHeight(self._context.theme.metric("header") - 1)  # the line below counts
        row = QHBoxLayout(head)
        row.setContentsMargins(32, 1, 28, 0)
        row.setSpacing(8)
        row.addWidget(self.title)
        row.addWidget(self.unsaved_mark)
        row.addStretch(1)
        buttons = (self.try_button, self.duplicate, self.export, self.restore, self.delete)
        for button in buttons:
            row.addWidget(button)
        row.addSpacing(16)
        row.addWidget(self.revert)
        row.addWidget(self.save)
        return head

    def _connect(self) -> None:
        self.list.back.connect(self.back)
        self.list.chosen.connect(self.edit)
        self.list.new_asked.connect(self._new)
        self.list.import_asked.connect(self._ask_import)
        self.list.menu_asked.connect(self._open_menu)
        self.editor.edited.connect(self._edited)
        self.preview.try_asked.connect(self._try)
        self.try_button.clicked.connect(self._try)
        self.duplicate.clicked.connect(lambda: self._duplicate(self._current))
        self.export.clicked.connect(lambda: self._ask_export(self._current))
        self.restore.clicked.connect(lambda: self._restore(self._current))
        self.delete.clicked.connect(lambda: self._delete(self._current))
        self.revert.clicked.connect(self._revert)
        self.save.clicked.connect(self._save)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is little room, what the model receives gives way."""
        super().resizeEvent(event)
        metric = self._context.theme.metric
        wide = self.width() >= metric("inspector-overlay-below") - metric("rail")
        self.preview.setVisible(wide)
        self._preview_line.setVisible(wide)
        self.try_button.setVisible(not wide)

    # What is shown

    def edit(self, preset_id: str) -> None:
        """Open a preset; an unknown one opens the first."""
        presets = self._context.presets
        preset = presets.find(preset_id) or presets.list()[0]
        self._current = preset.id
        self._show_list()
        self._show_preset()

    def unsaved(self, preset_id: str) -> Preset | None:
        """A preset as it was edited and not saved; None if there is nothing to save."""
        return self.edits.find(preset_id)

    def _stored(self) -> Preset:
        presets = self._context.presets
        return presets.find(self._current) or presets.list()[0]

    def _shown(self) -> Preset:
        return self.edits.find(self._current) or self._stored()

    def _show_list(self) -> None:
        presets = [self.edits.find(each.id) or each for each in self._context.presets.list()]
        default = self._context.settings.current.chat.default_preset
        self.list.show_presets(presets, self._current, default, self.edits.ids())

    def _show_preset(self) -> None:
        self.editor.show_preset(self._shown(), self._stored())
        self._show_state()

    def _show_state(self) -> None:
        """All but the fields."""
        shown, stored = self._shown(), self._stored()
        unsaved = self._current in self.edits.ids()
        self.title.setText(shown.name)
        self.unsaved_mark.setVisible(unsaved)
        self.delete.setVisible(not stored.built_in)
        self.restore.setVisible(stored.built_in)
        self.restore.setEnabled(self._context.presets.is_changed(self._current))
        for button in (self.revert, self.save):
            if not unsaved:
                pass_focus(button, self.list.view)
            button.setEnabled(unsaved)
        self.save.setToolTip("" if unsaved else self.tr("Everything is saved"))
        self.preview.show_preset(shown, stored)

    def _presets_changed(self) -> None:
        self.edits.forget_settled()
        self._current = self._stored().id
        self._show_list()
        self._show_preset()

    def _settings_changed(self, _: object) -> None:
        self._show_list()

    # What the person does

    def _edited(self, preset: Preset) -> None:
        if preset == self._stored():
            self.edits.forget(preset.id)
        else:
            self.edits.put(preset)
        self.list.mark(preset, unsaved=preset.id in self.edits.ids())
        self._show_state()

    def _try(self) -> None:
        self.try_in_chat.emit(self._current)

    def _revert(self) -> None:
        self.edits.forget(self._current)
        self._show_list()
        self._show_preset()

    def _save(self) -> None:
        edit = self.edits.find(self._current)
        if edit is not None:
            self._context.worker.run(self._context.presets.save, edit)

    def _new(self) -> None:
        create = partial(self._context.presets.create, self.tr("New preset"))
        self._context.worker.run(create, done=self._made)

    def _made(self, preset: Preset) -> None:
        """A new one: open it, ready to be named."""
        self.edit(preset.id)
        self.editor.name.setFocus()
        self.editor.name.selectAll()

    def _duplicate(self, preset_id: str) -> None:
        """What is in the fields is what is copied."""
        edit = self.edits.find(preset_id)

        def work() -> Preset:
            copy = self._context.presets.duplicate(preset_id)
            if edit is None:
                return copy
            kept = structs.replace(edit, id=copy.id, name=copy.name, built_in=False)
            return self._context.presets.save(kept)

        self._context.worker.run(work, done=self._made)

    def _delete(self, preset_id: str) -> None:
        self._context.worker.run(self._context.presets.delete, preset_id, done=self._deleted)

    def _deleted(self, preset: Preset) -> None:
        words = self.tr("Preset “%1” deleted").replace("%1", preset.name)
        undo = partial(self._put_back, preset)
        self._context.notifier.toast(words, action=self.tr("Undo"), callback=undo)

    def _put_back(self, preset: Preset) -> None:
        self._context.worker.run(
            self._context.presets.save, preset, done=lambda saved: self.edit(saved.id)
        )

    def _restore(self, preset_id: str) -> None:
        before = self._context.presets.find(preset_id)
        self.edits.forget(preset_id)

        def done(_: Preset) -> None:
            self._context.notifier.toast(
                self.tr("Preset restored"),
                action=self.tr("Undo"),
                callback=partial(self._put_back, before) if before else None,
            )

        self._context.worker.run(self._context.presets.restore, preset_id, done=done)

    def _make_default(self, preset_id: str) -> None:
        chat = structs.replace(self._context.settings.current.chat, default_preset=preset_id)
        self._context.worker.run(partial(self._context.settings.update, chat=chat))

    def _open_menu(self, preset_id: str, at: QPoint) -> None:
        presets = self._context.presets
        preset = presets.find(preset_id)
        if preset is None:
            return
        menu = Menu(self._context.icons, self)
        default = self._context.settings.current.chat.default_preset
        menu.add(
            self.tr("Use for new chats"),
            partial(self._make_default, preset_id),
            icon="check",
            enabled=preset_id != default,
        )
        menu.add(
            self.tr("Try in a new chat"),
            partial(self.try_in_chat.emit, preset_id),
            icon="message-square",
        )
        menu.add(self.tr("Duplicate"), partial(self._duplicate, preset_id), icon="copy")
        menu.add(self.tr("Export…"), partial(self._ask_export, preset_id), icon="file-output")
        menu.addSeparator()
        if preset.built_in:
            menu.add(
                self.tr("Restore"),
                partial(self._restore, preset_id),
                icon="rotate-ccw",
                enabled=presets.is_changed(preset_id),
            )
        else:
            menu.add(
                self.tr("Delete"), partial(self._delete, preset_id), icon="trash-2", danger=True
            )
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(at)

    # Files

    def _ask_import(self) -> None:
        self._ask_file(self.tr("Import a preset"), self.import_file)

    def import_file(self, name: str) -> None:
        """Add the preset in a file."""
        self._context.worker.run(self._context.presets.import_json, Path(name), done=self._made)

    def _ask_export(self, preset_id: str) -> None:
        preset = self._context.presets.find(preset_id)
        if preset is not None:
            title = self.tr("Export the preset")
            name = f"{_file_name(preset.name)}.json"
            self._ask_file(title, partial(self.export_file, preset_id), name)

    def export_file(self, preset_id: str, name: str) -> None:
        """Write a preset, as it is saved, to a file."""
        done = self.tr("Preset exported to %1").replace("%1", Path(name).name)
        self._context.worker.run(
            self._context.presets.export_json,
            preset_id,
            Path(name),
            done=lambda _: self._context.notifier.toast(done),
        )

    def _ask_file(
        self, title: str, chosen: Callable[[str], object], save_as: str | None = None
    ) -> None:
        """A file dialog of the system that does not block."""
        dialog = QFileDialog(self, title)
        dialog.setNameFilter(self.tr("Presets (%1)").replace("%1", FILTER))
        if save_as is not None:
            dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
            dialog.setDefaultSuffix("json")
            dialog.selectFile(save_as)
        else:
            dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(chosen)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()


def _file_name(name: str) -> str:
    """A preset's name as part of a file name that every system takes."""
    kept = "".join(char if char.isalnum() or char in " -_" else "-" for char in name)
    return kept.strip(" -") or "preset"
