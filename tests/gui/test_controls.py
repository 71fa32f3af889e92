"""Controls: what they do by mouse and keyboard, and what they tell."""

from collections.abc import Callable

import pytest
import shiboken6
from PySide6.QtCore import QEvent, QLocale, QPoint, QPointF, Qt
from PySide6.QtGui import (
    QEnterEvent,
    QFontMetrics,
    QHelpEvent,
    QStandardItem,
    QStandardItemModel,
    QWheelEvent,
)
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QStyleOptionViewItem, QToolTip, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from app.core.errors import AppError
from app.gui.controls.badges import Badge, FitBadge
from app.gui.controls.bars import FitBar, ProgressBar, RingGauge
from app.gui.controls.buttons import Button, DangerButton, IconButton, PrimaryButton
from app.gui.controls.combo import ComboBox
from app.gui.controls.elided import ElidedLabel
from app.gui.controls.empty_state import EmptyState
from app.gui.controls.fields import NumberField, SearchField, TextField, parse_number
from app.gui.controls.focus import FocusRing
from app.gui.controls.labels import Label
from app.gui.controls.list_view import RowDelegate, RowListView, RowRole
from app.gui.controls.menu import Menu
from app.gui.controls.overlay_bar import OverlayScrollBar
from app.gui.controls.popover import Popover
from app.gui.controls.segments import Chip, Segments
from app.gui.controls.slider import Slider, ValueSlider
from app.gui.controls.strip import ErrorCard, Strip
from app.gui.controls.switch import CheckBox, Switch
from app.gui.controls.toast import Toast
from app.gui.icons import Icons
from app.gui.theme import Theme

Show = Callable[[QWidget], QWidget]
CLICK = Qt.MouseButton.LeftButton


@pytest.fixture
def page(show: Show, theme: Theme) -> QWidget:
    """A page in a column."""
    page = QWidget()
    page.resize(600, 400)
    page.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    QVBoxLayout(page)
    show(page)
    return page


def put(page: QWidget, *controls: QWidget) -> None:
    layout = page.layout()
    assert layout is not None
    for control in controls:
        layout.addWidget(control)
        control.show()
    QApplication.processEvents()
    page.setFocus()


def wheel(widget: QWidget, delta: int = 120) -> None:
    center = QPointF(widget.rect().center())
    event = QWheelEvent(
        center,
        QPointF(widget.mapToGlobal(center.toPoint())),
        QPoint(),
        QPoint(0, delta),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)


# Focus


def test_ring_is_for_the_keyboard_only(page: QWidget, icons: Icons) -> None:
    first, second = Button(icons, "One"), Button(icons, "Two")
    put(page, first, second)
    QTest.mouseClick(first, CLICK)
    first.setFocus(Qt.FocusReason.MouseFocusReason)
    assert not first.has_ring()
    QTest.keyClick(page.windowHandle(), Qt.Key.Key_Tab)
    assert second.hasFocus()
    assert second.has_ring()
    first.setFocus(Qt.FocusReason.MouseFocusReason)
    assert not second.has_ring()


def rings(page: QWidget) -> list[QWidget]:
    return [ring for ring in page.findChildren(FocusRing) if ring.isVisible()]


def test_ring_follows_what_moves_and_dies_with_its_control(page: QWidget, icons: Icons) -> None:
    box = QWidget()
    QVBoxLayout(box).setContentsMargins(0, 0, 0, 0)
    button = Button(icons, "One")
    put(box, button)
    put(page, box)
    button.setFocus(Qt.FocusReason.TabFocusReason)
    (ring,) = rings(page)
    before = ring.mapTo(page, QPoint())
    box.move(box.x(), box.y() + 40)
    assert ring.mapTo(page, QPoint()) - before == QPoint(0, 40)
    button.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert rings(page) == []


