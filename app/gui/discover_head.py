"""What stands above the list of Discover: search, where to look, order, filters."""

from dataclasses import replace
from functools import partial

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.core.hub import Format, Sort
from app.gui.controls.buttons import IconButton
from app.gui.controls.combo import ComboBox
from app.gui.controls.fields import SearchField
from app.gui.controls.menu import Menu
from app.gui.controls.segments import Chip, Segments
from app.gui.discover_filter import (
    SHELF_ICONS,
    SHELVES,
    DiscoverFilter,
    Shelf,
    shelf_word,
)
from app.gui.discover_rows import CAPABILITY_ICONS, capability_word
from app.gui.icons import Icons

DEBOUNCE_MS = 300
_IN_MENU = ("reasoning", "code", "safety", "embeddings")


class DiscoverHead(QWidget):
    """Holds the filter in force and tells when it is another one."""

    changed = Signal(object)
    """DiscoverFilter."""

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icons = icons
        self._filter = DiscoverFilter()
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 8)
        column.setSpacing(8)
        self.search = SearchField(
            icons, self.tr("Search models"), self.tr("Search, owner/name or a link")
        )
        column.addWidget(self.search)
        column.addSpacing(2)
        row = QHBoxLayout()
        row.setSpacing(8)
        labels = (self.tr("Suggested"), self.tr("All on the hub"))
        self.scope = Segments(icons, self.tr("Where to look"), labels)
        row.addWidget(self.scope, 1)
        self.order = IconButton(icons, "arrow-up-down", self.tr("Order of the hub's list"))
        self.order.clicked.connect(self._open_order)
        row.addWidget(self.order)
        column.addLayout(row)
        self.shelf = ComboBox(icons, self.tr("Collection"))
        self.shelf.setToolTip(self.tr("Models for a purpose, your bookmarks, what you looked at"))
        self._name_shelves(self._filter)
        self.shelf.activated.connect(self._choose_shelf)
        column.addWidget(self.shelf)
        column.addLayout(self._make_chips())
        self._timer = QTimer(self, singleShot=True, interval=DEBOUNCE_MS)
        self._timer.timeout.connect(lambda: self._take_text())
        self.search.textChanged.connect(lambda _: self._timer.start())
        self.search.returnPressed.connect(lambda: self._take_text(entered=True))
        self.scope.chosen.connect(self._choose_scope)

    def _make_chips(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(6)
        self.fits = Chip(self._icons, self.tr("Fits or tight"))
        self.fits.setChecked(True)
        self.fits.setToolTip(self.tr("Leave out what is too large for this computer"))
        self.fits.toggled.connect(lambda on: self._set(replace(self._filter, fits=on)))
        row.addWidget(self.fits)
        self.chips: dict[str, Chip] = {}
        for name in ("tools", "vision"):
            chip = Chip(self._icons, capability_word(name), CAPABILITY_ICONS[name])
            chip.toggled.connect(partial(self._toggle, name))
            self.chips[name] = chip
            row.addWidget(chip)
        self.more = Chip(self._icons, self.tr("More"), "list-filter", checkable=False)
        self.more.clicked.connect(self._open_more)
        row.addWidget(self.more)
        row.addStretch(1)
        return row

    def _name_shelves(self, wanted: DiscoverFilter) -> None:
        """What holds all models is called otherwise on the hub."""
        self.shelf.clear()
        for name in SHELVES:
            self.shelf.add(shelf_word(name, wanted.scope), name, SHELF_ICONS[name])
        self.shelf.choose(wanted.shelf)

    def current(self) -> DiscoverFilter:
        """The filter in force."""
        return self._filter

    def search_for(self, text: str, *, on_hub: bool = False) -> None:
        """Search as if the person had typed it."""
        self.search.setText(text)
        self._timer.stop()
        wanted = replace(self._filter, text=text.strip(), named=True)
        if on_hub:
            # What is searched for need not be of the collection in view.
            wanted = replace(wanted, scope="hub", shelf="all")
        self.scope.set_current(1 if wanted.scope == "hub" else 0)
        self._set(wanted)

    def clear_filters(self) -> None:
        """Back to everything that fits; the place and the order stay."""
        for control in (self.search, self.fits, *self.chips.values()):
            control.blockSignals(True)
        self.search.clear()
        self.fits.setChecked(False)
        for chip in self.chips.values():
            chip.setChecked(False)
        for control in (self.search, self.fits, *self.chips.values()):
            control.blockSignals(False)
            control.update()
        self._timer.stop()
        self._set(DiscoverFilter(scope=self._filter.scope, sort=self._filter.sort, fits=False))

    def is_filtering(self) -> bool:
        """Whether anything is left out."""
        plain = DiscoverFilter(scope=self._filter.scope, sort=self._filter.sort, fits=False)
        return replace(self._filter, named=False) != plain

    def _set(self, wanted: DiscoverFilter) -> None:
        if (wanted.scope, wanted.shelf) != (self._filter.scope, self._filter.shelf):
            self._name_shelves(wanted)
        for control in (self.fits, *self.chips.values(), self.more):
            control.setEnabled(not wanted.is_own)  # what the person chose is shown whole
        extra = len(wanted.capabilities & set(_IN_MENU)) + (wanted.format != "gguf")
        text = self.tr("More") if not extra else self.tr("More: %1").replace("%1", str(extra))
        self.more.setText(text)
        self.more.updateGeometry()
        if wanted != self._filter:
            self._filter = wanted
            self.changed.emit(wanted)

    def _take_text(self, *, entered: bool = False) -> None:
        self._timer.stop()
        text = self.search.text().strip()
        named = entered or (self._filter.named and text == self._filter.text)
        self._set(replace(self._filter, text=text, named=named))

    def _choose_scope(self, index: int) -> None:
        self._timer.stop()
        text = self.search.text().strip()
        scope = "hub" if index else "suggested"
        self._set(replace(self._filter, text=text, scope=scope))  # type: ignore[arg-type]  # mypy widens the literal

    def choose_shelf(self, shelf: Shelf) -> None:
        """Show a collection, or one of the person's own lists."""
        self._set(replace(self._filter, shelf=shelf))

    def _choose_shelf(self, index: int) -> None:
        self._timer.stop()
        text = self.search.text().strip()
        self._set(replace(self._filter, text=text, shelf=self.shelf.itemData(index)))

    def _toggle(self, name: str, on: bool) -> None:
        capabilities = set(self._filter.capabilities) - {name}
        if on:
            capabilities.add(name)
        self._set(replace(self._filter, capabilities=frozenset(capabilities)))

    def _open_order(self) -> None:
        menu = Menu(self._icons, self)
        words: tuple[tuple[Sort, str], ...] = (
            ("trending", self.tr("Trending")),
            ("downloads", self.tr("Most downloaded")),
            ("likes", self.tr("Most liked")),
            ("recent", self.tr("Recently changed")),
        )
        for sort, text in words:
            menu.add(text, partial(self._choose_order, sort), checked=sort == self._filter.sort)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup_under(self.order, right=True)

    def _choose_order(self, sort: Sort) -> None:
        """An order is one of the hub's list, so that is what is shown."""
        self.scope.set_current(1)
        self._set(replace(self._filter, sort=sort, scope="hub"))

    def _open_more(self) -> None:
        menu = Menu(self._icons, self)
        for name in _IN_MENU:
            chosen = name in self._filter.capabilities
            menu.add(capability_word(name), partial(self._toggle, name, not chosen), checked=chosen)
        menu.addSeparator()
        formats: tuple[tuple[Format, str], ...] = (
            ("gguf", self.tr("GGUF files")),
            ("mlx", self.tr("MLX, for Macs")),
            ("any", self.tr("Any format")),
        )
        for each, text in formats:
            chosen = each == self._filter.format
            choose = partial(self._set_format, each)
            menu.add(text, choose, checked=chosen)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup_under(self.more, right=True)

    def _set_format(self, wanted: Format) -> None:
        self._set(replace(self._filter, format=wanted))
