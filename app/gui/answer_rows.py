"""How a chat is answered: reasoning, form of the answer, what is kept of it on disk."""

from functools import partial
from typing import Literal

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.core.runtime import LoadedModel
from app.gui import formatting
from app.gui.context import AppContext
from app.gui.controls.combo import ComboBox
from app.gui.controls.fields import NumberField
from app.gui.controls.segments import Segments
from app.gui.controls.switch import Switch
from app.gui.preset_choice import AnswerOptions
from app.gui.sampling_row import LimitRow
from app.gui.schema_field import SchemaField
from backends.types import JsonObject, JsonSchema, ReasoningOptions

_MODES: tuple[Literal["default", "on", "off"], ...] = ("default", "on", "off")
_EFFORTS = (None, "low", "medium", "high")
MOST_REASONING = 1_000_000


class AnswerRows(QWidget):
    """What belongs to one chat and to no preset. What the model cannot do is off and says why."""

    changed = Signal()

    def __init__(self, context: AppContext, *, field: int = 92) -> None:
        """`field` is the width of the fields at the right."""
        super().__init__()
        self._context = context
        self._conversation_id: int | None = None
        self._kept = 0
        """Bytes on disk for this chat."""
        self._shown_id: int | None = None
        """The chat whose options are shown; None before it has begun."""
        icons = context.icons
        self._build(field)
        self.rows = {
            "mode": LimitRow(icons, self.tr("Reasoning"), "", self.mode),
            "effort": LimitRow(icons, self.tr("Effort"), "", self.effort),
            "budget": LimitRow(icons, self.tr("Thinking limit"), "", self.budget),
            "json": LimitRow(icons, self.tr("Answer as JSON"), "", self.json),
            "keep": LimitRow(icons, self.tr("Keep on disk"), "", self.keep),
        }
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for name, row in self.rows.items():
            row.center()
            row.reset.clicked.connect(lambda _=False, name=name: self._reset(name))
            column.addWidget(row)
            if name == "json":
                column.addWidget(self.schema)
        self.show_options(AnswerOptions(), None, None)

    def _build(self, field: int) -> None:
        icons = self._context.icons
        labels = (self.tr("Auto"), self.tr("On"), self.tr("Off"))
        self.mode = Segments(icons, self.tr("Reasoning"), labels)
        self.effort = ComboBox(icons, self.tr("Effort of the reasoning"), small=True)
        names = (self.tr("Auto"), self.tr("Low"), self.tr("Medium"), self.tr("High"))
        for name, value in zip(names, _EFFORTS, strict=True):
            self.effort.add(name, value)
        self.budget = NumberField(
            icons,
            self.tr("Tokens of reasoning at most"),
            minimum=0,
            maximum=MOST_REASONING,
            step=64,
            empty=self.tr("No limit"),
        )
        self.effort.setFixedWidth(field)
        self.budget.setFixedWidth(field)
        self.json = Switch(icons, self.tr("Answer as JSON"))
        self.schema = SchemaField(icons)
        self.keep = Switch(icons, self.tr("Keep what the model has read of this chat on disk"))
        self.mode.chosen.connect(self._tell)
        self.effort.activated.connect(self._tell)
        self.budget.value_changed.connect(self._tell)
        self.json.clicked.connect(self._tell)
        self.schema.changed.connect(self._tell)
        self.keep.clicked.connect(self._tell)

    # What is shown

    def show_options(
        self, options: AnswerOptions, model: LoadedModel | None, conversation_id: int | None
    ) -> None:
        """Show what is in force without telling; `model` says what can be chosen."""
        self._look_at_disk(conversation_id if options.keep_on_disk else None)
        reasoning = options.reasoning
        self.mode.set_current(_MODES.index(reasoning.mode))
        self.effort.choose(reasoning.effort)
        if self.budget.value() != reasoning.budget:
            self.budget.set_value(reasoning.budget)
        if conversation_id != self._shown_id:
            self._shown_id = conversation_id
            self.schema.clear()
        if isinstance(options.constraint, JsonObject | JsonSchema):
            self.schema.show_constraint(options.constraint)
        self.json.setChecked(options.constraint is not None)
        self.keep.setChecked(options.keep_on_disk)
        self._mark(options)
        self._enable(model)

    def options(self) -> AnswerOptions:
        """What these rows show."""
        effort, budget = self.effort.currentData(), self.budget.value()
        return AnswerOptions(
            ReasoningOptions(
                _MODES[self.mode.current()], effort, None if budget is None else int(budget)
            ),
            self.schema.constraint() if self.json.isChecked() else None,
            self.keep.isChecked(),
        )

    def _look_at_disk(self, conversation_id: int | None) -> None:
        """Find out how much is kept of a chat."""
        if conversation_id != self._conversation_id:
            self._kept = 0
        self._conversation_id = conversation_id
        if conversation_id is not None:
            done = partial(self._found, conversation_id)
            self._context.worker.run(self._context.kept.size, conversation_id, done=done)

    def _found(self, conversation_id: int, size: int) -> None:
        if conversation_id == self._conversation_id:
            self._kept = size
            self.rows["keep"].set_tip(self._keep_tip())

    def _keep_tip(self) -> str:
        tip = self.tr(
            "What the model has read of this chat stays in a file, so that it need not be read"
            " again after a restart. The file holds the chat’s words; it is deleted with the chat"
            " (KV cache)."
        )
        if not self._kept:
            return tip
        words = self.tr("It takes %1 now.").replace("%1", formatting.file_size(self._kept))
        return f"{tip}\n{words}"

    def _mark(self, options: AnswerOptions) -> None:
        standard = AnswerOptions()
        for name, row in self.rows.items():
            row.mark(_part(options, name) != _part(standard, name))
        self.schema.setVisible(options.constraint is not None)

    def _enable(self, model: LoadedModel | None) -> None:
        info = model.info if model is not None else None
        local = model is None or model.engine.backend not in ("remote", "mlx")
        off = self.tr("The loaded model offers no choice here.")
        reason = "" if info is None or info.reasoning else self.tr("The loaded model shows none.")
        tips = {
            "mode": (
                self.tr("Whether the model thinks before it answers (reasoning)."),
                "" if info is None or info.reasoning_switch else off,
            ),
            "effort": (
                self.tr("How thoroughly the model thinks (reasoning effort)."),
                "" if info is None or info.reasoning_effort else off,
            ),
            "budget": (
                self.tr("After so many tokens the model has to answer (reasoning budget)."),
                reason,
            ),
            "json": (
                self.tr("The answer is nothing but JSON (structured output, JSON Schema)."),
                "",
            ),
            "keep": (
                self._keep_tip(),
                "" if local else self.tr("Only for models in GGUF files on this computer."),
            ),
        }
        for name, (tip, why) in tips.items():
            self.rows[name].set_tip(tip)
            self.rows[name].set_idle(why)

    # What the person does

    def _reset(self, name: str) -> None:
        match name:
            case "mode":
                self.mode.set_current(0)
            case "effort":
                self.effort.choose(None)
            case "budget":
                self.budget.set_value(None)
            case "json":
                self.json.setChecked(False)
            case "keep":
                self.keep.setChecked(False)
        self._tell()

    def _tell(self, *_: object) -> None:
        self._mark(self.options())
        self.changed.emit()


def _part(options: AnswerOptions, name: str) -> object:
    """The value that a row shows."""
    match name:
        case "json":
            return options.constraint
        case "keep":
            return options.keep_on_disk
        case _:
            return getattr(options.reasoning, name)