@pytest.mark.parametrize("end", [lambda b: b.setEnabled(False), lambda b: b.hide()])
def test_what_is_clicked_and_goes_off_hands_the_keyboard_to_nobody(
    page: QWidget, icons: Icons, end: Callable[[QWidget], object]
) -> None:
    first, button, other = (Button(icons, each) for each in ("One", "Two", "Three"))
    put(page, first, button, other)
    button.setFocus(Qt.FocusReason.MouseFocusReason)
    end(button)
    assert page.focusWidget() is None
    assert rings(page) == []
    button.setEnabled(True)
    assert button.hasFocus() is button.isVisible(), "usable again, it has the keyboard again"
    assert rings(page) == []


def test_what_is_pressed_by_a_key_and_goes_off_gets_the_keyboard_back(
    page: QWidget, icons: Icons
) -> None:
    first, button, other = (Button(icons, each) for each in ("One", "Two", "Three"))
    put(page, first, button, other)
    for elsewhere in (False, True):
        button.setFocus(Qt.FocusReason.TabFocusReason)
        button.setEnabled(False)
        assert first.has_ring()
        if elsewhere:
            other.setFocus(Qt.FocusReason.TabFocusReason)
        button.setEnabled(True)
        assert button.has_ring() is not elsewhere
        assert len(rings(page)) == 1


def test_field_shows_its_ring_always(page: QWidget, icons: Icons) -> None:
    field = TextField(icons, "Name")
    put(page, field)
    field.setFocus(Qt.FocusReason.MouseFocusReason)
    assert field.has_ring()


# Buttons


@pytest.mark.parametrize("kind", [Button, PrimaryButton, DangerButton])
@pytest.mark.parametrize("key", [Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter])
def test_button_is_32_high_and_pressed_by_space_and_enter(
    page: QWidget, icons: Icons, kind: type[Button], key: Qt.Key, qtbot: QtBot
) -> None:
    button = kind(icons, "Load model", "download")
    put(page, button)
    assert button.height() == 32
    button.setFocus(Qt.FocusReason.TabFocusReason)
    with qtbot.waitSignal(button.clicked):
        QTest.keyClick(button, key)


def test_switch_and_icon_button_are_pressed_by_enter(page: QWidget, icons: Icons) -> None:
    for control in (Switch(icons, "Offline"), IconButton(icons, "pin", "Pin", checkable=True)):
        put(page, control)
        QTest.keyClick(control, Qt.Key.Key_Return)
        assert control.isChecked()


def test_button_grounds_by_state(page: QWidget, icons: Icons) -> None:
    button = PrimaryButton(icons, "Load")
    put(page, button)
    assert button.ground() == "accent-fill"
    button.setDown(True)
    assert button.ground() == "accent-pressed"
    button.setDown(False)
    button.setEnabled(False)
    assert (button.ground(), button.ink_now()) == ("track", "disabled")


def test_icon_button_names_its_key(icons: Icons) -> None:
    button = IconButton(icons, "copy", "Copy the answer", shortcut="Ctrl+Shift+C")
    assert button.accessibleName() == "Copy the answer"
    assert button.toolTip() == "Copy the answer (Ctrl+Shift+C)"
    button.deleteLater()


def test_segments_by_mouse_and_arrows(page: QWidget, icons: Icons) -> None:
    segments = Segments(icons, "Where", ["Suggested", "All on the hub", "Mine"])
    put(page, segments)
    chosen: list[int] = []
    segments.chosen.connect(chosen.append)
    buttons = segments.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly)
    QTest.mouseClick(buttons[1], CLICK)
    buttons[1].setFocus()
    QTest.keyClick(page.windowHandle(), Qt.Key.Key_Right)
    QTest.keyClick(page.windowHandle(), Qt.Key.Key_Right)
    assert chosen == [1, 2, 0]
    segments.set_current(2)
    assert segments.current() == 2
    assert chosen == [1, 2, 0]


def test_chip_grows_a_check(page: QWidget, icons: Icons) -> None:
    chip = Chip(icons, "Fits or tight")
    put(page, chip)
    narrow = chip.sizeHint().width()
    QTest.mouseClick(chip, CLICK)
    assert chip.isChecked()
    assert chip.sizeHint().width() > narrow


