"""How many tokens a picture takes, asked of the engine once for each picture and loaded model."""

from collections.abc import Callable, Iterable
from weakref import WeakKeyDictionary

from app.core.conversations import Picture
from app.core.errors import ConversationError
from app.core.loaded_model import LoadedModel
from backends.types import ChatMessage


class PictureTokens:
    """Remembers what it was told. Safe to use from any thread.

    A picture goes to the engine the first time only: prompts are counted at every pause of typing,
    and a file may have 20 MB.
    """

    def __init__(self, read: Callable[[str], bytes]) -> None:
        """`read` gives the file of a picture by its id."""
        self._read = read
        self._known: WeakKeyDictionary[LoadedModel, dict[str, int]] = WeakKeyDictionary()

    def of(self, loaded: LoadedModel, pictures: Iterable[Picture]) -> int:
        """Tokens of all of these, as if each stood alone; one that is gone takes none.

        What may join to one token where picture and text meet is not seen. Raises `BackendError`.
        """
        known = self._known.setdefault(loaded, {})
        total = 0
        for picture in pictures:
            if picture.id not in known:
                known[picture.id] = self._ask(loaded, picture.id)
            total += known[picture.id]
        return total

    def _ask(self, loaded: LoadedModel, picture_id: str) -> int:
        try:
            image = self._read(picture_id)
        except ConversationError:
            return 0
        count = loaded.engine.count_tokens
        blank = ChatMessage("user", "")
        return count([ChatMessage("user", "", images=(image,))]) - count([blank])
