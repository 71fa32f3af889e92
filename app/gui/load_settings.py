"""The load settings of one model: rows for `LoadConfig`."""

from msgspec import structs
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.core.errors import ModelError
from app.core.load_plan import check_settings
from app.core.memory_formulas import UNQUANTIZED
from app.gui.controls.labels import Label
from app.gui.controls.slider import ValueSlider
from app.gui.icons import Icons
from app.gui.load_advanced import AdvancedSettings
from app.gui.load_bounds import SMALLEST_CONTEXT, UNTRAINED_CONTEXT, Bounds
from app.gui.load_rows import ROW, ChoiceRow, SwitchRow
from backends.types import LoadConfig

LABEL, FIELD, GAP = 112, 80, 12


class LoadForm(QWidget):
    """Context length, GPU layers, threads, batch, KV type, flash attention, and the advanced."""

    changed = Signal()

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icons = icons
        self._standard = self._shown = LoadConfig()
        self.context = self._slider(
            self.tr("Context length"),
            self.tr(
                "How much of the chat the model can keep in mind, in tokens; more takes more"
                " memory (context length)."
            ),
            SMALLEST_CONTEXT,
            UNTRAINED_CONTEXT,
            step=256,
            logarithmic=True,
        )
        self.gpu = self._slider(
            self.tr("GPU layers"),
            self.tr(
                "How much of the model runs on the graphics card; more is faster"
                " (offloaded layers)."
            ),
            0,
            1,
        )
        self.threads = self._slider(
            self.tr("Threads"),
            self.tr(
                "How many processor cores work on an answer. One is best left to other programs"
                " (threads)."
            ),
            1,
            2,
        )
        self.batch = self._slider(
            self.tr("Batch"),
            self.tr(
                "How many tokens of your message are read in one step; more is faster and takes"
                " more memory (batch size)."
            ),
            32,
            2048,
            step=32,
            logarithmic=True,
        )
        self.kv_row = ChoiceRow(
            icons,
            self.tr("Memory cache (KV type)"),
            self.tr(
                "How exactly the context is kept: f32, f16 and bf16 are exact, q8_0 takes half the"
                " memory of f16, q4_0 a quarter (type of the KV cache)."
            ),
            width=112,
        )
        self.kv = self.kv_row.combo
        self.flash_row = SwitchRow(
            icons,
            self.tr("Flash attention"),
            self.tr("Faster and smaller with long contexts; a KV type below f16 needs it."),
        )
        self.flash = self.flash_row.switch
        self.advanced = AdvancedSettings(icons)
        self.problem = Label("", "caption", "danger", wrap=True)
        self.problem.hide()
        self._lay_out()
        self._connect()

    def _slider(
        self,
        name: str,
        tip: str,
        minimum: int,
        maximum: int,
        *,
        step: int = 1,
        logarithmic: bool = False,
    ) -> ValueSlider:
        row = ValueSlider(
            self._icons,
            name,
            minimum=minimum,
            maximum=maximum,
            step=step,
            logarithmic=logarithmic,
            tip=tip,
        )
        row.set_measures(LABEL, FIELD, GAP)
        row.setFixedHeight(ROW)
        row.field.setFixedHeight(self._icons.theme.metric("control"))
        return row

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        sliders = (self.context, self.gpu, self.threads, self.batch)
        for row in (*sliders, self.kv_row, self.flash_row, self.problem, self.advanced):
            column.addWidget(row)

    def _connect(self) -> None:
        for row in (self.context, self.gpu, self.threads, self.batch):
            row.value_changed.connect(self._tell)
        self.kv_row.value_changed.connect(self._kv_chosen)
        self.flash_row.value_changed.connect(self._flash_switched)
        self.advanced.changed.connect(self._tell)

    def _tell(self, _: object = None) -> None:
        self._explain()
        self.changed.emit()

    def _explain(self) -> None:
        """What follows from the settings, and why they are refused if they are."""
        quantized = self.kv_row.value() not in UNQUANTIZED
        shown = quantized and not self.flash_row.isHidden()
        self.kv_row.say(self.tr("Needs flash attention, which is on with it.") if shown else "")
        try:
            check_settings(self.config())
            problem = ""
        except ModelError as error:
            problem = f"{error.message} {error.hint}"
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))

    def _kv_chosen(self, kind: object) -> None:
        if kind not in UNQUANTIZED:
            self.flash_row.set_value(True)  # a quantized cache needs it
        self._tell()

    def _flash_switched(self, on: object) -> None:
        if not on and self.kv_row.value() not in UNQUANTIZED:
            self.kv_row.set_value("f16")
        self._tell()

    def show_model(self, bounds: Bounds, standard: LoadConfig) -> None:
        """Another model: its bounds, and what Reset goes back to."""
        self._standard = self._shown = standard
        fields = bounds.fields
        self.threads.setVisible("threads" in fields)
        self.flash_row.setVisible("flash_attention" in fields)
        self.kv_row.offer([(kind, kind) for kind in bounds.kv_types])
        self.kv_row.set_default(standard.kv_type)
        self.flash_row.set_default(standard.flash_attention is not False)
        self.advanced.show_model(bounds, standard)
        self.context.set_range(SMALLEST_CONTEXT, bounds.context)
        self.threads.set_range(1, max(bounds.threads, standard.threads or 1))
        self.gpu.set_range(0, max(1, bounds.layers))
        self.gpu.setVisible("gpu_layers" in fields)
        self.gpu.field.set_suffix(
            self.tr("of %1").replace("%1", str(bounds.layers)) if bounds.layers else ""
        )
        self.context.set_default(standard.context_length)
        self.threads.set_default(standard.threads)
        self.batch.set_default(standard.batch_size)
        self.gpu.set_default(self._layers(standard))

    def _layers(self, config: LoadConfig) -> float:
        """None lets the engine offload all of them."""
        return self.gpu.field.maximum if config.gpu_layers is None else config.gpu_layers

    def show_config(self, config: LoadConfig) -> None:
        """Show settings without telling."""
        self._shown = config
        self.context.set_value(config.context_length or self._standard.context_length)
        self.threads.set_value(config.threads or self._standard.threads)
        self.batch.set_value(config.batch_size)
        self.gpu.set_value(self._layers(config))
        self.kv_row.set_value(config.kv_type)
        self.flash_row.set_value(config.flash_attention is not False)
        self.advanced.show_config(config)
        self._explain()

    def config(self) -> LoadConfig:
        """What is set, on top of what was shown."""
        flash = self._shown.flash_attention
        if self.flash.isChecked() != (flash is not False):
            flash = None if self.flash.isChecked() else False
        layers = _whole(self.gpu.value())
        if self.gpu.isHidden() or layers == self._layers(self._standard):
            layers = self._standard.gpu_layers
        changed = structs.replace(
            self._shown,
            context_length=_whole(self.context.value()),
            gpu_layers=layers,
            threads=_whole(self.threads.value())
            if not self.threads.isHidden()
            else self._shown.threads,
            batch_size=_whole(self.batch.value()) or self._standard.batch_size,
            kv_type=self.kv_row.value(),
            flash_attention=flash,
        )
        return self.advanced.applied_to(changed)


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
