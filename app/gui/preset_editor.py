"""The fields of one preset."""

from msgspec import structs
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.core.presets import Preset
from app.core.runtime import LoadedModel
from app.gui.context import AppContext
from app.gui.controls.buttons import GhostButton
from app.gui.controls.card import Line, ScrollPage
from app.gui.controls.combo import ComboBox
from app.gui.controls.fields import TextField
from app.gui.controls.labels import Label
from app.gui.name_question import LONGEST
from app.gui.preset_icons import PresetIconButton
from app.gui.preset_prompt import InsertRow, LargerPrompt, TokenLabel, VariableEdit
from app.gui.sampling_panel import LimitRows, SamplingRows

COLUMN = 640
LABELS = 176
GAP = 16
PROMPT_HEIGHT = 132


class SmallGhostButton(GhostButton):
    """One that stands among captions."""

    def label_font(self) -> QFont:
        """As small as what it stands beside."""
        return self._icons.theme.font("caption")


class PresetEditor(ScrollPage):
    """Name and icon, system prompt, sampling, limits, model."""

    edited = Signal(object)
    """The `Preset` as it is in the fields."""

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(COLUMN, parent)
        self._context = context
        self._preset: Preset | None = None
        icons = context.icons
        self.icon = PresetIconButton(icons)
        self.name = TextField(icons, self.tr("Name of the preset"))
        self.name.setMaxLength(LONGEST)
        self.prompt = VariableEdit(
            icons,
            self.tr("System prompt"),
            self.tr("What the model is told before every message"),
            line_height=22,
        )
        self.prompt.setFixedHeight(PROMPT_HEIGHT)
        self.tokens = TokenLabel(context)
        self.larger = SmallGhostButton(icons, self.tr("Larger"), "maximize-2", small=True)
        self.larger.setFixedHeight(20)
        self.larger.setToolTip(self.tr("Write in a larger field"))
        self.sampling = SamplingRows(icons, label=128, field=64, gap=16, chips=200)
        self.limits = LimitRows(icons, field=140, chips=140)
        self.model = ComboBox(icons, self.tr("Model"))
        self.model.setFixedWidth(280)
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        name = QWidget()
        row = QHBoxLayout(name)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.icon)
        row.addWidget(self.name, 1)
        prompt = QWidget()
        column = QVBoxLayout(prompt)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.prompt)
        below = QHBoxLayout()
        below.addWidget(InsertRow(self._context.icons, self.prompt), 1)
        below.addWidget(self.larger)
        column.addLayout(below)
        model = QWidget()
        row = QHBoxLayout(model)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.model)
        row.addWidget(Label(self.tr("Optional"), "caption", "text-3"))
        row.addStretch(1)
        add = self.column.addWidget
        add(_section(self.tr("Name and icon"), "", name))
        self.column.addSpacing(24)
        sent = self.tr("Sent before every chat.")
        add(_section(self.tr("System prompt"), sent, prompt, self.tokens))
        self._add_line()
        freely = self.tr("How freely the model chooses its words.")
        add(_section(self.tr("Sampling"), freely, self.sampling))
        self._add_line()
        add(_section(self.tr("Limits"), "", self.limits))
        self._add_line()
        add(_section(self.tr("Model"), self.tr("Used when a chat starts."), model))
        self.column.addStretch(1)

    def _add_line(self) -> None:
        self.column.addSpacing(16)
        self.column.addWidget(Line())
        self.column.addSpacing(16)

    def _connect(self) -> None:
        self.name.textEdited.connect(self._tell)
        self.icon.chosen.connect(self._tell)
        self.prompt.textChanged.connect(self._tell)
        self.sampling.changed.connect(self._tell)
        self.limits.changed.connect(self._tell)
        self.model.activated.connect(self._tell)
        self.larger.clicked.connect(self._enlarge)

    def show_preset(self, shown: Preset, stored: Preset) -> None:
        """Show a preset without telling; `stored` is what single values are reset to."""
        self._preset = shown
        self.icon.show_icon(shown.icon)
        if self.name.text() != shown.name:
            self.name.setText(shown.name)
        self.prompt.show_text(shown.system_prompt)
        self.tokens.show_text(shown.system_prompt, self._counter())
        self.sampling.show_values(shown.sampling, stored.sampling)
        self.limits.show_values(shown.sampling, stored.sampling)
        self._show_model(shown.model)
        self._check_name(shown.name)

    def _counter(self) -> LoadedModel | None:
        """A loaded model that can count tokens."""
        loaded = self._context.runtime.loaded()
        return next((each for each in loaded if each.state == "ready"), None)

    def _show_model(self, model_id: str | None) -> None:
        blocked = self.model.blockSignals(True)
        self.model.clear()
        self.model.add(self.tr("The one in use"), None)
        models = self._context.library.models()
        for model in models:
            text = " · ".join(part for part in (model.name, model.quantization) if part)
            self.model.add(text, model.id, "box")
        if model_id is not None and all(model.id != model_id for model in models):
            text = self.tr("%1 (not on this computer)").replace("%1", model_id)
            self.model.add(text, model_id, "box")
        self.model.blockSignals(blocked)
        self.model.choose(model_id)

    def _tell(self, *_: object) -> None:
        if self._preset is None:
            return
        name = self.name.text().strip()
        sampling = self.limits.apply_to(self.sampling.apply_to(self._preset.sampling))
        self._check_name(name)
        self._preset = structs.replace(
            self._preset,
            name=name or self._preset.name,
            icon=self.icon.icon_name(),
            system_prompt=self.prompt.toPlainText(),
            sampling=sampling,
            model=self.model.currentData(),
        )
        self.tokens.show_text(self._preset.system_prompt, self._counter())
        self.edited.emit(self._preset)

    def _check_name(self, name: str) -> None:
        self.name.set_wrong("" if name else self.tr("A preset needs a name."))

    def _enlarge(self) -> None:
        panel = LargerPrompt(
            self._context.icons, self.window(), self.prompt.toPlainText(), self._take_prompt
        )
        panel.open(panel.edit)

    def _take_prompt(self, text: str) -> None:
        if text != self.prompt.toPlainText():
            self.prompt.replace_text(text)


def _section(title: str, sentence: str, content: QWidget, note: QWidget | None = None) -> QWidget:
    """A title with its sentence at the left, the fields at the right."""
    words = QVBoxLayout()
    words.setContentsMargins(0, 6, 0, 0)
    words.setSpacing(2)
    words.addWidget(Label(title, "group-title"))
    if sentence:
        words.addWidget(Label(sentence, "caption", "text-3", wrap=True))
    if note is not None:
        words.addWidget(note)
    words.addStretch(1)
    left = QWidget()
    left.setLayout(words)
    left.setFixedWidth(LABELS)
    section = QWidget()
    section.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
    row = QHBoxLayout(section)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(GAP)
    row.addWidget(left, 0, Qt.AlignmentFlag.AlignTop)
    row.addWidget(content, 1)
    return section
