"""The window speaks another language when there is a file for it."""

import subprocess
import sys
from pathlib import Path

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QApplication

from app.gui.main_window import place_names
from app.gui.translation import install_translation

_FRENCH = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="fr">
<context>
    <name>places</name>
    <message><source>Downloads</source><translation>Téléchargements</translation></message>
</context>
</TS>
"""


def tool(name: str) -> str:
    return str(Path(sys.executable).with_name(f"pyside6-{name}"))


def test_words_of_a_file_are_used(qapp: QApplication, tmp_path: Path) -> None:
    source = tmp_path / "corral_fr.ts"
    source.write_text(_FRENCH, encoding="utf-8")
    target = tmp_path / "corral_fr.qm"
    subprocess.run([tool("lrelease"), str(source), "-qm", str(target)], check=True, timeout=60)
    translator = install_translation(qapp, tmp_path, "fr")
    assert translator is not None
    assert place_names()["downloads"] == "Téléchargements"
    QCoreApplication.removeTranslator(translator)
    assert place_names()["downloads"] == "Downloads"


def test_english_needs_no_file(qapp: QApplication, tmp_path: Path) -> None:
    assert install_translation(qapp, tmp_path, "en") is None


def test_words_are_found_by_the_tool_that_gathers_them(tmp_path: Path) -> None:
    root = Path(__file__).parents[2] / "app" / "gui"
    target = tmp_path / "corral_fr.ts"
    files = [str(root / name) for name in ("main_window.py", "shortcuts_sheet.py", "notify.py")]
    subprocess.run([tool("lupdate"), *files, "-ts", str(target)], check=True, timeout=60)
    gathered = target.read_text(encoding="utf-8")
    assert "My models" in gathered
    assert "Stop the answer, or close" in gathered