@pytest.mark.parametrize("make", [Switch, CheckBox])
def test_switch_by_mouse_anywhere_and_space(
    page: QWidget, icons: Icons, make: Callable[[Icons, str], Switch | CheckBox]
) -> None:
    switch = make(icons, "Offline")
    put(page, switch)
    QTest.mouseClick(switch, CLICK, pos=switch.rect().center())
    assert switch.isChecked()
    QTest.keyClick(switch, Qt.Key.Key_Space)
    assert not switch.isChecked()


# Numbers


@pytest.fixture
def number(page: QWidget, icons: Icons) -> NumberField:
    field = NumberField(icons, "Temperature", minimum=0, maximum=2, decimals=2, step=0.05)
    put(page, field)
    field.set_value(0.8)
    field.selectAll()
    return field


def test_number_is_taken_while_typed(number: NumberField) -> None:
    values: list[float] = []
    number.value_changed.connect(values.append)
    number.setFocus()
    number.selectAll()
    QTest.keyClicks(number, "1.25")
    assert values == [1.0, 1.2, 1.25]
    assert number.value() == 1.25


@pytest.mark.parametrize("text", ["0.5.1", "abc", "7", "-1"])
def test_wrong_number_keeps_the_last_good_one(number: NumberField, text: str) -> None:
    number.setText("")
    number.set_value(0.8)
    number.selectAll()
    number.insert(text)
    number.textEdited.emit(text)
    assert number.is_wrong()
    assert number.toolTip()
    assert number.value() == 0.8
    number.editingFinished.emit()
    assert (number.text(), number.is_wrong()) == ("0.80", False)


def test_a_number_out_of_range_leaves_the_one_before_the_typing_in_force(
    page: QWidget, icons: Icons
) -> None:
    row = ValueSlider(icons, "Context", minimum=256, maximum=32_768, default=8192)
    other = TextField(icons, "Other")
    put(page, row, other)
    place = row.slider.value()
    told: list[object] = []
    row.value_changed.connect(told.append)
    row.field.setFocus()
    row.field.selectAll()
    QTest.keyClicks(row.field, "999999")
    assert row.field.is_wrong()
    assert row.field.note() == f"Between 256 and {QLocale().toString(32_768)}."
    assert (row.value(), row.slider.value()) == (8192, place)
    assert told[-1] == 8192
    assert row.field.text() == "999999"
    other.setFocus()
    assert (row.value(), row.field.note()) == (8192, "")
    assert row.field.text() == QLocale().toString(8192)


def test_number_steps_and_stops_at_its_bounds(number: NumberField) -> None:
    QTest.keyClick(number, Qt.Key.Key_Up)
    assert number.value() == 0.85
    for _ in range(5):
        QTest.keyClick(number, Qt.Key.Key_PageUp)
    assert number.value() == 2


def test_wheel_counts_only_with_focus(number: NumberField) -> None:
    wheel(number)
    assert number.value() == 0.8
    number.setFocus()
    wheel(number)
    assert number.value() == 0.85


def test_empty_stands_for_none_where_allowed(page: QWidget, icons: Icons) -> None:
    field = NumberField(icons, "Seed", maximum=100, empty="Random")
    put(page, field)
    assert (field.value(), field.placeholderText()) == (None, "Random")
    QTest.keyClicks(field, "42")
    assert field.value() == 42
    field.selectAll()
    QTest.keyClick(field, Qt.Key.Key_Delete)
    assert field.value() is None


def test_numbers_as_people_write_them() -> None:
    assert parse_number("0.5") == 0.5
    assert parse_number("1e3") == 1000
    assert parse_number("one") is None


def test_slider_and_field_are_one_value(page: QWidget, icons: Icons) -> None:
    row = ValueSlider(
        icons, "Temperature", minimum=0, maximum=2, decimals=2, step=0.05, default=0.8
    )
    put(page, row)
    values: list[float] = []
    row.value_changed.connect(values.append)
    assert not row.is_changed()
    row.slider.setValue(500)
    assert row.value() == 1
    assert row.field.text() == "1.00"
    assert row.reset.isVisible()
    assert row.label.property("role") == "text"
    QTest.mouseDClick(row.slider, CLICK)
    assert row.value() == 0.8
    assert not row.reset.isVisible()
    assert values == [1.0, 0.8]


