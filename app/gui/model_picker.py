"""Choose and load a model: the popover of the model pill."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.core.errors import AppError
from app.gui.context import AppContext
from app.gui.controls.popover import Popover


class ModelPicker(Popover):
    """List of models at the left, load settings at the right."""

    use_model = Signal(object, object, bool)
    eject = Signal(str)
    cancel_load = Signal(str)
    open_page = Signal(str, object)

    def __init__(self, context: AppContext, parent: QWidget) -> None:
        super().__init__(context.icons, "", parent)
        self.setAccessibleName(self.tr("Models"))
        self._context = context
        self.setFixedSize(652, 508)

    def open_under(self, widget: QWidget, current: str | None = None, **_: object) -> None:
        """Open under the pill."""
        super().open_under(widget)

    def show_error(self, model_id: str, error: AppError) -> None:
        """Say why a model could not be loaded."""
