"""Formulas as pictures: TeX to SVG by ziamath, drawn once, off the GUI thread."""

import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QByteArray, QObject, Qt, Signal
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

from app.gui.worker import Worker

log = logging.getLogger(__name__)

KEPT_PICTURES = 512
LARGEST_SIDE = 8_000
"""Pixels; a formula that would be larger is shown as its source."""


@dataclass(frozen=True, slots=True)
class Formula:
    """What decides how a formula looks."""

    tex: str
    size: int
    """Font size in pixels."""
    color: str
    """#rrggbb"""
    display: bool = False
    """On a line of its own, with large operators."""
    pixel_ratio: float = 1.0


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn formula; lengths in device-independent pixels."""

    image: QImage
    ascent: float
    """From the baseline up."""
    descent: float
    """From the baseline down."""

    @property
    def width(self) -> float:
        """Width on screen."""
        return self.image.width() / self.image.devicePixelRatio()


class MathImages(QObject):
    """Pictures of formulas. `picture` never waits: `drawn` tells when one has become ready."""

    drawn = Signal(object)
    """The Formula that now has a picture."""

    def __init__(self, worker: Worker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker = worker
        self._pictures: OrderedDict[Formula, Picture | None] = OrderedDict()
        self._asked: dict[Formula, None] = {}
        self._busy = False

    def picture(self, formula: Formula) -> Picture | None:
        """The picture, or None: not drawn yet or not a valid formula. Show the source then."""
        if formula in self._pictures:
            self._pictures.move_to_end(formula)
            return self._pictures[formula]
        self._asked[formula] = None
        self._draw_next()
        return None

    def _draw_next(self) -> None:
        """One batch at a time: the typesetter keeps state of its own."""
        if self._busy or not self._asked:
            return
        batch = tuple(self._asked)
        self._asked.clear()
        self._busy = True
        self._worker.run(draw_all, batch, done=self._take, failed=self._give_up)

    def _take(self, drawn: "dict[Formula, Picture | None]") -> None:
        self._busy = False
        self._pictures.update(drawn)
        while len(self._pictures) > KEPT_PICTURES:
            self._pictures.popitem(last=False)
        for formula, picture in drawn.items():
            if picture:
                self.drawn.emit(formula)
        self._draw_next()

    def _give_up(self, error: Exception) -> None:
        self._busy = False
        log.info("formulas stay as source: %s", error)


def draw_all(formulas: Sequence[Formula]) -> dict[Formula, Picture | None]:
    """Draw formulas one after the other; None for one that cannot be drawn. Any thread."""
    return {formula: _draw(formula) for formula in formulas}


def _draw(formula: Formula) -> Picture | None:
    try:
        from ziamath.config import config  # 0.4 s, so only when a formula comes up
        from ziamath.zmath import Latex

        config.svg2 = False  # QtSvg does not draw the symbols of SVG 2
        math = Latex(
            formula.tex, size=formula.size, color=formula.color, inline=not formula.display
        )
        svg = str(math.svg())
        below = float(-math.getyofst())
    except Exception as error:  # noqa: BLE001  # the typesetter raises whatever a cut formula hits
        log.debug("not a formula that can be drawn: %s", error)
        return None
    return _rasterise(svg, formula, below)


def _rasterise(svg: str, formula: Formula, below: float) -> Picture | None:
    renderer = QSvgRenderer(QByteArray(svg.encode()))
    size = renderer.viewBoxF().size()
    pixels = (size * formula.pixel_ratio).toSize()
    if pixels.isEmpty() or max(pixels.width(), pixels.height()) > LARGEST_SIDE:
        return None
    image = QImage(pixels, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    renderer.render(painter)
    painter.end()
    image.setDevicePixelRatio(formula.pixel_ratio)
    margin = 1.0  # ziamath's own around the bounding box
    descent = max(0.0, below + margin)
    return Picture(image, ascent=size.height() - descent, descent=descent)