def test_slider_keys_and_pointer(page: QWidget, icons: Icons) -> None:
    slider = Slider(icons, "Top-k")
    slider.setRange(0, 100)
    put(page, slider)
    wheel(slider)
    assert slider.value() == 0
    QTest.mouseClick(slider, CLICK, pos=QPoint(slider.width() - 8, 8))
    assert slider.value() == 100
    assert not rings(page)
    QTest.keyClick(slider, Qt.Key.Key_Home)
    assert slider.value() == 0
    page.setFocus()
    slider.setFocus(Qt.FocusReason.TabFocusReason)
    assert len(rings(page)) == 1


def test_logarithmic_slider_covers_its_range(page: QWidget, icons: Icons) -> None:
    row = ValueSlider(
        icons, "Context", minimum=256, maximum=131072, step=256, default=8192, logarithmic=True
    )
    put(page, row)
    for position, value in ((0, 256), (1000, 131072)):
        row.slider.setValue(position)
        assert row.value() == value


# Fields and combo boxes


def test_escape_empties_a_search_then_passes(page: QWidget, icons: Icons) -> None:
    field = SearchField(icons, "Search chats")
    put(page, field)
    QTest.keyClicks(field, "tea")
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert field.text() == ""


def test_combo_opens_a_menu_and_takes_the_choice(page: QWidget, icons: Icons, qtbot: QtBot) -> None:
    combo = ComboBox(icons, "Preset")
    combo.add("General", "general", "message-square")
    combo.add("Coder", "coder", "code")
    put(page, combo)
    combo.showPopup()
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, Menu)
    assert menu.width() >= combo.width()
    QTest.keyClick(menu, Qt.Key.Key_Down)
    with qtbot.waitSignal(combo.activated):
        QTest.keyClick(menu, Qt.Key.Key_Return)
    assert combo.currentData() == "coder"
    combo.choose("general")
    combo.choose("nothing like it")
    assert combo.currentData() == "general"


def test_the_ends_of_an_open_menu_are_reached_by_home_and_end(
    page: QWidget, icons: Icons, qtbot: QtBot
) -> None:
    combo = ComboBox(icons, "Preset")
    for name in ("general", "coder", "writer"):
        combo.add(name.title(), name)
    put(page, combo)
    for key, chosen in ((Qt.Key.Key_End, "writer"), (Qt.Key.Key_Home, "general")):
        QTest.keyClick(combo, Qt.Key.Key_Space)
        menu = QApplication.activePopupWidget()
        assert isinstance(menu, Menu)
        QTest.keyClick(menu, key)
        with qtbot.waitSignal(combo.activated):
            QTest.keyClick(menu, Qt.Key.Key_Return)
        assert combo.currentData() == chosen


# Facts


def test_fit_badge_says_it_in_words(page: QWidget, icons: Icons) -> None:
    badge = FitBadge(icons)
    put(page, badge)
    badge.set_fit("too_large", "12 GB of 8 GB")
    assert (badge.text(), badge.accessibleName()) == ("Too large", "Too large")
    assert badge.toolTip() == "12 GB of 8 GB"
    assert badge.height() == 20


def test_progress_and_gauge_have_values(page: QWidget, icons: Icons) -> None:
    bar, ring, fit = ProgressBar(icons, "Downloading"), RingGauge(icons, "Context"), FitBar(icons)
    put(page, bar, ring, fit, Badge(icons, "8B", icon="layers"))
    bar.set_fraction(0.42)
    assert bar.value() == 420
    bar.set_fraction(7)
    assert bar.value() == bar.maximum()
    roles = []
    for fraction in (0.5, 0.9, 1.2):
        ring.set_fraction(fraction, "tokens")
        roles.append(ring.role())
    assert roles == ["accent", "warning-mark", "danger-mark"]
    fit.set_values(5, 8, 16, "fits", "5 of 16 GB")
    assert fit.accessibleName() == "5 of 16 GB"


