"""Choose and load a model: the popover of the model pill."""

from functools import partial

from msgspec import structs
from PySide6.QtCore import QEvent, QModelIndex, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.core.errors import AppError
from app.core.library_types import LocalModel
from app.core.load_plan import remembered_config
from app.core.memory import Fit, spread, verdict
from app.core.remedies import rough_estimate
from app.gui.context import AppContext
from app.gui.controls.badges import KeyCap
from app.gui.controls.buttons import GhostButton
from app.gui.controls.card import Line
from app.gui.controls.empty_state import EmptyState
from app.gui.controls.fields import SearchField
from app.gui.controls.list_view import RowRole
from app.gui.controls.popover import Popover
from app.gui.model_picker_list import PickerEntry, PickerList, PickerModel
from app.gui.model_picker_pane import PickerPane
from backends.types import LoadConfig

LIST_WIDTH = 264


class ModelPicker(Popover):
    """List of models at the left, load settings of the chosen one at the right."""

    use_model = Signal(object, object, bool)
    """`LocalModel`, `LoadConfig` (None: as usual), whether to load it though it is too large."""
    eject = Signal(str)
    cancel_load = Signal(str)
    open_page = Signal(str, object)

    def __init__(self, context: AppContext, parent: QWidget) -> None:
        super().__init__(context.icons, "", parent)
        self.setAccessibleName(self.tr("Models"))
        self._context = context
        self._build()
        self._connect()

    def _build(self) -> None:
        context, icons = self._context, self._context.icons
        width, height = 652, 508
        self.setFixedSize(width, height)
        self.search = SearchField(icons, self.tr("Find a model"))
        self.list = PickerList(icons, self.tr("Models"))
        self._model = PickerModel(self)
        self.list.setModel(self._model)
        self.pane = PickerPane(context)
        self.nothing = EmptyState(
            icons,
            "box",
            self.tr("No model on this computer yet"),
            self.tr("Models you download appear here."),
            action=self.tr("Find a model"),
            callback=self._find_more,
        )
        self._right = QStackedWidget()
        self._right.addWidget(self.pane)
        self._right.addWidget(self.nothing)
        left = QWidget()
        left.setFixedWidth(LIST_WIDTH - 1)
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 12, 0, 0)
        column.setSpacing(0)
        top = QHBoxLayout()
        top.setContentsMargins(12, 0, 12, 0)
        top.addWidget(self.search)
        column.addLayout(top)
        column.addWidget(self.list, 1)
        column.addWidget(Line())
        column.addLayout(self._foot())
        row = QHBoxLayout()
        row.setSpacing(0)
        row.addWidget(left)
        row.addWidget(Line(vertical=True))
        row.addWidget(self._right, 1)
        self.body.addLayout(row)

    def _foot(self) -> QHBoxLayout:
        icons = self._context.icons
        self.more = GhostButton(icons, self.tr("Find more models"), "compass")
        foot = QHBoxLayout()
        foot.setContentsMargins(8, 6, 16, 6)
        foot.setSpacing(8)
        foot.addWidget(self.more)
        foot.addStretch(1)
        for key in ("Ctrl", "2"):
            foot.addWidget(KeyCap(icons, key))
        return foot

    def _connect(self) -> None:
        context = self._context
        self.search.textChanged.connect(self._fill)
        self.search.returnPressed.connect(self._load_current)
        self.search.installEventFilter(self)
        self.list.selectionModel().currentChanged.connect(self._row_chosen)
        self.list.wanted.connect(self._load_as_usual)
        self.list.eject_asked.connect(self.eject)
        self.pane.load_asked.connect(self._load)
        self.pane.cancel_asked.connect(self.cancel_load)
        self.pane.servers_asked.connect(self._open_servers)
        self.more.clicked.connect(self._find_more)
        # The window's own keys rest while a popover is open.
        QShortcut(QKeySequence("Ctrl+2"), self).activated.connect(self._find_more)
        context.bridge.on(context.runtime.changed, self._runtime_changed)
        context.bridge.on(context.library.changed, self._library_changed)

    # Opening

    def open_under(
        self,
        widget: QWidget,
        current_model_id: str | None = None,
        *,
        gap: int = 6,
        right: bool = True,
    ) -> None:
        """Open under the header that the pill is in, with the chat's model chosen."""
        self.search.clear()
        self.pane.show_model(None)  # what was changed and not loaded is gone
        self._fill()
        index = self._model.index_of(current_model_id or "")
        self._choose(index if index.isValid() else self._model.first())
        self._row_chosen(self.list.currentIndex())
        self.move(self._place(widget, gap))
        self.show()
        self.search.setFocus(Qt.FocusReason.PopupFocusReason)

    def _place(self, pill: QWidget, gap: int) -> QPoint:
        """Left edge on the text column, inside the screen."""
        header = pill.parentWidget() or pill
        column = self._context.theme.metric("text-column-max")
        left = max(24, (header.width() - column) // 2)
        at = header.mapToGlobal(QPoint(left, header.height() + gap))
        screen = pill.screen().availableGeometry()
        at.setX(max(screen.left() + 4, min(at.x(), screen.right() - self.width() - 4)))
        at.setY(max(screen.top() + 4, min(at.y(), screen.bottom() - self.height() - 4)))
        return at

    # The list

    def _entries(self) -> list[PickerEntry]:
        memory = self._context.runtime.free_memory()
        return [
            PickerEntry(
                model,
                self._context.runtime.get(model.id),
                Fit.FITS
                if model.is_remote
                else verdict(spread(rough_estimate(model), memory), memory).fit,
            )
            for model in self._context.library.models()
        ]

    def _fill(self) -> None:
        chosen = self.list.currentIndex().data(RowRole.VALUE)
        entries = self._entries()
        recent = self._context.settings.current.models.recent
        self._model.show_entries(entries, recent, self.search.text())
        self._right.setCurrentWidget(self.pane if entries else self.nothing)
        index = self._model.index_of(chosen or "")
        index = index if index.isValid() else self._model.first()
        if index != self.list.currentIndex():  # else the list stays where it was scrolled to
            self._choose(index)

    def _choose(self, index: QModelIndex) -> None:
        self.list.setCurrentIndex(index)
        self.list.scrollTo(index)

    def _row_chosen(self, index: QModelIndex) -> None:
        model = self._find(index.data(RowRole.VALUE))
        if model is not None and model != self.pane.model:
            self.pane.show_model(model)

    def _find(self, model_id: str | None) -> LocalModel | None:
        return next((each for each in self._context.library.models() if each.id == model_id), None)

    def _runtime_changed(self, model_id: str) -> None:
        if not self.isVisible():
            return
        self._fill()
        loaded = self._context.runtime.get(model_id)
        if loaded is None or loaded.state != "loading":
            self.pane.refresh()
        if self.pane.model is not None and self.pane.model.id == model_id:
            self.pane.follow_runtime()

    def _library_changed(self) -> None:
        if self.isVisible():
            self._fill()

    # What the person does

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Up and down in the search field move in the list."""
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.KeyPress
            and event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down)
        ):
            self.list.keyPressEvent(event)
            return True
        return super().eventFilter(watched, event)

    def _load_current(self) -> None:
        model_id = self.list.currentIndex().data(RowRole.VALUE)
        if model_id:
            self._load_as_usual(model_id)

    def _load_as_usual(self, model_id: str) -> None:
        model = self._find(model_id)
        if model is not None and model.present and model.problem is None:
            self.use_model.emit(model, None, False)

    def _load(
        self, model: LocalModel, config: LoadConfig | None, force: bool, remember: bool
    ) -> None:
        self._remember(model.id, config if remember else None)
        self.use_model.emit(model, config, force)

    def _remember(self, model_id: str, config: LoadConfig | None) -> None:
        """Keep the settings of a model, or forget those it had."""
        models = self._context.settings.current.models
        config = None if config is None else remembered_config(config)
        if models.load.get(model_id) == config:
            return
        kept = {each: value for each, value in models.load.items() if each != model_id}
        if config is not None:
            kept[model_id] = config
        changed = structs.replace(models, load=kept)
        self._context.worker.run(partial(self._context.settings.update, models=changed))

    def _find_more(self) -> None:
        self.hide()
        self.open_page.emit("discover", None)

    def _open_servers(self) -> None:
        self.hide()
        self.open_page.emit("settings", {"section": "remote"})

    def show_error(self, model_id: str, error: AppError) -> None:
        """Say why a model could not be loaded, where its settings are."""
        if self.pane.model is None or self.pane.model.id != model_id:
            self._choose(self._model.index_of(model_id))
        if self.pane.model is not None and self.pane.model.id == model_id:
            self.pane.show_error(error)
