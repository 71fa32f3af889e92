"""The right side of the model picker: settings of one model, memory, loading, errors."""

from functools import partial

from msgspec import structs
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.core.companions import with_projector
from app.core.errors import AppError, ModelError
from app.core.library_types import LocalModel
from app.core.memory import Fit, refused
from app.core.remedies import advice
from app.core.runtime import LoadedModel, NotEnoughMemory
from app.gui.context import AppContext
from app.gui.controls.content_scroll import ContentScroll
from app.gui.controls.labels import Label
from app.gui.controls.strip import ErrorCard
from app.gui.load_advice import (
    Forecast,
    config_for,
    forecast,
    remedies,
    starting_config,
)
from app.gui.load_bounds import bounds_of
from app.gui.load_memory import AdviceLines, MemoryCard
from app.gui.load_settings import LoadForm
from app.gui.model_picker_facts import FactReader, Facts
from app.gui.model_picker_parts import SIDE, PickerFoot, PickerHead, inset
from app.gui.worker import Task
from backends.types import LoadConfig

_CHANGES = 2
"""Buttons for changed settings that have room beside “Try again”."""
_LEAST_FORM = 108
"""The form is seen as high as three of its rows at least, and scrolls then."""


class PickerPane(QWidget):
    """One model at a time."""

    load_asked = Signal(object, object, bool, bool)
    """`LocalModel`, `LoadConfig` (None as usual), force, remember."""
    cancel_asked = Signal(str)
    servers_asked = Signal()
    """The person wants to see the settings of remote models."""

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._reader = FactReader(context)
        self._model: LocalModel | None = None
        self._facts: Facts | None = None
        self._standard = LoadConfig()
        self.forecast: Forecast | None = None
        self._reading: Task | None = None
        self._error: ErrorCard | None = None
        self._build()

    # Built once

    def _build(self) -> None:
        icons = self._context.icons
        self.head = PickerHead(icons)
        self.title = self.head.title
        self.form = LoadForm(icons)
        self.card = MemoryCard(icons)
        self.lines = AdviceLines(icons)
        self.note = Label("", "body", "text-2", wrap=True)
        self.note.hide()
        self._errors = QVBoxLayout()
        self.foot = PickerFoot(icons)
        self.remember, self.reset, self.load = self.foot.remember, self.foot.reset, self.foot.load
        self.percent, self.cancel = self.foot.percent, self.foot.cancel
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 15, 0, 12)
        column.setSpacing(0)
        column.addWidget(inset(self.head))
        column.addSpacing(14)
        column.addWidget(inset(self.note))
        self._scroll = ContentScroll(inset(self.form), _LEAST_FORM)
        column.addWidget(self._scroll)
        column.addSpacing(12)
        column.addWidget(inset(self.card))
        column.addSpacing(10)
        column.addWidget(inset(self.lines))
        self._errors.setContentsMargins(SIDE, 0, SIDE, 0)
        column.addLayout(self._errors)
        column.addStretch(1)
        column.addWidget(inset(self.foot))
        self.form.changed.connect(self._estimate)
        # Queued: what was folded has its height by then.
        queued = Qt.ConnectionType.QueuedConnection
        self.form.advanced.fold.button.toggled.connect(self._unfolded, queued)
        self.lines.advice_taken.connect(self._take_advice)
        self.reset.clicked.connect(self._reset)
        self.load.clicked.connect(self._load)
        self.cancel.clicked.connect(self._cancel)

    # What is shown

    @property
    def model(self) -> LocalModel | None:
        """The model in view."""
        return self._model

    def show_model(self, model: LocalModel | None) -> None:
        """Read a model's header and show its settings; None empties the pane."""
        if self._reading is not None:
            self._reading.cancel()
        other = self._model is None or model is None or model.id != self._model.id
        self._model = model
        if other:
            self._facts = self.forecast = None
            self._drop_error()
            self._show_parts(False)
        self.head.show_model(model)
        if model is None:
            return
        if model.problem is not None or not model.present:
            self._refuse(model.problem or self.tr("Its drive or file is away."))
            return
        if model.is_remote:
            self._show_remote(model)
            return
        self.note.hide()
        self._reading = self._context.worker.run(
            self._reader.read, model, done=self._learn, failed=self._unreadable
        )

    def _show_remote(self, model: LocalModel) -> None:
        """A model on a server has no settings here: say where it is, and what is sent there."""
        text = self.tr(
            "Runs on %1. What you write in a chat with it, and the chat so far, is sent there."
        )
        self.note.setText(text.replace("%1", model.publisher))
        self.note.show()
        self._show_parts(self._error is None)
        self._follow()

    def _show_parts(self, shown: bool) -> None:
        here = self._model is None or not self._model.is_remote
        for part in (self._scroll, self.card, self.lines):
            part.setVisible(shown and here)
        self.remember.setVisible(here)
        self.reset.setVisible(here)
        self.foot.setVisible(shown)

    def _refuse(self, why: str) -> None:
        self._show_parts(False)
        self.note.setText(self.tr("This model cannot be loaded. %1").replace("%1", why))
        self.note.show()

    def _unreadable(self, error: AppError) -> None:
        self._refuse(" ".join(part for part in (error.message or error.title, error.hint) if part))

    def _learn(self, facts: Facts) -> None:
        """Facts are here; what was changed meanwhile in the form of the same model stays."""
        if self._model is None or facts.model.id != self._model.id:
            return
        fresh = self._facts is None
        self._facts = facts
        if fresh:
            self._start()
            self._show_parts(self._error is None)
        self._follow()
        self._estimate()

    def _start(self) -> None:
        """The form as the model would be loaded now, or as it is loaded."""
        facts = self._facts
        if facts is None:
            return
        settings = self._context.settings.current
        room = self._forecast_of(facts, LoadConfig()).memory
        start = partial(
            starting_config,
            facts.model,
            facts.header,
            facts.hardware,
            settings,
            room,
            correction=self._context.runtime.corrections.of(facts.model.id, LoadConfig()),
        )
        self._standard = start()
        bounds = bounds_of(facts.header, facts.hardware, facts.model, facts.companions)
        self.form.show_model(bounds, start(remembered=False))
        loaded = self._context.runtime.get(facts.model.id)
        shown = self._standard
        if loaded is not None and loaded.state == "ready":
            # A projector that was found is still nobody's choice.
            shown = structs.replace(loaded.config, projector=loaded.wanted.projector)
        self.form.show_config(shown)
        self.remember.setChecked(facts.model.id in settings.models.load)

    def follow_runtime(self) -> None:
        """The state of the model in view changed."""
        self._follow()

    def refresh(self) -> None:
        """What is free changed: read it again."""
        self.show_model(self._model)

    def _loaded(self) -> LoadedModel | None:
        return self._context.runtime.get(self._model.id) if self._model else None

    def _follow(self) -> None:
        loaded = self._loaded()
        loading = loaded is not None and loaded.state == "loading"
        self.foot.show_loading(loaded.fraction if loaded is not None and loading else None)
        self.form.setEnabled(not loading)
        if loading and self._error is not None:
            self._drop_error()
            self._show_parts(True)
        self._name_button()

    def _name_button(self) -> None:
        loaded = self._loaded()
        if self._model is not None and self._model.is_remote:
            ready = loaded is not None and loaded.state == "ready"
            self.load.setText(self.tr("Use model") if ready else self.tr("Connect"))
        elif loaded is not None and loaded.state == "ready":
            same = loaded.runs_with(self.form.config())
            self.load.setText(self.tr("Use model") if same else self.tr("Reload model"))
        elif self._is_refused():
            self.load.setText(self.tr("Load anyway"))
        else:
            self.load.setText(self.tr("Load model"))

    def _unfolded(self, opened: bool) -> None:
        if opened:
            self._scroll.reveal(self.form.advanced)

    def _estimate(self) -> None:
        facts = self._facts
        if facts is None:
            return
        config = self.form.config()
        shown = self._forecast_of(facts, config)
        self.forecast = shown
        change = None
        if shown.verdict.fit is not Fit.FITS:
            counted = with_projector(config, facts.companions)
            change = advice(facts.model, facts.header, counted, shown.memory)
        self.card.show_forecast(shown)
        self.lines.show_forecast(shown, change, config.kv_type)
        self._name_button()

    def _forecast_of(self, facts: Facts, config: LoadConfig) -> Forecast:
        return forecast(
            facts.model,
            facts.header,
            with_projector(config, facts.companions),
            facts.memory,
            facts.held,
            self._context.settings.current.engine.guard_rails,
            self._context.runtime.corrections.of(facts.model.id, config),
        )

    def _is_refused(self) -> bool:
        """Whether the guard rails would not let the model in as it is set now."""
        rails = self._context.settings.current.engine.guard_rails
        return self.forecast is not None and refused(self.forecast.verdict.fit, rails)

    # What the person does

    def _take_advice(self, config: LoadConfig) -> None:
        self.form.show_config(structs.replace(config, projector=self.form.config().projector))
        self._estimate()

    def _reset(self) -> None:
        facts = self._facts
        if facts is None:
            return
        settings = self._context.settings.current
        config = starting_config(
            facts.model, facts.header, facts.hardware, settings, facts.memory, remembered=False
        )
        self.form.show_config(config)
        self._estimate()

    def _load(self) -> None:
        self._ask(self._is_refused())

    def _ask(self, force: bool) -> None:
        if self._model is None:
            return
        self._drop_error()
        known = self._facts is not None
        self._show_parts(known or self._model.is_remote)
        config = self.form.config() if known else None
        remember = known and self.remember.isChecked()
        if self._loaded() is None and not remember and config == self._standard:
            config = None  # what suits is decided when it is loaded
        self.load_asked.emit(self._model, config, force, remember)

    def _cancel(self) -> None:
        if self._model is not None:
            self.cancel_asked.emit(self._model.id)

    # Errors

    def show_error(self, error: AppError) -> None:
        """Why the model in view could not be loaded, in place of the estimate."""
        self._drop_error()
        buttons = [("again", self.tr("Try again"))]
        if isinstance(error, NotEnoughMemory):
            buttons = [("settings", self.tr("Change settings")), ("force", self.tr("Load anyway"))]
        elif self._model is not None and self._model.is_remote:
            buttons.append(("servers", self.tr("Open Settings")))
        elif isinstance(error, ModelError):
            buttons = [*self._changes(error), *buttons]
        self._error = ErrorCard(self._context.icons, error, buttons)
        self._error.remedy_chosen.connect(self._remedy)
        self._errors.addWidget(self._error)
        self._show_parts(False)

    def _changes(self, error: ModelError) -> list[tuple[str, str]]:
        """Load settings that may help, as keys and the words of their buttons."""
        facts = self._facts
        if facts is None:
            return []
        found = remedies(error, facts.model, facts.header, self.form.config(), facts.memory, ())
        return [(each.key, each.label) for each in found if config_for(each.key)][:_CHANGES]

    def _remedy(self, key: str) -> None:
        changed = config_for(key)
        if changed is not None and self._model is not None:
            self._drop_error()
            self._show_parts(True)
            self.form.show_config(changed[1])
            self._estimate()
            self._ask(self._is_refused())
        elif key == "settings":
            self._drop_error()
            self._show_parts(True)
            self.form.context.field.setFocus()
        elif key == "servers":
            self.servers_asked.emit()
        else:
            self._ask(force=key == "force")

    def _drop_error(self) -> None:
        if self._error is not None:
            self._errors.removeWidget(self._error)
            self._error.hide()
            self._error.deleteLater()
            self._error = None
