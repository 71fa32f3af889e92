"""Every control has a name for screen readers and can be reached with the keyboard."""

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QAccessibleInterface
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QScrollBar,
    QWidget,
)
from pytestqt.qtbot import QtBot

from app.gui.context import AppContext
from app.gui.controls.buttons import IconButton
from app.gui.main_window import PLACES, Factory, MainWindow
from app.gui.page import Page
from app.gui.settings_page import SettingsPage

Show = Callable[[QWidget], QWidget]
OPERATED = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
)


def operated(root: QWidget) -> Iterator[QWidget]:
    """The controls in view that a person operates."""
    for widget in root.findChildren(QWidget):
        inner = isinstance(widget, QScrollBar) or widget.objectName().startswith("qt_")
        if isinstance(widget, OPERATED) and widget.isVisible() and not inner:
            yield widget


def spoken_name(widget: QWidget) -> str:
    """What a screen reader says."""
    interface = QAccessible.queryAccessibleInterface(widget)
    assert isinstance(interface, QAccessibleInterface), widget
    return interface.text(QAccessible.Text.Name)


def is_behind_the_chosen_one(control: QWidget) -> bool:
    """One of several of which one is chosen: Tab goes to that one, arrows to the others."""
    group = control.group() if isinstance(control, QAbstractButton) else None
    return group is not None and isinstance(control, QAbstractButton) and not control.isChecked()


def empty_page(context: AppContext) -> Page:
    return Page()


@pytest.fixture
def window(context: AppContext, show: Show) -> MainWindow:
    factories: dict[str, Factory] = {page_id: empty_page for page_id, *_ in PLACES}
    window = MainWindow(context, {**factories, "settings": SettingsPage})
    window.open_page("settings")
    show(window)
    return window


def settings_of(window: MainWindow) -> SettingsPage:
    page = window.current_page
    assert isinstance(page, SettingsPage)
    return page


def parts(window: MainWindow) -> Iterator[tuple[str, QWidget]]:
    """The window with every section of the settings, then with each panel above it."""
    page = settings_of(window)
    for section in page.sections:
        page.show_section(section.section_id)
        yield section.section_id, window
    window.open_palette()
    assert window.palette_overlay is not None
    yield "palette", window.palette_overlay
    window.palette_overlay.dismiss()
    window.open_shortcuts()
    yield "shortcuts", window


def test_every_control_has_a_name(window: MainWindow) -> None:
    nameless = [
        f"{where}: {type(control).__name__}"
        for where, root in parts(window)
        for control in operated(root)
        if not spoken_name(control).strip()
    ]
    assert nameless == []


def test_every_icon_without_a_label_has_a_tool_tip(window: MainWindow) -> None:
    bare = [
        spoken_name(control)
        for _, root in parts(window)
        for control in operated(root)
        if isinstance(control, QAbstractButton)
        and not control.text()
        and not control.toolTip()
        # A switch is labelled by the row it stands in.
        and not control.accessibleDescription()
        and not control.isCheckable()
    ]
    assert bare == []


def test_tab_reaches_every_control(window: MainWindow) -> None:
    page = settings_of(window)
    for section in page.sections:
        page.show_section(section.section_id)
        wanted = {
            control
            for control in operated(window)
            if control.isEnabled() and not is_behind_the_chosen_one(control)
        }
        window.rail.buttons["chat"].setFocus(Qt.FocusReason.TabFocusReason)
        reached: set[QWidget] = set()
        for _ in range(3 * len(wanted)):
            focus = QApplication.focusWidget()
            assert focus is not None
            reached.add(focus)
            QTest.keyClick(window.windowHandle(), Qt.Key.Key_Tab)
        missed = [spoken_name(control) for control in wanted - reached]
        assert missed == [], section.section_id


def test_nothing_operated_refuses_the_keyboard(window: MainWindow) -> None:
    refusing = [
        spoken_name(control)
        for control in operated(window)
        if control.isEnabled()
        and not is_behind_the_chosen_one(control)
        and not control.focusPolicy() & Qt.FocusPolicy.TabFocus
    ]
    assert refusing == []


def test_values_are_spoken(window: MainWindow) -> None:
    page = settings_of(window)
    page.show_section("general")
    spoken = {
        spoken_name(control): QAccessible.queryAccessibleInterface(control)
        for control in operated(page)
    }
    offline = spoken["Offline"]
    assert isinstance(offline, QAccessibleInterface)
    assert offline.state().checkable
    size = spoken["Text size"]
    assert isinstance(size, QAccessibleInterface)
    assert size.text(QAccessible.Text.Value)


@pytest.mark.parametrize("page_id", ["chat", "discover", "models", "downloads", "first-start"])
def test_real_pages_have_names_and_tool_tips(
    context: AppContext, show: Show, page_id: str, qtbot: QtBot
) -> None:
    context.library.scan()
    window = MainWindow(context)
    window.open_page(page_id)
    show(window)
    qtbot.wait(50)
    controls = [each for each in operated(window) if not window.rail.isAncestorOf(each)]
    assert controls
    nameless = [type(each).__name__ for each in controls if not spoken_name(each).strip()]
    assert nameless == []
    icons = [each for each in controls if isinstance(each, IconButton)]
    bare = [spoken_name(each) for each in icons if not each.toolTip()]
    assert bare == []
