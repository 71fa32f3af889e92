"""What can be done with a download: the menu of its row."""

from functools import partial

from PySide6.QtCore import QCoreApplication

from app.gui.controls.menu import Menu
from app.gui.downloads_row import MOVABLE, STEP_KEYS, DownloadRow
from app.gui.downloads_words import can_try_now
from app.gui.icons import Icons


def _tr(text: str) -> str:
    return QCoreApplication.translate("downloads", text)


def row_menu(icons: Icons, row: DownloadRow) -> Menu:
    """The menu of `row` as it is now; it asks by the row's signals."""
    item = row.item
    menu = Menu(icons, row)

    def add(text: str, icon: str, signal: str, *, danger: bool = False) -> None:
        menu.add(text, partial(getattr(row, signal).emit, item.id), icon=icon, danger=danger)

    if can_try_now(item):
        add(_tr("Try now"), "rotate-cw", "try_now")
    if item.state in ("waiting", "paused", "failed"):
        add(_tr("Download now"), "zap", "run_now")
    if item.state in ("running", "waiting"):
        add(_tr("Pause"), "pause", "pause")
    if item.state in ("paused", "failed"):
        resume = _tr("Retry") if item.state == "failed" else _tr("Resume")
        add(resume, "play", "resume")
    if item.state in MOVABLE:
        menu.addSeparator()
        steps = {
            "top": _tr("Move to the top"),
            "up": _tr("Move up"),
            "down": _tr("Move down"),
            "bottom": _tr("Move to the end"),
        }
        for step, text in steps.items():
            menu.add(text, partial(row.step_wanted.emit, item.id, step), shortcut=STEP_KEYS[step])
    menu.addSeparator()
    if len(item.request.files) > 1:
        menu.add(_tr("Files"), row.files_link.click, icon="files")
    if item.state == "done":
        add(_tr("Show in the file manager"), "folder-open", "show_folder")
        add(_tr("Remove from this list"), "x", "remove")
    else:
        add(_tr("Cancel the download"), "x", "cancel", danger=True)
    return menu
