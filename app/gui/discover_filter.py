"""What the person asked to see in Discover, and the words for its collections."""

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QCoreApplication

from app.core.hub import Format, Sort
from app.core.model_collections import COLLECTIONS, Collection

Shelf = Collection | Literal["bookmarks", "recent"]
"""A collection, or one of the person's own lists."""
SHELVES: tuple[Shelf, ...] = (*COLLECTIONS, "bookmarks", "recent")

SHELF_ICONS: dict[Shelf, str] = {
    "all": "sparkles",
    "fits": "circle-check",
    "quick": "zap",
    "code": "code",
    "reasoning": "brain",
    "vision": "eye",
    "embeddings": "sigma",
    "languages": "languages",
    "safety": "shield-check",
    "bookmarks": "bookmark",
    "recent": "clock",
}


@dataclass(frozen=True)
class DiscoverFilter:
    """What the person asked to see."""

    text: str = ""
    named: bool = False
    """The text was given by Enter, a link or another page: "owner/name" is that repository."""
    scope: Literal["suggested", "hub"] = "suggested"
    shelf: Shelf = "all"
    sort: Sort = "trending"
    format: Format = "gguf"
    fits: bool = True
    """Leave out what is too large for this computer."""
    capabilities: frozenset[str] = frozenset()
    """Only models that have all of these."""

    @property
    def collection(self) -> Collection:
        """The collection that is wanted; all models for one of the person's own lists."""
        return "all" if self.shelf == "bookmarks" or self.shelf == "recent" else self.shelf

    @property
    def is_own(self) -> bool:
        """It is one of the person's own lists, which hold models of any place."""
        return self.shelf in ("bookmarks", "recent")


def shelf_word(shelf: Shelf, scope: str = "suggested") -> str:
    """The name of a collection."""
    words: dict[Shelf, str] = {
        "all": QCoreApplication.translate("shelf", "Staff picks")
        if scope == "suggested"
        else QCoreApplication.translate("shelf", "All models"),
        "fits": QCoreApplication.translate("shelf", "Fits this computer"),
        "quick": QCoreApplication.translate("shelf", "Small and quick"),
        "code": QCoreApplication.translate("shelf", "Coding"),
        "reasoning": QCoreApplication.translate("shelf", "Reasoning"),
        "vision": QCoreApplication.translate("shelf", "Vision"),
        "embeddings": QCoreApplication.translate("shelf", "Embeddings"),
        "languages": QCoreApplication.translate("shelf", "French and multilingual"),
        "safety": QCoreApplication.translate("shelf", "Safety"),
        "bookmarks": QCoreApplication.translate("shelf", "Bookmarks"),
        "recent": QCoreApplication.translate("shelf", "Recently viewed"),
    }
    return words[shelf]
