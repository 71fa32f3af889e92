"""How a model is built, in words: layers, attention, vocabulary."""

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.core.architecture import Architecture
from app.gui import formatting
from app.gui.controls.labels import Label
from app.gui.discover_facts import empty_flow
from app.gui.flow_layout import FlowLayout


def architecture_facts(shape: Architecture) -> tuple[tuple[str, str, str], ...]:
    """What is known: a name, its value and what it means for the reader."""
    translate = QCoreApplication.translate
    facts: list[tuple[str, str, str]] = []
    if shape.name:
        tip = translate("architecture", "The kind of model, as the engine knows it")
        facts.append((translate("architecture", "Architecture"), shape.name, tip))
    for name, value, tip in (
        (
            translate("architecture", "Layers"),
            shape.layers,
            translate("architecture", "Each reads what the one before it made of the text"),
        ),
        (
            translate("architecture", "Width"),
            shape.width,
            translate("architecture", "Numbers that stand for one token (embedding length)"),
        ),
    ):
        if value:
            facts.append((name, formatting.number(value), tip))
    facts += _attention(shape)
    facts += _experts(shape)
    if shape.vocabulary:
        tip = translate("architecture", "Tokens that the model knows; more mean shorter texts")
        words = formatting.number(shape.vocabulary)
        facts.append((translate("architecture", "Vocabulary"), words, tip))
    if shape.context_length:
        tip = translate("architecture", "Tokens that the model was trained to keep in view")
        words = formatting.number(shape.context_length)
        facts.append((translate("architecture", "Context"), words, tip))
    if shape.sliding_window:
        tip = translate(
            "architecture", "Some layers look back only so many tokens, which saves memory"
        )
        words = formatting.number(shape.sliding_window)
        facts.append((translate("architecture", "Window"), words, tip))
    return tuple(facts)


def _attention(shape: Architecture) -> list[tuple[str, str, str]]:
    translate = QCoreApplication.translate
    kinds = {
        "multi-head": (
            translate("architecture", "%1 heads"),
            translate("architecture", "Every head has keys and values of its own (multi-head)"),
        ),
        "grouped-query": (
            translate("architecture", "%1 heads, %2 for keys and values"),
            translate(
                "architecture",
                "Heads share keys and values, which makes long contexts cheaper "
                "(grouped-query attention)",
            ),
        ),
        "multi-query": (
            translate("architecture", "%1 heads, %2 for keys and values"),
            translate(
                "architecture",
                "All heads share keys and values, which makes long contexts cheap "
                "(multi-query attention)",
            ),
        ),
    }
    if shape.attention is None:
        return []
    words, tip = kinds[shape.attention]
    words = words.replace("%1", str(shape.heads)).replace("%2", str(shape.kv_heads))
    return [(translate("architecture", "Attention"), words, tip)]


def _experts(shape: Architecture) -> list[tuple[str, str, str]]:
    if not shape.experts:
        return []
    translate = QCoreApplication.translate
    words = translate("architecture", "%1 of %2 active")
    words = words.replace("%1", str(shape.experts_used or "?")).replace("%2", str(shape.experts))
    tip = translate("architecture", "Only some parts work on each token, which makes it faster")
    return [(translate("architecture", "Experts"), words, tip)]


class ArchitectureFacts(QWidget):
    """Names above their values, side by side; hidden where nothing is known."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 20, 0, 0)
        column.setSpacing(8)
        column.addWidget(Label(self.tr("How it is built"), "page-title"))
        holder = QWidget()
        self._flow = FlowLayout(holder, spacing=28, between_lines=10)
        column.addWidget(holder)
        self._shown: Architecture | None = None
        self.hide()

    def show_architecture(self, shape: Architecture) -> None:
        """Show what is known."""
        if shape == self._shown:
            return
        self._shown = shape
        empty_flow(self._flow)
        facts = architecture_facts(shape) if shape.layers else ()
        for name, value, tip in facts:
            cell = QWidget()
            cell.setToolTip(tip)
            cell.setAccessibleName(f"{name}: {value}")
            column = QVBoxLayout(cell)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(2)
            column.addWidget(Label(name, "caption", "text-3"))
            column.addWidget(Label(value, "body", "text"))
            self._flow.addWidget(cell)
        self.setVisible(bool(facts))
        self.updateGeometry()
