"""Stop strings: the answer ends before the first of them, and no part of one is ever shown."""

from collections.abc import Sequence


def held_length(text: str, needles: Sequence[str]) -> int:
    """Length of the longest end of `text` that is a proper beginning of one of `needles`."""
    longest = max((len(needle) for needle in needles), default=1) - 1
    for length in range(min(len(text), longest), 0, -1):
        end = text[-length:]
        if any(len(needle) > length and needle.startswith(end) for needle in needles):
            return length
    return 0


class StopFilter:
    """Lets text through up to the first stop string, however the text is cut into pieces."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._held = ""
        self.found = ""
        """The stop string that was found; everything from it on is discarded."""

    @property
    def stopped(self) -> bool:
        """A stop string was found."""
        return bool(self.found)

    def push(self, text: str) -> str:
        """The part of the text so far that certainly belongs to the answer."""
        if not self._stops:
            return text
        if self.stopped:
            return ""
        text = self._held + text
        # The match that is complete first ends the answer, so that cuts make no difference.
        found = [(at + len(stop), at, stop) for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            _, at, self.found = min(found)
            self._held = ""
            return text[:at]
        keep = len(text) - held_length(text, self._stops)
        self._held = text[keep:]
        return text[:keep]

    def finish(self) -> str:
        """What was held because it might have become a stop string, and did not."""
        held, self._held = self._held, ""
        return held
