"""The drawer of My models: one model in detail, and what can be done with it."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.core.companions import with_projector
from app.core.gguf_types import GgufHeader
from app.core.header_values import header_values
from app.core.library import LocalModel
from app.core.model_files import ModelFiles
from app.gui import library_facts
from app.gui.controls.buttons import Button, IconButton, PrimaryButton
from app.gui.controls.card import Line, Region
from app.gui.controls.elided import ElidedLabel
from app.gui.controls.labels import Label
from app.gui.controls.strip import Strip
from app.gui.icons import Icons
from app.gui.inline_link import InlineLink
from app.gui.library_actions import forgets
from app.gui.library_defaults import LoadDefaults, LoadFacts
from app.gui.library_fact_lines import FactLines
from app.gui.library_files_tab import FilesTab
from app.gui.library_header_panel import HeaderPanel
from app.gui.library_notes_tab import NotesTab
from app.gui.library_plot import MemoryPlot, memory_curve
from app.gui.library_rows import LibraryRow, second_line
from app.gui.library_sampling import SamplingDefaults
from app.gui.library_tabs import Tabs
from app.gui.library_template_tab import TemplateTab
from backends.types import LoadConfig

DEFAULTS_TAB = 1


class LibraryDrawer(Region):
    """Shows what it is told; asks by signals about the model it shows."""

    closed = Signal()
    chat = Signal()
    load = Signal()
    eject = Signal()
    folder = Signal()
    delete = Signal()
    update_wanted = Signal()
    config_changed = Signal(object)

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__("sidebar", parent)
        self._icons = icons
        self._model: LocalModel | None = None
        self._header: GgufHeader | None = None
        self._model_files: ModelFiles | None = None
        self.setFixedWidth(icons.theme.metric("drawer") - 1)  # the line beside it counts
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._make_header())
        column.addWidget(Line())
        self.problem = Strip(icons, tone="warning")
        self.problem.hide()
        column.addWidget(self.problem)
        self.newer = Strip(icons, tone="info", action=self.tr("Update"))
        self.newer.action.setToolTip(self.tr("Yours stays until the new one is whole"))
        self.newer.action_chosen.connect(self.update_wanted)
        self.newer.hide()
        column.addWidget(self.newer)
        self.engine_note = Strip(icons, tone="info")
        self.engine_note.hide()
        column.addWidget(self.engine_note)
        column.addLayout(self._make_actions())
        names = (
            self.tr("Overview"),
            self.tr("Defaults"),
            self.tr("Template"),
            self.tr("Files"),
            self.tr("Notes"),
        )
        self.tabs = Tabs(icons, self.tr("Parts of the drawer"), names)
        column.addWidget(self.tabs)
        column.addWidget(Line())
        self._stack = QStackedWidget()
        self._stack.addWidget(self._make_overview())
        self.form = LoadDefaults(icons)
        self.form.changed.connect(self.config_changed)
        self.sampling = SamplingDefaults(icons)
        self._stack.addWidget(_scrolled(_stacked(self.form, Line(), self.sampling)))
        self.template = TemplateTab(icons)
        self._stack.addWidget(self.template)
        self.files = FilesTab(icons)
        self._stack.addWidget(_scrolled(self.files))
        self.notes = NotesTab(icons)
        self._stack.addWidget(_scrolled(self.notes))
        column.addWidget(self._stack, 1)
        self.tabs.chosen.connect(self._stack.setCurrentIndex)

    def _make_header(self) -> QWidget:
        header = QWidget()
        header.setFixedHeight(self._icons.theme.metric("header") - 1)  # the line below counts
        row = QHBoxLayout(header)
        row.setContentsMargins(24, 1, 12, 0)
        self.title = ElidedLabel("", "page-title")
        row.addWidget(self.title, 1)
        close = IconButton(self._icons, "x", self.tr("Close"))
        close.clicked.connect(self.closed)
        row.addWidget(close)
        return header

    def _make_actions(self) -> QHBoxLayout:
        icons = self._icons
        row = QHBoxLayout()
        row.setContentsMargins(24, 16, 12, 12)
        row.setSpacing(8)
        self.chat_button = PrimaryButton(icons, self.tr("Chat"), "message-square")
        self.chat_button.clicked.connect(self.chat)
        row.addWidget(self.chat_button)
        self.load_button = Button(icons, self.tr("Load"), "play")
        self.load_button.clicked.connect(self.load)
        row.addWidget(self.load_button)
        self.eject_button = Button(icons, self.tr("Eject"), "eject")
        self.eject_button.clicked.connect(self.eject)
        row.addWidget(self.eject_button)
        row.addStretch(1)
        self.folder_button = IconButton(icons, "folder-open", self.tr("Show in the file manager"))
        self.folder_button.clicked.connect(self.folder)
        row.addWidget(self.folder_button)
        self.delete_button = IconButton(icons, "trash-2", self.tr("Delete"))
        self.delete_button.clicked.connect(self.delete)
        row.addWidget(self.delete_button)
        return row

    def _make_overview(self) -> QWidget:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 16, 0, 16)
        column.setSpacing(0)
        self._facts = FactLines()
        column.addWidget(_inset(self._facts))
        self.all_values = InlineLink(self._icons, self.tr("All values of the header…"))
        self.all_values.clicked.connect(self._show_values)
        row = QHBoxLayout()
        row.setContentsMargins(24, 8, 24, 0)
        row.addWidget(self.all_values)
        row.addStretch(1)
        column.addLayout(row)
        column.addSpacing(14)
        self._plot_part = QWidget()
        part = QVBoxLayout(self._plot_part)
        part.setContentsMargins(0, 0, 0, 0)
        part.setSpacing(0)
        part.addWidget(Line())
        head = QHBoxLayout()
        head.setContentsMargins(24, 12, 24, 4)
        head.addWidget(Label(self.tr("Memory and disk by context length"), "group-title"), 1)
        head.addWidget(Label("GB", "caption", "text-3"))
        part.addLayout(head)
        self.plot = MemoryPlot(self._icons)
        part.addWidget(_inset(self.plot))
        part.addSpacing(8)
        column.addWidget(self._plot_part)
        self._defaults_part = QWidget()
        part = QVBoxLayout(self._defaults_part)
        part.setContentsMargins(0, 0, 0, 0)
        part.setSpacing(0)
        part.addWidget(Line())
        head = QHBoxLayout()
        head.setContentsMargins(24, 12, 24, 8)
        head.addWidget(Label(self.tr("Defaults for this model"), "group-title"), 1)
        self.edit = InlineLink(self._icons, self.tr("Edit"))
        self.edit.clicked.connect(lambda: self.tabs.choose(DEFAULTS_TAB))
        head.addWidget(self.edit)
        part.addLayout(head)
        self._defaults = FactLines()
        part.addWidget(_inset(self._defaults))
        column.addWidget(self._defaults_part)
        column.addStretch(1)
        return _scrolled(content)

    # What it is told

    def show_row(self, row: LibraryRow) -> None:
        """Show a model, or another state of it."""
        model = row.model
        self.title.setText(model.name)
        self.problem.say("" if row.usable else second_line(row).text)
        self.chat_button.setEnabled(row.usable)
        self.load_button.setEnabled(row.usable and row.state != "loading")
        self.load_button.setVisible(row.state != "ready")
        loading = row.state == "loading"
        self.load_button.setText(self.tr("Loading…") if loading else self.tr("Load"))
        self.eject_button.setVisible(row.state == "ready")
        self.folder_button.setEnabled(model.present)
        if model.is_remote:  # it has no file, and its server decides how it is loaded
            self.tabs.choose(0)
        for part in (self.folder_button, self.tabs, self._defaults_part):
            part.setVisible(not model.is_remote)
        forget = forgets(model)
        self.delete_button.set_name(self.tr("Take off the list") if forget else self.tr("Delete"))
        self.delete_button.set_icon("minus" if forget else "trash-2")
        self.notes.show_model(model)

    def show_facts(
        self, model: LocalModel, facts: LoadFacts | None, config: LoadConfig | None, free: int
    ) -> None:
        """Show what the file's header tells; None while it is read, or where it cannot be."""
        header = facts.header if facts else None
        self._model, self._header = model, header
        self._show_overview()
        self._defaults.set_lines(library_facts.defaults(config or LoadConfig(), header))
        self.form.show_facts(facts, config)
        curve = None
        if facts is not None:
            loaded = with_projector(config or facts.standard, facts.companions)
            curve = memory_curve(facts.header, model, loaded, free)
        self.plot.show_curve(curve)
        self._plot_part.setVisible(curve is not None)
        self.template.show_template((header.chat_template or "") if header else "")

    def show_files(self, files: ModelFiles | None) -> None:
        """Show the files of the model; None while they are looked at, or where none can be."""
        self._model_files = files
        self.files.show_files(files)
        self._show_overview()

    def _show_values(self) -> None:
        if self._model is not None and self._header is not None:
            values = header_values(self._header)
            HeaderPanel(self._icons, self.window(), self._model.name, values).ask()

    def _show_overview(self) -> None:
        self.all_values.setVisible(self._header is not None)
        if self._model is not None:
            lines = library_facts.overview(self._model, self._header, self._model_files)
            self._facts.set_lines(lines)


def _inset(widget: QWidget) -> QWidget:
    """With the drawer's margins at the sides."""
    holder = QWidget()
    column = QVBoxLayout(holder)
    column.setContentsMargins(24, 0, 24, 0)
    column.addWidget(widget)
    return holder


def _stacked(*widgets: QWidget) -> QWidget:
    """One below the other, 16 apart."""
    page = QWidget()
    column = QVBoxLayout(page)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(16)
    for widget in widgets:
        column.addWidget(widget)
    column.addStretch(1)
    return page


def _scrolled(widget: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(widget)
    return area
