"""How a model is loaded unless somebody says otherwise: one form for each model."""

from typing import Literal, cast

from msgspec import structs
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.core.gguf_types import GgufHeader
from app.gui.controls.combo import ComboBox
from app.gui.controls.fields import NumberField
from app.gui.controls.labels import Label
from app.gui.icons import Icons
from app.gui.inline_link import InlineLink
from backends.types import KVType, LoadConfig

_KV_TYPES: tuple[KVType, ...] = ("f16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0")
Flash = Literal["auto", "on", "off"]


class LoadDefaults(QWidget):
    """Takes effect at once, for the next load of the model."""

    changed = Signal(object)
    """LoadConfig; the plain `LoadConfig()` where everything is left to this computer."""

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._config = LoadConfig()
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 16, 24, 16)
        column.setSpacing(12)
        note = self.tr(
            "Used whenever this model is loaded. What is left empty is chosen for this computer."
        )
        column.addWidget(Label(note, "caption", "text-3", wrap=True))
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(8)
        self._grid.setColumnStretch(0, 1)
        column.addLayout(self._grid)
        auto = self.tr("Automatic")
        self.context = self._number(
            icons,
            self.tr("Context length"),
            self.tr("How much of the chat the model can look back on, in tokens (n_ctx)."),
            NumberField(
                icons, self.tr("Context length"), minimum=256, maximum=10_485_760, step=1024,
                empty=auto,
            ),
        )  # fmt: skip
        self.gpu_layers = self._number(
            icons,
            self.tr("GPU layers"),
            self.tr("How many layers the graphics card takes over (n_gpu_layers)."),
            NumberField(icons, self.tr("GPU layers"), maximum=1000, empty=auto),
        )
        self.threads = self._number(
            icons,
            self.tr("Threads"),
            self.tr("Processor cores that work at the same time (n_threads)."),
            NumberField(icons, self.tr("Threads"), minimum=1, maximum=256, empty=auto),
        )
        self.batch = self._number(
            icons,
            self.tr("Batch size"),
            self.tr("Tokens of your message that are read in one step (n_batch)."),
            NumberField(
                icons, self.tr("Batch size"), minimum=32, maximum=8192, step=32, empty="512"
            ),
        )
        self.kv_type = ComboBox(icons, self.tr("Memory cache"), small=True)
        for each in _KV_TYPES:
            self.kv_type.add(each, each)
        self._add(
            self.tr("Memory cache (KV type)"),
            self.tr("Smaller types need less memory and are a little less exact."),
            self.kv_type,
        )
        self.flash = ComboBox(icons, self.tr("Flash attention"), small=True)
        for value, text in (
            ("auto", auto), ("on", self.tr("On")), ("off", self.tr("Off")),
        ):  # fmt: skip
            self.flash.add(text, value)
        self._add(
            self.tr("Flash attention"),
            self.tr("Reads long chats faster and with less memory. A smaller cache needs it."),
            self.flash,
        )
        foot = QHBoxLayout()
        self.reset = InlineLink(icons, self.tr("Reset all"))
        self.reset.clicked.connect(lambda: self._take(LoadConfig()))
        foot.addWidget(self.reset)
        foot.addStretch(1)
        column.addLayout(foot)
        column.addStretch(1)
        for field in (self.context, self.gpu_layers, self.threads, self.batch):
            field.value_changed.connect(self._edited)
        self.kv_type.activated.connect(self._edited)
        self.flash.activated.connect(self._edited)

    def _number(self, icons: Icons, name: str, tip: str, field: NumberField) -> NumberField:
        field.setFixedWidth(112)
        self._add(name, tip, field)
        return field

    def _add(self, name: str, tip: str, control: QWidget) -> None:
        row = self._grid.rowCount()
        label = Label(name, "body", "text-2", wrap=True)
        label.setToolTip(tip)
        control.setToolTip(tip)
        self._grid.addWidget(label, row, 0)
        self._grid.addWidget(control, row, 1, Qt.AlignmentFlag.AlignRight)

    def set_limits(self, header: GgufHeader | None) -> None:
        """What the model allows."""
        longest = header.context_length if header else None
        self.context.set_range(256, longest or 10_485_760)
        layers = header.block_count if header else None
        self.gpu_layers.set_range(0, layers + 1 if layers else 1000)

    def show_config(self, config: LoadConfig) -> None:
        """Show what is in force, without telling."""
        self._config = config
        self.context.set_value(config.context_length)
        self.gpu_layers.set_value(config.gpu_layers)
        self.threads.set_value(config.threads)
        self.batch.set_value(None if config.batch_size == 512 else config.batch_size)
        self.kv_type.choose(config.kv_type)
        flash: Flash = "auto"
        if config.flash_attention is not None:
            flash = "on" if config.flash_attention else "off"
        self.flash.choose(flash)
        self.reset.setEnabled(config != LoadConfig())

    def _edited(self, _: object = None) -> None:
        flash = {"on": True, "off": False}.get(str(self.flash.currentData()))
        self._take(
            structs.replace(
                self._config,
                context_length=_whole(self.context.value()),
                gpu_layers=_whole(self.gpu_layers.value()),
                threads=_whole(self.threads.value()),
                batch_size=_whole(self.batch.value()) or 512,
                kv_type=cast("KVType", self.kv_type.currentData()),
                flash_attention=flash,
            )
        )

    def _take(self, config: LoadConfig) -> None:
        if config == self._config:
            return
        reset = config == LoadConfig()
        self._config = config
        self.reset.setEnabled(not reset)
        if reset:
            self.show_config(config)
        self.changed.emit(config)


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
