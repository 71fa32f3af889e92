"""Block widgets: documents, code, tables, formulas."""

import http.server
import threading
from collections.abc import Callable, Iterator

import pytest
import shiboken6
from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QGuiApplication, QTextCursor, QTextDocument
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.gui.blocks import BlockColumn
from app.gui.blocks_code import CodeView
from app.gui.blocks_document import CODE
from app.gui.blocks_math import MathView
from app.gui.blocks_table import TableView
from app.gui.blocks_text import BlockParts, TextRun, code_grounds, selected_text
from app.gui.controls.card import ScrollPage
from app.gui.highlight import highlight, language_title
from app.gui.icons import Icons
from app.gui.markdown import CodeBlock, parse
from app.gui.markdown_view import MarkdownView
from app.gui.math_images import Formula, MathImages, draw_all
from app.gui.theme import Theme
from app.gui.worker import Worker
from tests.timing import PATIENCE

WIDTH = 600


@pytest.fixture
def worker(qtbot: QtBot) -> Iterator[Worker]:
    worker = Worker()
    yield worker
    assert worker.close(PATIENCE)


@pytest.fixture
def parts(theme: Theme, icons: Icons, worker: Worker) -> BlockParts:
    return BlockParts(theme, icons, worker, MathImages(worker))


@pytest.fixture
def column(parts: BlockParts, show: Callable[[QWidget], QWidget]) -> BlockColumn:
    column = BlockColumn(parts)
    column.resize(WIDTH, 400)
    show(column)
    return column


def fill(column: BlockColumn, text: str) -> None:
    column.show_blocks(parse(text))
    column.resize(WIDTH, column.fit(WIDTH))


def test_text_grows_after_python_lost_sight_of_its_document(column: BlockColumn) -> None:
    fill(column, "One")
    shiboken6.invalidate(run_of(column).document())  # as PySide does when it loses track of it
    fill(column, "One $x$ two")
    assert run_of(column).toPlainText().startswith("One ")


def run_of(column: BlockColumn, number: int = 0) -> TextRun:
    view = column.views()[number]
    assert isinstance(view, TextRun)
    return view


def selected_all(run: TextRun) -> str:
    cursor = run.textCursor()
    cursor.select(QTextCursor.SelectionType.Document)
    return selected_text(cursor)


def test_text_around_frames_is_one_document_each(column: BlockColumn) -> None:
    fill(column, "# a\n\nb\n\n- c\n\n```\nd\n```\n\ne\n\n| f |\n|---|\n\n$$g$$")
    names = [type(view).__name__ for view in column.views()]
    assert names == ["TextRun", "CodeView", "TextRun", "TableView", "MathView"]
    assert run_of(column).document().blockCount() == 3


def test_blocks_stand_below_each_other(column: BlockColumn) -> None:
    fill(column, "a\n\n```\nb\n```\n\nc")
    tops = [view.y() + view.RISE for view in column.views()]
    heights = [view.height() - view.RISE for view in column.views()]
    assert tops[0] == 0
    assert tops[1] == heights[0] + 10
    assert tops[2] == tops[1] + heights[1] + 12
    assert heights[0] == 24


def test_growing_text_rewrites_its_last_block_only(column: BlockColumn) -> None:
    fill(column, "one\n\ntwo")
    run = run_of(column)
    places: list[int] = []
    run.document().contentsChange.connect(lambda place, _removed, _added: places.append(place))
    fill(column, "one\n\ntwo and more\n\nthree")
    assert run_of(column) is run
    assert places
    assert min(places) >= len("one")
    assert selected_all(run) == "one\ntwo and more\nthree"


def test_a_list_reads_well_when_copied(column: BlockColumn) -> None:
    fill(column, "3. `a` is $x^2$\n4. b")
    assert selected_all(run_of(column)) == "3. a is $x^2$\n4. b"


def test_a_part_of_a_line_is_copied(column: BlockColumn) -> None:
    fill(column, "take `code` away")
    run = run_of(column)
    cursor = run.textCursor()
    cursor.setPosition(2)
    cursor.setPosition(8, QTextCursor.MoveMode.KeepAnchor)
    run.setTextCursor(cursor)
    assert run.createMimeDataFromSelection().text() == "ke co"


def test_inline_code_has_a_ground_on_each_of_its_lines(column: BlockColumn) -> None:
    fill(column, "start `" + "word " * 40 + "`")
    block = run_of(column).document().begin()
    grounds = code_grounds(block)
    assert len(grounds) == block.layout().lineCount()
    assert all(ground.width() > 0 for ground in grounds)


