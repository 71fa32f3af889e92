"""Which preset the chat in view uses, the beginnings it offers, and the way to the editor."""

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QStackedWidget, QWidget

from app.core.conversations import Conversation
from app.core.presets import Preset
from app.gui.chat_empty import ChatEmpty
from app.gui.composer import Composer
from app.gui.context import AppContext
from app.gui.inspector import Inspector
from app.gui.preset_popover import PresetPopover
from app.gui.preset_view import PresetView


class ChatPresets(QObject):
    """Joins the popover, the empty chat, the chat settings and the editor of presets."""

    changed = Signal()
    """Another preset, or another list of them."""
    new_chat_wanted = Signal()

    def __init__(
        self,
        context: AppContext,
        views: QStackedWidget,
        inspector: Inspector,
        empty: ChatEmpty,
        composer: Composer,
        conversation: Callable[[], Conversation | None],
        parent: QWidget,
    ) -> None:
        """The editor takes the place of the first of the `views`, the chat.

        `conversation` tells the chat in view, None for one that has not begun.
        """
        super().__init__(parent)
        self._context = context
        self._views = views
        self._inspector = inspector
        self._empty = empty
        self._composer = composer
        self._conversation = conversation
        self._page = parent
        self._editor: PresetView | None = None
        self._beginning = ""
        """What stands in front of what was typed in a new chat, from its suggestions."""
        self.popover = PresetPopover(context, parent)
        self.popover.chosen.connect(self.choose)
        self.popover.manage.connect(lambda: self.manage(""))
        inspector.edit_presets.connect(self.manage)
        empty.preset_chosen.connect(self.choose)
        empty.manage_presets.connect(lambda: self.manage(""))
        empty.started.connect(self._start_with)
        context.bridge.on(context.presets.changed, self.show)

    @property
    def preset(self) -> Preset:
        """The preset in force."""
        conversation = self._conversation()
        if conversation is not None:
            return self._context.chat.preset_of(conversation)
        standard = self._context.settings.current.chat.default_preset
        chosen = self._inspector.draft().preset_id or standard
        return self._context.presets.find(chosen) or self._context.presets.list()[0]

    @property
    def editing(self) -> bool:
        """Whether the editor is in the chat's place."""
        return self._editor is not None and self._views.currentWidget() is self._editor

    def show(self) -> None:
        """Offer the presets there are now."""
        self._empty.show_presets(self._context.presets.list(), self.preset.id)
        self.changed.emit()

    def choose(self, preset_id: str) -> None:
        """Use another preset in this chat."""
        self._inspector.choose_preset(preset_id)
        self.changed.emit()

    def open_popover(self, button: QWidget) -> None:
        """Choose a preset, below the button."""
        self.popover.open_under(button, self.preset.id)

    def manage(self, preset_id: str = "") -> None:
        """The preset editor in place of the chat."""
        if self._editor is None:
            self._editor = PresetView(self._context, self._page)
            self._editor.back.connect(self.leave)
            self._editor.try_in_chat.connect(self._try)
            self._views.addWidget(self._editor)
        self._editor.edit(preset_id or self.preset.id)
        self._views.setCurrentWidget(self._editor)

    def leave(self) -> None:
        """Back from the preset editor to the chat."""
        self._views.setCurrentIndex(0)
        self.show()

    def flush(self) -> None:
        """Keep what was edited a moment ago."""
        if self._editor is not None:
            self._editor.edits.flush()

    def _try(self, preset_id: str) -> None:
        edited = self._editor.unsaved(preset_id) if self._editor else None
        self.leave()
        self.new_chat_wanted.emit()
        if edited is not None:
            self._inspector.try_edit(edited)
        else:
            self._inspector.choose_preset(preset_id)
        self.show()

    def _start_with(self, preset_id: str, text: str) -> None:
        """Put a beginning in front of what is typed; another one takes its place."""
        self.choose(preset_id)
        self.show()
        typed = self._composer.text().removeprefix(self._beginning).lstrip()
        if typed and not text.endswith("\n"):
            text += "\n\n"
        self._beginning = text
        self._composer.set_text(text + typed)
        self._composer.focus_field()
