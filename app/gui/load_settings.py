"""The load settings of one model: rows for `LoadConfig`."""

from dataclasses import dataclass
from typing import get_args

from msgspec import structs
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.core.gguf_types import GgufHeader
from app.core.hardware import HardwareSurvey
from app.core.memory_formulas import UNQUANTIZED
from app.gui.controls.combo import ComboBox
from app.gui.controls.labels import Label
from app.gui.controls.slider import ValueSlider
from app.gui.controls.switch import Switch
from app.gui.icons import Icons
from backends.types import KVType, LoadConfig

ROW = 36
LABEL, FIELD, GAP = 112, 80, 12
SMALLEST_CONTEXT = 256
UNTRAINED_CONTEXT = 131_072
"""The longest context offered for a model that does not say how long it was trained for."""


@dataclass(frozen=True)
class Bounds:
    """How far the settings of a model go on this computer."""

    context: int
    layers: int
    """Of the model; 0 where no graphics card could take them."""
    threads: int


def bounds_of(header: GgufHeader, hardware: HardwareSurvey) -> Bounds:
    """What a model and this computer allow."""
    gpu = bool(hardware.usable_gpus) or hardware.apple_silicon
    context = max(SMALLEST_CONTEXT, header.context_length or UNTRAINED_CONTEXT)
    layers = (header.block_count or 0) + 1 if gpu else 0
    return Bounds(context, layers, max(1, hardware.logical_cores))


class LoadForm(QWidget):
    """Context length, GPU layers, threads, batch, KV type, flash attention."""

    changed = Signal()

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icons = icons
        self._standard = LoadConfig()
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
        self.kv = ComboBox(icons, self.tr("Memory cache (KV type)"))
        self.flash = Switch(icons, self.tr("Flash attention"))
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
        for kind in get_args(KVType):
            self.kv.add(kind, kind)
        self.kv.setFixedWidth(112)
        self._kv_row = self._row(
            self.kv,
            self.tr(
                "How exactly the context is kept: f16 is exact, q8_0 takes half the memory,"
                " q4_0 a quarter (type of the KV cache)."
            ),
        )
        self._flash_row = self._row(
            self.flash,
            self.tr("Faster and smaller with long contexts; a KV type below f16 needs it."),
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        sliders = (self.context, self.gpu, self.threads, self.batch)
        for row in (*sliders, self._kv_row, self._flash_row):
            column.addWidget(row)

    def _row(self, control: QWidget, tip: str) -> QWidget:
        row = QWidget()
        row.setFixedHeight(ROW)
        row.setToolTip(tip)
        control.setAccessibleDescription(tip)
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(Label(control.accessibleName(), "body", "text-2"), 1)
        line.addWidget(control)
        return row

    def _connect(self) -> None:
        for row in (self.context, self.gpu, self.threads, self.batch):
            row.value_changed.connect(self._tell)
        self.kv.currentIndexChanged.connect(self._kv_chosen)
        self.flash.clicked.connect(self._flash_switched)

    def _tell(self, _: object = None) -> None:
        self.changed.emit()

    def _kv_chosen(self, _: int) -> None:
        if self.kv.currentData() not in UNQUANTIZED:
            self.flash.setChecked(True)  # a quantized cache needs it
        self.changed.emit()

    def _flash_switched(self, on: bool) -> None:
        if not on and self.kv.currentData() not in UNQUANTIZED:
            self.kv.choose("f16")
        self.changed.emit()

    def show_model(self, bounds: Bounds, standard: LoadConfig) -> None:
        """Another model: its bounds, and what Reset goes back to."""
        self._standard = standard
        self.context.set_range(SMALLEST_CONTEXT, bounds.context)
        self.threads.set_range(1, max(bounds.threads, standard.threads or 1))
        self.gpu.set_range(0, max(1, bounds.layers))
        self.gpu.setVisible(bounds.layers > 0)
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
        self.context.set_value(config.context_length or self._standard.context_length)
        self.threads.set_value(config.threads or self._standard.threads)
        self.batch.set_value(config.batch_size)
        self.gpu.set_value(self._layers(config))
        self.kv.choose(config.kv_type)
        self.flash.setChecked(config.flash_attention is not False)

    def config(self) -> LoadConfig:
        """What is set, on top of what the model started with."""
        flash = self._standard.flash_attention
        if self.flash.isChecked() != (flash is not False):
            flash = None if self.flash.isChecked() else False
        layers = _whole(self.gpu.value())
        if self.gpu.isHidden() or layers == self._layers(self._standard):
            layers = self._standard.gpu_layers
        return structs.replace(
            self._standard,
            context_length=_whole(self.context.value()),
            gpu_layers=layers,
            threads=_whole(self.threads.value()),
            batch_size=_whole(self.batch.value()) or self._standard.batch_size,
            kv_type=self.kv.currentData(),
            flash_attention=flash,
        )


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