def test_a_link_tells_its_address_when_clicked(column: BlockColumn, qtbot: QtBot) -> None:
    fill(column, "[here](https://a.b/c%20d?e=f)")
    run = run_of(column)
    rect = run.cursorRect(QTextCursor(run.document()))
    with qtbot.waitSignal(column.link_chosen) as chosen:
        place = QPoint(rect.left() + 8, rect.center().y())
        QTest.mouseClick(run.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert chosen.args == ["https://a.b/c%20d?e=f"]


def test_nothing_is_fetched(column: BlockColumn, qtbot: QtBot) -> None:
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)

        def log_message(self, *args: object) -> None:
            del args

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}/x.png"
    fill(column, f"![a]({address}) <img src='{address}'> [b]({address})")
    run = run_of(column)
    image = QTextDocument.ResourceType.ImageResource.value
    assert run.loadResource(image, QUrl(address)) is None
    assert run.loadResource(image, QUrl("file:///etc/hostname")) is None
    column.grab()
    qtbot.wait(50)
    server.shutdown()
    thread.join()
    server.server_close()
    assert asked == []


def test_a_formula_is_drawn_and_its_source_shown_until_then(
    column: BlockColumn, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(column.resized, timeout=60_000):
        fill(column, "so $O(\\log n)$ steps")
        assert "O(\\log n)" in run_of(column).toPlainText()
    assert "\ufffc" in run_of(column).toPlainText()
    assert selected_all(run_of(column)) == "so $O(\\log n)$ steps"


def test_formulas_are_drawn_once_and_bad_ones_stay_source(qtbot: QtBot, worker: Worker) -> None:
    math = MathImages(worker)
    good, bad = Formula("\\frac{1}{2}", 16, "#112233"), Formula("\\frac{1}{", 16, "#112233")
    with qtbot.waitSignal(math.drawn, timeout=60_000) as drawn:
        assert math.picture(bad) is None
        assert math.picture(good) is None
    assert drawn.args == [good]
    picture = math.picture(good)
    assert picture is not None
    assert picture.ascent > picture.descent > 0
    assert math.picture(bad) is None


@pytest.mark.parametrize(
    "tex",
    [
        *("\\sum_{i=0}^n i", "\\int_0^1 x dx", "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}"),
        *("\\begin{cases}a&b\\\\c&d\\end{cases}", "\\mathbb{R}", "\\sqrt{x}", "\\vec{a}\\cdot b"),
    ],
)
def test_common_formulas_can_be_drawn(tex: str) -> None:
    formula = Formula(tex, 18, "#000000", display=True, pixel_ratio=1.5)
    picture = draw_all([formula])[formula]
    assert picture is not None
    image = picture.image
    dark = [(x, y) for x in range(image.width()) for y in range(image.height())]
    assert any(image.pixelColor(x, y).alpha() > 128 for x, y in dark)


def test_a_formula_block_is_as_high_as_its_picture(column: BlockColumn, qtbot: QtBot) -> None:
    fill(column, "$$\\frac{\\frac{1}{2}}{\\frac{3}{4}}$$")
    before = column.fit(WIDTH)
    view = column.views()[0]
    assert isinstance(view, MathView)
    qtbot.waitUntil(lambda: column.fit(WIDTH) > before, timeout=60_000)


def code_of(column: BlockColumn) -> CodeView:
    view = column.views()[0]
    assert isinstance(view, CodeView)
    return view


def test_code_has_colours_and_a_language(column: BlockColumn) -> None:
    fill(column, '```python\ndef f(x: int) -> str:\n    return "a"  # b\n```')
    kinds = {text: kind for line in code_of(column).body.lines() for text, kind in line}
    assert kinds["def"] == kinds["return"] == "keyword"
    assert kinds["f"] == "func"
    assert kinds["int"] == "type"
    assert kinds["# b"] == "comment"
    assert code_of(column).body.accessibleName() == "Code, Python"


def test_an_unknown_language_stays_plain() -> None:
    assert highlight("a b\n\nc", "no-such-language") == ((("a b", ""),), (), (("c", ""),))
    assert language_title("no-such-language") == "no-such-language"
    assert language_title("cpp") == "C++"


def test_growing_code_keeps_its_finished_lines(
    parts: BlockParts, show: Callable[[QWidget], QWidget]
) -> None:
    view = CodeView(parts)
    show(view)
    view.show_block(CodeBlock('a = 1\nb = """x', "python", closed=False))
    document = view.body.document()
    changed: list[int] = []
    document.contentsChange.connect(lambda place, _removed, _added: changed.append(place))
    view.show_block(CodeBlock('a = 1\nb = """x\ny"""', "python", closed=False))
    assert view.body.toPlainText() == 'a = 1\nb = """x\ny"""'
    assert min(changed) >= len("a = 1\n")
    view.show_block(CodeBlock('a = 1\nb = """x\ny"""', "python"))
    last = view.body.lines()[-1]
    assert {kind for _, kind in last} == {"string"}
    assert view.body.toPlainText() == 'a = 1\nb = """x\ny"""'


def test_code_can_get_shorter(parts: BlockParts, show: Callable[[QWidget], QWidget]) -> None:
    view = CodeView(parts)
    show(view)
    view.show_block(CodeBlock("a\nb\nc", "python"))
    view.show_block(CodeBlock("a\nx", "python"))
    assert view.body.toPlainText() == "a\nx"
    view.show_block(CodeBlock("", "python"))
    assert view.body.toPlainText() == ""


def test_long_code_is_coloured_by_a_worker(column: BlockColumn, qtbot: QtBot) -> None:
    code = "\n".join(f"value_{number} = {number}  # note" for number in range(400))
    fill(column, f"```python\n{code}\n```")
    body = code_of(column).body
    assert body.toPlainText() == code
    qtbot.waitUntil(lambda: ("# note", "comment") in body.lines()[399], timeout=60_000)
    assert body.toPlainText() == code


def test_copying_code_says_so_for_a_moment(column: BlockColumn, qtbot: QtBot) -> None:
    fill(column, "```\nx = 1\n```")
    view = code_of(column)
    view.copy_button.click()
    assert QGuiApplication.clipboard().text() == "x = 1"
    assert view.copy_button.text() == "Copied"
    qtbot.waitUntil(lambda: view.copy_button.text() == "Copy")


def test_code_does_not_wrap_and_scrolls_only_when_wide(column: BlockColumn) -> None:
    fill(column, "```\nshort\n```")
    narrow = column.fit(WIDTH)
    assert code_of(column).body.horizontalScrollBarPolicy() == Qt.ScrollBarPolicy.ScrollBarAlwaysOff
    fill(column, "```\n" + "wide " * 60 + "\n```")
    wide = column.fit(WIDTH)
    assert code_of(column).body.horizontalScrollBarPolicy() == Qt.ScrollBarPolicy.ScrollBarAlwaysOn
    assert narrow <= wide <= narrow + 12
    assert code_of(column).body.document().lineCount() == 1


def table_of(column: BlockColumn) -> TableView:
    view = column.views()[0]
    assert isinstance(view, TableView)
    return view


def test_rows_of_a_table_are_34_high(column: BlockColumn) -> None:
    fill(column, "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |")
    assert 3 * 34 <= column.fit(WIDTH) <= 3 * 34 + 4


def test_a_head_that_holds_nothing_is_not_shown(column: BlockColumn) -> None:
    fill(column, "| | |\n|-|-|\n|a|b|\n|c|d|")
    first = table_of(column)
    assert first.toPlainText().split() == ["a", "b", "c", "d"]
    assert 2 * 34 - 2 <= first.height() <= 2 * 34 + 2
    fill(column, "| | |\n|-|-|\n|a|b|\n|c|d|\n|e|f|")
    assert table_of(column) is first
    assert first.toPlainText().split() == ["a", "b", "c", "d", "e", "f"]
    fill(column, "| | |\n|-|-|")
    assert table_of(column).toPlainText().split() == []


def test_only_a_wide_table_scrolls(column: BlockColumn) -> None:
    fill(column, "| a | b |\n|---|---|\n| 1 | 2 |")
    assert table_of(column).horizontalScrollBar().maximum() == 0
    row = "|" + "a long cell of words |" * 12
    fill(column, f"{row}\n|{'---|' * 12}\n{row}")
    column.grab()
    assert table_of(column).horizontalScrollBar().maximum() > 0


def test_a_view_goes_when_its_block_becomes_another(column: BlockColumn) -> None:
    fill(column, "| a |\n|")
    assert isinstance(column.views()[0], TextRun)
    fill(column, "| a |\n|---|\n")
    assert isinstance(column.views()[0], TableView)


def test_no_html_reaches_a_document(column: BlockColumn) -> None:
    fill(column, "<b>x</b> <img src=y> &lt;i&gt;")
    assert run_of(column).toPlainText() == "<b>x</b> <img src=y> <i>"


def test_formats_mark_inline_code(column: BlockColumn) -> None:
    fill(column, "a `b`")
    cursor = run_of(column).textCursor()
    cursor.setPosition(4)
    assert cursor.charFormat().boolProperty(CODE)


def test_a_card_is_as_high_as_its_text_and_tells_its_links(
    theme: Theme, icons: Icons, worker: Worker, show: Callable[[QWidget], QWidget], qtbot: QtBot
) -> None:
    page = ScrollPage(600)
    card = MarkdownView(theme, icons, worker)
    card.set_markdown("# Model\n\nhard\nwrapped [link](https://a.b) " + "word " * 200)
    page.column.addWidget(card)
    page.resize(700, 500)
    show(page)
    wide = card.height()
    run = card.findChildren(TextRun)[0]
    assert "hard wrapped" in run.toPlainText()
    assert wide == run.height() - run.RISE
    page.resize(400, 500)
    assert card.height() > wide
    with qtbot.waitSignal(card.link_activated) as chosen:
        run.link_chosen.emit("https://a.b")
    assert chosen.args == ["https://a.b"]
    theme.choose("dark")
    assert card.findChildren(TextRun)
    theme.choose("light")
    card.set_markdown("short")
    assert card.height() == 24
