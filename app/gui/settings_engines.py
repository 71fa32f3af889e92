"""Settings, Engines: which one runs models, and those that are installed; added and removed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace
from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtGui import QShowEvent

from app.core.engine_adding import remove_engine, takes_choice
from app.core.engine_list import EngineEntry, engine_entries
from app.core.errors import AppError
from app.core.installed_engines import AUTOMATIC, InstalledEngine, engine_places
from app.core.update_source import load_source
from app.gui.controls.buttons import Button, IconButton
from app.gui.controls.combo import ComboBox
from app.gui.controls.labels import Label
from app.gui.engine_adding import EngineAdding
from app.gui.engine_models import Running, passed_models, running_models
from app.gui.engine_words import choice_names, entry_sentence, passed_words, removal_text
from app.gui.formatting import percent
from app.gui.settings_rows import SettingGroup, SettingRow, SettingSection

if TYPE_CHECKING:
    from app.core.settings import Engine, Settings
    from app.gui.context import AppContext


def _tr(text: str) -> str:
    return QCoreApplication.translate("EnginesSection", text)


class EngineGroup(SettingGroup):
    """The engine that runs models, and its code for the processor where it has several."""

    def __init__(self, context: AppContext) -> None:
        self._context = context
        self.engine = ComboBox(context.icons, _tr("Engine"))
        self.engine.setFixedWidth(240)
        self.code = ComboBox(context.icons, _tr("Code for the processor"))
        self.code.setFixedWidth(240)
        self.engine_row = SettingRow(_tr("Engine"), " ", self.engine)
        self.code_row = SettingRow(
            _tr("Code for the processor"),
            _tr("Automatic takes the fastest that this processor can run"),
            self.code,
        )
        super().__init__(_tr("In use"), self.engine_row, self.code_row)
        self._show_codes((), AUTOMATIC)
        self.engine.activated.connect(self._choose_engine)
        self.code.activated.connect(self._choose_code)

    def show_engines(
        self, entries: Sequence[EngineEntry], engine: Engine, used: str, running: Running
    ) -> None:
        """Take over what is there, what is chosen and what runs."""
        usable = [each for each in entries if not each.problem]
        names = dict(zip((each.key for each in usable), choice_names(usable), strict=True))
        self.engine.clear()
        self.engine.add(_tr("Automatic"), AUTOMATIC)
        for key, name in names.items():
            self.engine.add(name, key)
        self.engine.choose(engine.engine if engine.engine in names else AUTOMATIC)
        name = next((each.name for each in usable if each.key == used), "")
        self._explain(name, engine.engine, used, running)
        variants = next((each.variants for each in usable if each.key == used), ())
        self._show_codes(variants, engine.cpu_code)

    def _explain(self, name: str, chosen: str, used: str, running: Running) -> None:
        """`name` is that of the engine that is used; "" where there is none."""
        passed = passed_models(self._context, used)
        others = [
            model
            for key, models in running.items()
            if key != used
            for model in models
            if model not in passed
        ]
        if not name:
            self.engine_row.say(_tr("None can be used here"), "danger")
        elif chosen not in (AUTOMATIC, used):
            words = _tr("“%1” is not installed any more; %2 runs instead")
            self.engine_row.say(words.replace("%1", chosen).replace("%2", name), "warning")
        elif others:
            words = _tr("%1 goes on with another one until it is loaded again")
            if len(others) > 1:
                words = _tr("%1 go on with another one until they are loaded again")
            self.engine_row.say(words.replace("%1", ", ".join(others)), "accent")
        elif chosen == AUTOMATIC:
            self.engine_row.say(_tr("Automatic takes the best, now %1").replace("%1", name))
        else:
            self.engine_row.say(_tr("Runs every model from its next load on"))

    def _show_codes(self, variants: Sequence[str], chosen: str) -> None:
        self.code.clear()
        self.code.add(_tr("Automatic"), AUTOMATIC)
        for variant in reversed(variants):  # the fastest first
            self.code.add(variant, variant)
        self.code.choose(chosen if chosen in variants else AUTOMATIC)
        self.code_row.wanted = bool(variants)
        self.show_wanted()

    def _choose_engine(self) -> None:
        settings = self._context.settings
        key = self.engine.currentData()
        settings.update(engine=replace(settings.current.engine, engine=key))
        self._context.worker.run(self._context.runtime.look_at_engines)

    def _choose_code(self) -> None:
        settings = self._context.settings
        code = self.code.currentData()
        settings.update(engine=replace(settings.current.engine, cpu_code=code))


class InstalledGroup(SettingGroup):
    """A row for each engine, and one that adds another. Made anew when something changes."""

    def __init__(
        self,
        context: AppContext,
        entries: Sequence[EngineEntry],
        used: str,
        running: Running,
        add_button: Button,
    ) -> None:
        self.entries = tuple(entries)
        self.removers: dict[str, IconButton] = {}
        """By the key of the engine."""
        self.engine_rows = [self._row(context, each, used, running) for each in entries]
        self.add_row = SettingRow(_tr("Another engine"), " ", add_button)
        super().__init__(_tr("Installed"), *self.engine_rows, self.add_row)

    def _row(
        self, context: AppContext, entry: EngineEntry, used: str, running: Running
    ) -> SettingRow:
        controls: list[Label | IconButton] = []
        if entry.key == used and not entry.problem:
            controls.append(Label(_tr("In use"), "caption", "text-3"))
        if entry.removable:
            name = _tr("Remove %1").replace("%1", entry.name)
            button = IconButton(context.icons, "trash-2", name, small=True)
            self.removers[entry.key] = button
            controls.append(button)
        models = () if entry.problem else running.get(entry.key, ())
        row = SettingRow(entry.name, entry_sentence(entry, models), *controls)
        passed = {} if entry.problem else passed_models(context, entry.key)
        if entry.problem:
            row.say(entry.problem, "danger")
        elif passed:
            words = f"{entry_sentence(entry, models)}\n{passed_words(passed)}"
            row.say(words, "warning")
        return row


class EnginesSection(SettingSection):
    """What runs models on this computer."""

    section_id = "engines"
    icon = "cpu"

    changed = Signal()
    """Other engines are shown."""

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self._context = context
        self._entries: tuple[EngineEntry, ...] = ()
        self._running: Running = {}
        self._words: list[str] = []
        self.choice = EngineGroup(context)
        self.add(self.choice)
        self.add_button = Button(context.icons, _tr("Add an engine…"), "plus", small=True)
        self.add_button.setAccessibleName(self.add_button.text())
        self.add_button.clicked.connect(self._add_or_stop)
        self.installed = self._make_installed()
        self.groups.append(self.installed)
        self.column.addWidget(self.installed)
        self.column.addStretch(1)
        self.adding = EngineAdding(context, self)
        self.adding.reading.connect(self._reading)
        self.adding.unpacking.connect(self._unpacking)
        self.adding.moved.connect(self._moved)
        self.adding.added.connect(self._added)
        self.adding.ended.connect(self._not_added)
        context.bridge.on(context.runtime.changed, self._models_changed)

    def title(self) -> str:
        """Its name."""
        return self.tr("Engines")

    # What there is

    def show_settings(self, settings: Settings) -> None:
        """Take over what is in force."""
        if self._entries:
            self._show()

    def refresh(self) -> None:
        """Engines may have come or gone."""
        if self.isVisible():
            self._context.worker.run(_look, self._context, done=self._found)

    def showEvent(self, event: QShowEvent) -> None:
        """The section came into view."""
        super().showEvent(event)
        self._running = running_models(self._context)
        self.refresh()

    def filter(self, words: list[str]) -> bool:
        """Show what fits."""
        self._words = words
        return super().filter(words)

    def _found(self, entries: tuple[EngineEntry, ...]) -> None:
        if entries != self._entries or not self._entries:
            self._entries = entries
            self._show()

    def _models_changed(self, _: str) -> None:
        running = running_models(self._context)
        if running != self._running:
            self._running = running
            self._show()

    def _used(self) -> str:
        """The key of the engine that the next load takes."""
        usable = [each.key for each in self._entries if not each.problem]
        chosen = self._context.settings.current.engine.engine
        return chosen if chosen in usable else next(iter(usable), "")

    def _show(self) -> None:
        engine = self._context.settings.current.engine
        self.choice.show_engines(self._entries, engine, self._used(), self._running)
        self.add_button.setParent(self)
        old, self.installed = self.installed, self._make_installed()
        self.groups[self.groups.index(old)] = self.installed
        self.column.insertWidget(self.column.indexOf(old), self.installed)
        self.column.removeWidget(old)
        old.hide()
        old.deleteLater()
        self.installed.filter(self._words)
        self.changed.emit()

    def _make_installed(self) -> InstalledGroup:
        group = InstalledGroup(
            self._context, self._entries, self._used(), self._running, self.add_button
        )
        for entry in self._entries:
            if entry.key in group.removers:
                group.removers[entry.key].clicked.connect(partial(self._ask_remove, entry))
        group.add_row.say(
            _tr("A file that ends in .corral-engine, such as one for your graphics card")
        )
        return group

    # Adding

    def _add_or_stop(self) -> None:
        if self.adding.busy:  # the button says Cancel
            self.add_button.setEnabled(False)
            self.adding.stop()
        else:
            self.adding.browse()

    def _reading(self) -> None:
        self.add_button.setEnabled(False)
        self.installed.add_row.say(_tr("Reading…"), "accent")

    def _unpacking(self) -> None:
        self.add_button.setEnabled(True)
        self._label_button(_tr("Cancel"), "")
        self._moved(0.0)

    def _moved(self, fraction: float) -> None:
        words = _tr("Unpacking, %1") if fraction < 1 else _tr("Trying whether it starts…")
        self.installed.add_row.say(words.replace("%1", percent(fraction)), "accent")

    def _label_button(self, text: str, icon: str) -> None:
        self.add_button.setText(text)
        self.add_button.set_icon(icon)
        self.add_button.setAccessibleName(text)

    def _added(self, engine: InstalledEngine) -> None:
        self._not_added("")
        self._context.notifier.toast(_tr("%1 is added").replace("%1", engine.name))
        self.refresh()

    def _not_added(self, why: str) -> None:
        self._label_button(_tr("Add an engine…"), "plus")
        self.add_button.setEnabled(True)
        if why:
            self.installed.add_row.say(why, "danger")
        else:
            self._show()

    # Removing

    def _ask_remove(self, entry: EngineEntry, _checked: bool = False) -> None:
        models = () if entry.problem else running_models(self._context).get(entry.key, ())
        self._context.notifier.confirm(
            _tr("Remove %1?").replace("%1", entry.name),
            removal_text(models),
            _tr("Remove"),
            partial(self._remove, entry),
            danger=True,
        )

    def _remove(self, entry: EngineEntry, yes: bool) -> None:
        if yes:
            self._context.worker.run(
                _remove, self._context, entry, done=self._removed, failed=self._not_removed
            )

    def _removed(self, _: None) -> None:
        self._context.notifier.toast(_tr("The engine is removed"))
        self.refresh()

    def _not_removed(self, error: AppError) -> None:
        self._context.notifier.error(error)
        self.refresh()


def _look(context: AppContext) -> tuple[EngineEntry, ...]:
    return engine_entries(engine_places(context.paths), load_source().by_id())


def _remove(context: AppContext, entry: EngineEntry) -> None:
    """Eject what runs with it, delete it, and take back the choice of it. On a worker's thread."""
    runtime, settings = context.runtime, context.settings
    for loaded in runtime.loaded():
        if loaded.choice is not None and loaded.choice.engine.folder == entry.folder:
            runtime.eject(loaded.model.id)
    remove_engine(entry, engine_places(context.paths))
    runtime.engines.forget(entry.key)
    if takes_choice(entry, settings.current.engine.engine, engine_places(context.paths)):
        settings.update(engine=replace(settings.current.engine, engine=AUTOMATIC))
    runtime.look_at_engines()
