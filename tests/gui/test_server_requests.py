"""The table of requests: what strangers send is shown as text."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.core.request_log import RequestRecord
from app.gui.icons import Icons
from app.gui.server_requests import PATH, STATE, RequestsModel, RequestsTable, state_words


def record(path: str = "/v1/models", **more: object) -> RequestRecord:
    return RequestRecord(1, 0.0, "192.168.1.9", "", "GET", path, **more)  # type: ignore[arg-type]  # as the caller says


def test_a_path_is_no_markup_in_the_tip_of_its_row(qtbot: QtBot) -> None:
    """A picture in a tip would be read, on Windows from any computer that its address names."""
    parent = QWidget()
    qtbot.addWidget(parent)
    model = RequestsModel(parent)
    model.take(record('/<img src="//elsewhere/share/x.png">', error="a <b>word</b>"))
    tip = model.data(model.index(0, 0), Qt.ItemDataRole.ToolTipRole)
    assert isinstance(tip, str)
    assert "<img" not in tip
    assert "<b>" not in tip
    assert "&lt;img" in tip


def test_an_answer_that_broke_off_is_not_shown_as_done() -> None:
    words, role = state_words(record(status=200, seconds=1.0, error="The engine died."))
    assert words == "200 The engine died."
    assert role == "warning"


def test_a_path_is_readable_in_a_small_window(icons: Icons, qtbot: QtBot) -> None:
    """888 pixels are left for the table in a window of 1024."""
    table = RequestsTable(icons)
    qtbot.addWidget(table)
    table.rows.take(record("/v1/chat/completions"))
    for width, state in ((888, 150), (1184, 260)):
        table.resize(width, 300)
        table.show()
        assert table.columnWidth(PATH) >= 180
        assert table.columnWidth(STATE) == state
        used = sum(table.columnWidth(each) for each in range(table.model().columnCount()))
        assert used <= table.viewport().width()
