"""Where the pictures of a message stand: known before any of them is decoded. No Qt."""

from collections.abc import Sequence

from app.core.conversations import Picture

HIGHEST = 240
"""Of a picture that stands alone."""
HIGHEST_OF_SEVERAL = 160
LOWEST = 48
"""Of either side: what is narrower is cut, so that it can be clicked."""
GAP = 8

Place = tuple[int, int, int, int]
"""Left, top, width, height."""


def place_pictures(pictures: Sequence[Picture], width: int) -> tuple[list[Place], int, int]:
    """The place of each picture in lines of `width`, and width and height of them all."""
    highest = HIGHEST if len(pictures) == 1 else HIGHEST_OF_SEVERAL
    places: list[Place] = []
    x = y = line = widest = 0
    for picture in pictures:
        wide, high = _size_of(picture, width, highest)
        if x and x + wide > width:
            x, y, line = 0, y + line + GAP, 0
        places.append((x, y, wide, high))
        x += wide + GAP
        line = max(line, high)
        widest = max(widest, x - GAP)
    return places, widest, y + line


def _size_of(picture: Picture, width: int, highest: int) -> tuple[int, int]:
    """As large as it is, or as there is room."""
    scale = min(1.0, highest / picture.height, width / picture.width)
    return max(LOWEST, round(picture.width * scale)), max(LOWEST, round(picture.height * scale))
