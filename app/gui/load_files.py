"""Asks for a file that is loaded beside a model."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

Taken = Callable[[Path], None]


def ask_for_file(asking: QWidget, title: str, names: str, taken: Taken) -> None:
    """Ask for one file whose name fits `names`, such as "Adapters (*.gguf)"."""
    dialog = _dialog(asking, title)
    dialog.setNameFilter(names)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    _open(dialog, taken)


def ask_for_folder(asking: QWidget, title: str, taken: Taken) -> None:
    """Ask for one folder."""
    dialog = _dialog(asking, title)
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    _open(dialog, taken)


def _dialog(asking: QWidget, title: str) -> QFileDialog:
    window = asking.window()
    dialog = QFileDialog(window.parentWidget() or window, title, str(Path.home()))
    # A popover closes when another window opens; what was set in it is still there afterwards.
    dialog.finished.connect(window.show)
    return dialog


def _open(dialog: QFileDialog, taken: Taken) -> None:
    dialog.fileSelected.connect(lambda text: taken(Path(text)))
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()