def test_wrapped_label_takes_the_lines_it_needs(page: QWidget, theme: Theme) -> None:
    label = Label("word " * 60, wrap=True)
    put(page, label)
    lines = label.heightForWidth(300) // theme.line_height("body")
    assert lines >= 4
    assert label.height() >= label.heightForWidth(label.width())
    label.setText("short")
    assert label.heightForWidth(300) == theme.line_height("body")


def test_elided_label_tells_the_whole_only_when_cut(
    page: QWidget, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(QToolTip, "showText", lambda _at, text, *_: shown.append(text))
    label = ElidedLabel("/srv/somebody/models/a/very/long/path/model.gguf")
    put(page, label)
    label.setFixedWidth(500)
    help_event = QHelpEvent(QEvent.Type.ToolTip, QPoint(2, 2), QPoint(2, 2))
    QApplication.sendEvent(label, help_event)
    assert (label.is_elided(), shown) == (False, [])
    label.setFixedWidth(80)
    QApplication.sendEvent(label, help_event)
    assert label.shown_text().endswith("…")
    assert shown == [label.text()]


# Lists


@pytest.fixture
def rows(page: QWidget, icons: Icons) -> RowListView:
    model = QStandardItemModel(page)
    for text, kind in (("Today", "group"), ("One", ""), ("Two", ""), ("", "skeleton")):
        item = QStandardItem(text)
        item.setData(kind, RowRole.KIND)
        item.setData("second line", RowRole.SECOND)
        item.setData("14:32", RowRole.SIDE)
        if kind:
            item.setFlags(Qt.ItemFlag.NoItemFlags)
        model.appendRow(item)
    view = RowListView(icons, "Chats")
    view.setItemDelegate(RowDelegate(icons, 48, view, ellipsis_at_hover=True))
    view.setModel(model)
    put(page, view)
    return view


def test_list_heights(rows: RowListView) -> None:
    heights = [rows.visualRect(rows.model().index(n, 0)).height() for n in range(4)]
    assert heights == [32, 48, 48, 48]


def test_list_by_keyboard_skips_titles_and_opens(rows: RowListView) -> None:
    opened: list[str] = []
    rows.opened.connect(lambda index: opened.append(index.data()))
    rows.setFocus(Qt.FocusReason.TabFocusReason)
    assert rows.currentIndex().data() == "One"
    QTest.keyClick(rows, Qt.Key.Key_Down)
    QTest.keyClick(rows, Qt.Key.Key_Return)
    QTest.keyClick(rows, Qt.Key.Key_Up)
    QTest.keyClick(rows, Qt.Key.Key_Up)
    assert rows.currentIndex().data() == "One"
    assert opened == ["Two"]


def test_list_click_opens_and_ellipsis_asks_for_the_menu(rows: RowListView) -> None:
    opened: list[str] = []
    asked: list[str] = []
    rows.opened.connect(lambda index: opened.append(index.data()))
    rows.menu_asked.connect(lambda index, _at: asked.append(index.data()))
    rect = rows.visualRect(rows.model().index(1, 0))
    QTest.mouseClick(rows.viewport(), CLICK, pos=rect.center())
    QTest.mouseClick(rows.viewport(), CLICK, pos=QPoint(rect.right() - 26, rect.top() + 14))
    assert (opened, asked) == (["One"], ["One"])


def test_list_delete_key_asks_to_delete(rows: RowListView) -> None:
    asked: list[str] = []
    rows.delete_asked.connect(lambda index: asked.append(index.data()))
    rows.setCurrentIndex(rows.model().index(1, 0))
    QTest.keyClick(rows, Qt.Key.Key_Delete)
    assert asked == ["One"]


def test_list_focus_ring_is_for_the_keyboard(rows: RowListView) -> None:
    option = QStyleOptionViewItem()
    option.rect = rows.visualRect(rows.model().index(1, 0))
    rows.setFocus(Qt.FocusReason.TabFocusReason)
    assert rows.shows_focus_on(option)
    QTest.mouseClick(rows.viewport(), CLICK, pos=option.rect.center())
    assert not rows.shows_focus_on(option)


def test_list_paints_every_kind_of_row(rows: RowListView, theme: Theme) -> None:
    picture = rows.grab().toImage()
    ground = picture.pixelColor(4, picture.height() - 4)
    for row in range(4):
        rect = rows.visualRect(rows.model().index(row, 0))
        line = [
            picture.pixelColor(x, y)
            for x in range(rect.left() + 20, rect.right() - 20, 2)
            for y in range(rect.top(), rect.bottom())
        ]
        assert any(color != ground for color in line), f"row {row} is empty"


def test_list_keeps_the_width_of_its_rows_when_it_scrolls(rows: RowListView) -> None:
    width = rows.visualRect(rows.model().index(1, 0)).width()
    rows.setFixedHeight(80)
    QApplication.processEvents()
    bar = rows.findChild(OverlayScrollBar)
    assert isinstance(bar, OverlayScrollBar)
    assert bar.isVisible()
    assert rows.visualRect(rows.model().index(1, 0)).width() == width
    bar.setValue(bar.maximum())
    assert rows.verticalScrollBar().value() == rows.verticalScrollBar().maximum() > 0
    rows.verticalScrollBar().setValue(0)
    assert bar.value() == 0
    rows.setFixedHeight(400)
    QApplication.processEvents()
    assert not bar.isVisible()


def test_list_scrolls_after_python_lost_sight_of_its_bar(rows: RowListView) -> None:
    shiboken6.invalidate(rows.verticalScrollBar())  # as PySide does when it loses track of it
    rows.setFixedHeight(80)
    QApplication.processEvents()
    bar = rows.findChild(OverlayScrollBar)
    assert isinstance(bar, OverlayScrollBar)
    assert bar.isVisible()


# Panels


def test_menu_runs_what_was_chosen(page: QWidget, icons: Icons) -> None:
    ran: list[str] = []
    menu = Menu(icons, page)
    menu.add("Rename", lambda: ran.append("rename"), icon="pencil", shortcut="F2")
    menu.addSeparator()
    menu.add("Delete", lambda: ran.append("delete"), icon="trash-2", danger=True)
    menu.popup_under(page)
    assert menu.actionGeometry(menu.actions()[0]).height() == 32
    menu.grab()
    QTest.keyClick(menu, Qt.Key.Key_Up)
    QTest.keyClick(menu, Qt.Key.Key_Return)
    assert ran == ["delete"]


def test_popover_closes_by_escape_and_tells(page: QWidget, icons: Icons, qtbot: QtBot) -> None:
    popover = Popover(icons, "Models", page)
    button = Button(icons, "Load")
    popover.body.addWidget(button)
    popover.open_under(page)
    assert popover.isVisible()
    with qtbot.waitSignal(popover.closed):
        QTest.keyClick(popover, Qt.Key.Key_Escape)
    assert not popover.isVisible()


def test_rows_of_a_menu_have_room_for_label_and_key(page: QWidget, icons: Icons) -> None:
    menu = Menu(icons, page)
    menu.add("131,072 tokens of context", checked=True)
    menu.add("Rename", icon="pencil", shortcut="Ctrl+Shift+F")
    menu.popup_under(page)
    metrics = QFontMetrics(icons.theme.font("body"))
    long, keyed = (menu.actionGeometry(action).width() for action in menu.actions())
    icon = 16 + 12
    assert long >= 8 + icon + metrics.horizontalAdvance("131,072 tokens of context") + 8
    assert keyed >= 8 + icon + metrics.horizontalAdvance("Rename") + 24
    assert menu.width() - long <= 2 * 5
    menu.close()


def test_a_toast_is_as_high_as_its_text_and_leaves_the_foot_free(
    page: QWidget, icons: Icons
) -> None:
    page.resize(900, 500)
    short = Toast(icons, "Chat deleted", foot=lambda: 100, parent=page)
    long = Toast(icons, "This file is not a model. " * 8, danger=True, parent=page)
    for toast in (short, long):
        toast.appear()
    assert short.height() == 44
    assert short.geometry().bottom() < page.height() - 100
    assert long.width() == 480
    assert long.label.height() >= long.label.heightForWidth(long.label.width())
    assert long.height() - long.label.geometry().bottom() > 8


def test_a_toast_follows_its_page_and_its_foot(page: QWidget, icons: Icons, qtbot: QtBot) -> None:
    foot = 0
    field = TextField(icons, "Write")
    put(page, field)
    toast = Toast(icons, "Chat deleted", foot=lambda: foot, parent=page)
    toast.appear()
    page.resize(900, 500)
    qtbot.waitUntil(lambda: abs(toast.geometry().center().x() - 450) <= 1)
    foot = 120
    field.setFixedHeight(120)  # as the composer grows
    qtbot.waitUntil(lambda: toast.geometry().bottom() < 500 - 120)


def test_the_focus_goes_back_to_where_it_was_before_a_toast(
    page: QWidget, icons: Icons, qtbot: QtBot
) -> None:
    first, second = TextField(icons, "First"), TextField(icons, "Second")
    put(page, first, second)
    second.setFocus()
    toast = Toast(icons, "Message deleted", action="Undo", parent=page)
    toast.appear()
    toast.action.setFocus(Qt.FocusReason.TabFocusReason)
    assert page.focusWidget() is toast.action
    toast.action.click()
    assert page.focusWidget() is second


def test_toast_runs_its_action_and_goes(page: QWidget, icons: Icons, qtbot: QtBot) -> None:
    undone: list[bool] = []
    toast = Toast(
        icons, "Chat deleted", action="Undo", callback=lambda: undone.append(True), parent=page
    )
    toast.appear()
    assert abs(toast.geometry().center().x() - page.rect().center().x()) <= 1
    with qtbot.waitSignal(toast.destroyed):
        QTest.mouseClick(toast.action, CLICK)
    assert undone == [True]


def test_toast_stays_while_it_is_read(page: QWidget, icons: Icons, qtbot: QtBot) -> None:
    toast = Toast(icons, "Chat deleted", parent=page)
    toast.appear()
    toast.set_duration(1)
    at = QPointF(5, 5)
    QApplication.sendEvent(toast, QEnterEvent(at, at, at))
    qtbot.wait(20)
    assert toast.isVisible()
    with qtbot.waitSignal(toast.destroyed):
        QApplication.sendEvent(toast, QEvent(QEvent.Type.Leave))


def test_error_card_tells_all_and_offers_remedies(page: QWidget, icons: Icons) -> None:
    error = AppError("The engine stopped", "It ran out of memory.", "Use less.", "last words")
    card = ErrorCard(icons, error, [("reload", "Reload"), ("less", "Use 4,096 tokens")])
    put(page, card)
    chosen: list[str] = []
    card.remedy_chosen.connect(chosen.append)
    assert isinstance(card.buttons[0], PrimaryButton)
    assert not isinstance(card.buttons[1], PrimaryButton)
    QTest.mouseClick(card.buttons[1], CLICK)
    assert chosen == ["less"]
    assert not card.detail.isVisible()
    QTest.mouseClick(card.unfold, CLICK)
    assert card.detail.isVisible()
    card.copy_report()
    text = QApplication.clipboard().text()
    assert all(part in text for part in ("The engine stopped", "out of memory", "last words"))


def test_strip_hides_without_words(page: QWidget, icons: Icons) -> None:
    strip = Strip(icons, "Shown as of yesterday", tone="warning", action="Try again")
    put(page, strip)
    with_action: list[bool] = []
    strip.action_chosen.connect(lambda: with_action.append(True))
    QTest.mouseClick(strip.action, CLICK)
    assert with_action == [True]
    strip.say("")
    assert not strip.isVisible()


def test_empty_state_button_acts(page: QWidget, icons: Icons) -> None:
    pressed: list[bool] = []
    empty = EmptyState(
        icons,
        "download",
        "No downloads yet",
        "Models that you download appear here.",
        action="Find a model",
        callback=lambda: pressed.append(True),
    )
    put(page, empty)
    QTest.mouseClick(empty.button, CLICK)
    assert pressed == [True]
