"""Loads the window's words in another language."""

from pathlib import Path

from PySide6.QtCore import QLocale, QTranslator
from PySide6.QtWidgets import QApplication


def install_translation(app: QApplication, folder: Path, language: str) -> QTranslator | None:
    """Use `corral_LANGUAGE.qm` of a folder; None where there is none and English stays."""
    translator = QTranslator(app)
    if not translator.load(QLocale(language), "corral", "_", str(folder)):
        translator.deleteLater()
        return None
    app.installTranslator(translator)
    return translator
