"""The menus of My models."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from app.gui.controls.menu import Menu
from app.gui.icons import Icons
from app.gui.library_actions import LibraryActions, forgets
from app.gui.library_rows import LibraryRow
from app.gui.library_upkeep import LibraryUpkeep

RowAction = Callable[[LibraryRow], object]


def _tr(text: str) -> str:
    return QCoreApplication.translate("library", text)


def _menu(icons: Icons, parent: QWidget) -> Menu:
    menu = Menu(icons, parent)
    menu.aboutToHide.connect(menu.deleteLater)
    return menu


def row_menu(
    icons: Icons,
    parent: QWidget,
    row: LibraryRow,
    actions: LibraryActions,
    *,
    chat: RowAction,
    load: RowAction,
    eject: RowAction,
    variant: RowAction,
    update: RowAction,
) -> Menu:
    """What can be done with one model."""
    menu = _menu(icons, parent)
    menu.add(_tr("Chat"), partial(chat, row), icon="message-square", enabled=row.usable)
    if row.state == "ready":
        menu.add(_tr("Eject"), partial(eject, row), icon="eject")
    else:
        can_load = row.usable and row.state != "loading"
        menu.add(_tr("Load"), partial(load, row), icon="play", enabled=can_load)
    if not row.model.is_remote:
        menu.add(
            _tr("Show in the file manager"),
            partial(actions.reveal, row.model),
            icon="folder-open",
            enabled=row.model.present,
        )
        if row.newer:
            menu.add(_tr("Update"), partial(update, row), icon="arrow-down-to-line")
        menu.add(_tr("Make a variant…"), partial(variant, row), icon="copy", enabled=row.usable)
    menu.addSeparator()
    forget = forgets(row.model)
    menu.add(
        _tr("Take off the list…") if forget else _tr("Delete…"),
        partial(actions.ask_delete, row.model),
        icon="minus" if forget else "trash-2",
        shortcut="Del",
        danger=not forget,
    )
    return menu


def add_menu(
    icons: Icons,
    parent: QWidget,
    actions: LibraryActions,
    upkeep: LibraryUpkeep,
    browse: Callable[[], object],
) -> Menu:
    """Ways to more models."""
    menu = _menu(icons, parent)
    menu.add(_tr("Import files…"), upkeep.choose_files, icon="file-input")
    menu.add(_tr("Import a folder…"), upkeep.choose_folder, icon="folder-open")
    menu.addSeparator()
    menu.add(_tr("Use a model file where it lies…"), actions.choose_file, icon="link")
    menu.add(_tr("Use a folder where it lies…"), actions.choose_folder, icon="folder-search")
    menu.add(_tr("Look for models of other programs"), upkeep.look_for_programs, icon="search")
    menu.addSeparator()
    menu.add(_tr("Download one"), browse, icon="compass")
    return menu


def folder_menu(
    icons: Icons, parent: QWidget, actions: LibraryActions, upkeep: LibraryUpkeep
) -> Menu:
    """What can be done with the models folder."""
    menu = _menu(icons, parent)
    menu.add(_tr("Show the models folder"), actions.show_folder, icon="folder-open")
    menu.add(
        _tr("Move the models to another folder…"),
        partial(actions.choose_models_folder, move=True),
        icon="folder-cog",
    )
    menu.add(
        _tr("Use another folder, leave the models…"),
        partial(actions.choose_models_folder, move=False),
        icon="folder",
    )
    menu.addSeparator()
    menu.add(_tr("Find files that are there twice"), upkeep.find_duplicates, icon="copy")
    return menu
