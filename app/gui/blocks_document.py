"""Writes text blocks into a QTextDocument, span by span; no HTML is involved.

One block of the Markdown is one QTextBlock, so that a growing answer rewrites only its last one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, Qt, QUrl
from PySide6.QtGui import (
    QFont,
    QFontMetrics,
    QImage,
    QPainter,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
    QTextImageFormat,
    QTextOption,
)

from app.gui.markdown import Place, RuleBlock, Span, TextBlock
from app.gui.math_images import Formula, MathImages, Picture
from app.gui.theme import Theme

TextLike = TextBlock | RuleBlock
LINE_BREAK = "\u2028"
INDENT = 18
INDENT_ORDERED = 6
"""A numbered list needs this much more than a bulleted one."""
INDENT_QUOTE = 14
_TALL_GAP = 4
"""A minimum line height puts the first baseline this much higher than a fixed one."""
_CODE_PADDING = "\u00a0"

# Properties that the painting and the copying of a block look for.
CODE = QTextFormat.Property.UserProperty + 1
TEX = QTextFormat.Property.UserProperty + 2
PADDING = QTextFormat.Property.UserProperty + 3
QUOTE = QTextFormat.Property.UserProperty + 4
RULE = QTextFormat.Property.UserProperty + 5


def left_of(place: Place) -> int:
    """Pixels by which lists and quotations push a block to the right."""
    return place.indent * INDENT + place.ordered * INDENT_ORDERED + place.quote * INDENT_QUOTE


@dataclass(frozen=True, slots=True)
class TextLook:
    """Type style and colour of a text that is not a heading."""

    style: str = "reading"
    color: str = "text"


class TextFormats:
    """Character and block formats of the theme in force, made once."""

    def __init__(self, theme: Theme, look: TextLook) -> None:
        self.theme = theme
        self.look = look
        self._chars: dict[tuple[Span, int], QTextCharFormat] = {}

    def style(self, heading: int) -> str:
        """The type style of a heading level; 0 is plain text."""
        if not heading:
            return self.look.style
        return f"reading-h{min(heading, 3)}"

    def of_span(self, span: Span, heading: int) -> QTextCharFormat:
        """How the characters of a span look."""
        key = (Span("", span.bold, span.italic, span.strike, span.code, span.math), heading)
        if key not in self._chars:
            self._chars[key] = self._make(span, heading)
        if span.math:
            source = QTextCharFormat(self._chars[key])
            source.setProperty(TEX, span.text)
            return source
        if not span.link:
            return self._chars[key]
        link = QTextCharFormat(self._chars[key])
        link.setAnchor(True)
        link.setAnchorHref(span.link)
        link.setToolTip(span.link)
        link.setForeground(self.theme.color("accent"))
        link.setFontUnderline(True)
        return link

    def _make(self, span: Span, heading: int) -> QTextCharFormat:
        made = QTextCharFormat()
        font = self.theme.font(self.style(heading))
        if span.code or span.math:
            mono = self.theme.font("code")
            if self.look.style != "reading":
                mono.setPixelSize(font.pixelSize())
            font = mono
        if span.bold:
            font.setWeight(QFont.Weight.DemiBold)
        font.setItalic(span.italic)
        font.setStrikeOut(span.strike)
        made.setFont(font)
        made.setForeground(self.theme.color(self.look.color))
        if span.code:
            made.setProperty(CODE, True)
        return made

    def of_marker(self) -> QTextCharFormat:
        """How a bullet or number looks."""
        made = QTextCharFormat()
        made.setFont(self.theme.font(self.look.style))
        made.setForeground(self.theme.color("text-3"))
        return made

    def of_padding(self, code: QTextCharFormat) -> QTextCharFormat:
        """The room inside the ground of inline code."""
        made = QTextCharFormat(code)
        font = code.font()
        font.setPixelSize(max(1, round(font.pixelSize() * 0.62)))
        made.setFont(font)
        made.setProperty(PADDING, True)
        return made

    def of_block(self, block: TextLike, gap: int, tall: bool) -> QTextBlockFormat:
        """Line height, indentation and the distance to the block above."""
        made = QTextBlockFormat()
        left = left_of(block.place)
        made.setLeftMargin(left)
        made.setTopMargin(gap)
        heading = block.heading if isinstance(block, TextBlock) else 0
        line = self.theme.line_height(self.style(heading))
        height_type = QTextBlockFormat.LineHeightTypes
        kind = height_type.MinimumHeight if tall else height_type.FixedHeight
        made.setLineHeight(line, kind.value)
        if isinstance(block, TextBlock) and block.marker:
            step = INDENT + (INDENT_ORDERED if block.marker[0].isdigit() else 0)
            made.setTextIndent(-step)
            made.setTabPositions([QTextOption.Tab(step, QTextOption.TabType.LeftTab)])
        if block.place.quote:
            made.setProperty(QUOTE, block.place.quote)
        if isinstance(block, RuleBlock):
            made.setProperty(RULE, True)
        return made


class DocumentWriter:
    """Fills a document; remembers which formulas it still waits for."""

    def __init__(self, formats: TextFormats, math: MathImages, pixel_ratio: float) -> None:
        self.formats = formats
        self.waiting: set[Formula] = set()
        """Formulas written as their source because no picture is there yet."""
        self._math = math
        self._pixel_ratio = pixel_ratio

    def write(
        self,
        document: QTextDocument,
        blocks: Sequence[TextLike],
        first: int,
        gaps: Sequence[int],
    ) -> None:
        """Replace everything from block `first` on; `gaps[i]` is the room above block i."""
        cursor = QTextCursor(document)
        cursor.beginEditBlock()
        if first:
            before = document.findBlockByNumber(first - 1)
            cursor.setPosition(before.position() + before.length() - 1)
        cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
        cursor.removeSelectedText()
        for number in range(first, len(blocks)):
            block = blocks[number]
            tall = self.is_tall(block)
            gap = gaps[number] + (_TALL_GAP if tall else 0)
            form = self.formats.of_block(block, gap, tall)
            if number:
                cursor.insertBlock(form, QTextCharFormat())
            else:
                cursor.setBlockFormat(form)
            self.write_block(cursor, block)
        cursor.endEditBlock()

    def write_block(self, cursor: QTextCursor, block: TextLike) -> None:
        """Insert the characters of one block at the cursor."""
        if isinstance(block, RuleBlock):
            return
        if block.marker:
            cursor.insertText(f"{block.marker}\t", self.formats.of_marker())
        for span in block.spans:
            self.write_span(cursor, span, block.heading)

    def write_span(self, cursor: QTextCursor, span: Span, heading: int = 0) -> None:
        """Insert one span at the cursor."""
        form = self.formats.of_span(span, heading)
        text = span.text.replace("\n", LINE_BREAK)
        if span.image:
            words = QCoreApplication.translate("Message", "Image: %1")
            text = words.replace("%1", text)
        if span.math:
            formula = self.formula(span, heading)
            picture = self._math.picture(formula)
            if picture:
                self._insert_picture(cursor, formula, picture)
                return
            self.waiting.add(formula)
        if not span.code:
            cursor.insertText(text, form)
            return
        padding = self.formats.of_padding(form)
        cursor.insertText(_CODE_PADDING, padding)
        cursor.insertText(text, form)
        cursor.insertText(_CODE_PADDING, padding)

    def formula(self, span: Span, heading: int = 0) -> Formula:
        """The formula of a span in the size and colour of the text around it."""
        theme, look = self.formats.theme, self.formats.look
        size = round(theme.font_size(self.formats.style(heading)) * 1.1)
        return Formula(span.text, size, theme.css(look.color), pixel_ratio=self._pixel_ratio)

    def is_tall(self, block: TextLike) -> bool:
        """Whether a formula of the block needs more than the fixed line height."""
        if isinstance(block, RuleBlock):
            return False
        line = self.formats.theme.line_height(self.formats.style(block.heading))
        for span in block.spans:
            picture = self._math.picture(self.formula(span, block.heading)) if span.math else None
            if picture and (picture.ascent > line * 0.9 or picture.descent > line * 0.36):
                return True
        return False

    def _insert_picture(self, cursor: QTextCursor, formula: Formula, picture: Picture) -> None:
        image = on_baseline(picture, self.formats.theme.font(self.formats.look.style))
        name = f"math:{hash(formula):x}"
        resource = QTextDocument.ResourceType.ImageResource
        cursor.document().addResource(resource, QUrl(name), image)
        picture_format = QTextImageFormat()
        picture_format.setFont(self.formats.theme.font(self.formats.look.style))
        picture_format.setName(name)
        picture_format.setWidth(image.width() / image.devicePixelRatio())
        picture_format.setHeight(image.height() / image.devicePixelRatio())
        picture_format.setVerticalAlignment(QTextCharFormat.VerticalAlignment.AlignMiddle)
        picture_format.setProperty(TEX, formula.tex)
        picture_format.setToolTip(formula.tex)
        cursor.insertImage(picture_format)


def on_baseline(picture: Picture, font: QFont) -> QImage:
    """Pad a picture so that AlignMiddle puts its baseline on that of the text.

    Qt centres such an image on half the x height: ascent - descent = x height / 2.
    """
    ratio = picture.image.devicePixelRatio()
    lift = QFontMetrics(font).xHeight() / 2
    ascent = max(picture.ascent, picture.descent + lift)
    top = round((ascent - picture.ascent) * ratio)
    height = round((2 * ascent - lift) * ratio)
    padded = QImage(
        picture.image.width(),
        max(height, top + picture.image.height()),
        QImage.Format.Format_ARGB32_Premultiplied,
    )
    padded.fill(Qt.GlobalColor.transparent)
    painter = QPainter(padded)
    source = QImage(picture.image)
    source.setDevicePixelRatio(1)
    painter.drawImage(0, top, source)
    painter.end()
    padded.setDevicePixelRatio(ratio)
    return padded
