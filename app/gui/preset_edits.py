"""What is changed in presets and not saved; kept on the disk until it is saved or reverted."""

from PySide6.QtCore import QObject, QTimer

from app.core.preset_drafts import PresetDrafts
from app.core.presets import Preset
from app.gui.context import AppContext

KEEP_DELAY_MS = 600
"""From the last change to keeping it."""


class PresetEdits(QObject):
    """The presets as they are in the fields of the editor, by id."""

    def __init__(self, context: AppContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._drafts = PresetDrafts(context.paths.preset_drafts_dir)
        self._edits, problems = self._drafts.read()
        for problem in problems:
            context.notifier.error(problem)
        self._keep_soon = QTimer(self, singleShot=True, interval=KEEP_DELAY_MS)
        self._keep_soon.timeout.connect(self._keep)
        self.forget_settled()

    def find(self, preset_id: str) -> Preset | None:
        """A preset as it was edited; None if there is nothing to save."""
        return self._edits.get(preset_id)

    def ids(self) -> frozenset[str]:
        """The presets with something to save."""
        return frozenset(self._edits)

    def put(self, preset: Preset) -> None:
        """A preset was edited."""
        self._edits[preset.id] = preset
        self._keep_soon.start()

    def forget(self, preset_id: str) -> None:
        """A preset is as it is stored."""
        if self._edits.pop(preset_id, None) is not None:
            self._keep_soon.start()

    def forget_settled(self) -> None:
        """Forget what is stored by now, and what belongs to presets that are gone."""
        stored = {preset.id: preset for preset in self._context.presets.list()}
        for preset_id, edit in dict(self._edits).items():
            if stored.get(preset_id) in (None, edit):
                self.forget(preset_id)

    def flush(self) -> None:
        """Keep all before the program ends; a few milliseconds. Raises `StorageError`."""
        self._keep_soon.stop()
        self._drafts.keep(self._now)

    def _keep(self) -> None:
        self._context.worker.run(self._drafts.keep, self._now)

    def _now(self) -> dict[str, Preset]:
        return dict(self._edits)
