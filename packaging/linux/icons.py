"""Corral's icon in the sizes of the hicolor icon theme, drawn from the program's own picture."""

import os
import shutil
from pathlib import Path

SIZES = (16, 22, 24, 32, 36, 48, 64, 72, 96, 128, 192, 256, 512)
"""Widths in pixels; all that the theme's own index has for programs."""


def draw(picture: Path, mark: Path, theme: Path, name: str) -> None:
    """Write the icons called `name` into the folder `theme` (`…/icons/hicolor`).

    `picture` is the icon in colours and `mark` the one that desktops colour themselves, both SVG.
    """
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtCore import QRectF
    from PySide6.QtGui import QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    renderer = QSvgRenderer(str(picture))
    for size in SIZES:
        image = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
        image.fill(0)
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        renderer.render(painter, QRectF(0, 0, size, size))
        painter.end()
        folder = theme / f"{size}x{size}" / "apps"
        folder.mkdir(parents=True)
        if not image.save(str(folder / f"{name}.png")):
            raise OSError(f"{folder / name}.png could not be written")
    for kind, source, end in (("scalable", picture, ""), ("symbolic", mark, "-symbolic")):
        folder = theme / kind / "apps"
        folder.mkdir(parents=True)
        shutil.copyfile(source, folder / f"{name}{end}.svg")
