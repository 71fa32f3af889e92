"""A person before a window: reads what it says, presses what is named, types, takes pictures."""

from pathlib import Path

from accessible import AccessibilityBus, Thing
from journeys import Checks
from x_display import Display, wait_for

PATIENCE = 120
"""Seconds until what was expected has to be there."""


class Person(Checks):
    """Sits before one screen. What does not come in time raises TimeoutError."""

    def __init__(self, display: Display, bus: AccessibilityBus, shots: Path) -> None:
        super().__init__()
        self.display = display
        self.bus = bus
        self.shots = shots
        self._window = ""

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to be seen here."""
        return {"DISPLAY": self.display.name, **self.bus.environment}

    # Reading

    def see(self, words: str) -> Thing | None:
        """The first thing in view whose name or text holds these words."""
        things = self.bus.things()
        return next((each for each in things if words in each.name or words in each.text), None)

    def read(self, words: str, seconds: float = PATIENCE) -> str:
        """What is written where these words are, once they are in view."""
        return wait_for(lambda: self.see(words), f"“{words}”", seconds).name

    def miss(self, words: str, seconds: float = PATIENCE) -> None:
        """Wait until the words are out of view."""
        wait_for(lambda: self.see(words) is None, f"the end of “{words}”", seconds)

    def everything(self) -> str:
        """All that is in view, to be told where something failed."""
        return "\n".join(f"  {each.role}: {each.name}" for each in self.bus.things() if each.name)

    def fail(self, error: Exception) -> None:
        """What did not come, with what is in view instead."""
        self.shoot("at-the-failure")
        self.check("it goes on", False, f"{error}\n{self.everything()}")

    # Doing

    def look_at_window(self) -> None:
        """Wait for the window, and give it the keyboard."""
        self._window = self.display.window("corral")
        wait_for(lambda: self.see("Places"), "the content of the window", PATIENCE)
        self.display.focus(self._window)

    def press(self, name: str, seconds: float = PATIENCE) -> None:
        """Press the button of just this name, once it is in view and can be pressed."""
        thing = wait_for(lambda: self._pressable(name), f"a button “{name}”", seconds)
        self.display.click(*thing.middle)

    def _pressable(self, name: str) -> Thing | None:
        """A button, after scrolling to it where it is below the window."""
        things = self.bus.things()
        frame = next((each for each in things if each.role == "frame"), None)
        found = [
            each
            for each in things
            if each.name == name and each.enabled and each.role not in ("label", "filler", "panel")
        ]
        if frame is None or not found:
            return None
        if found[0].middle[1] < frame.y + frame.height - 8:
            return found[0]
        self.display.do("mousemove", *map(str, frame.middle), "click", "--repeat", "3", "5")
        return None

    def write(self, text: str) -> None:
        """Type a line and send it."""
        self.display.write(text)
        self.display.keys("Return")

    def shoot(self, name: str) -> None:
        """A picture of the screen, when it is still."""
        self.display.wait_until_still()
        self.shots.mkdir(parents=True, exist_ok=True)
        self.display.shoot(self.shots / f"{name}.png")
