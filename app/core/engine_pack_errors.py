"""What can be wrong with an engine that is to be added or removed, told to a person."""

from pathlib import Path

from app.core.errors import EngineError, NotFoundError

_STAYS = "Nothing was added."
_AGAIN = "Get the file again, from where Corral's makers publish it."


def not_a_pack(path: Path, why: str) -> EngineError:
    """Something else."""
    return EngineError(
        f"{path.name} is no engine for Corral",
        f"{why} {_STAYS}",
        "Choose a file that ends in .corral-engine, or a folder with engine.json.",
    )


def not_whole(path: Path) -> EngineError:
    """A file without its end."""
    return EngineError(
        f"{path.name} is not whole",
        f"Its end is missing, as after a download that broke off. {_STAYS}",
        _AGAIN,
    )


def damaged(path: Path, what: str, detail: str = "") -> EngineError:
    """Something in it is not as `engine.json` says."""
    return EngineError(
        f"{path.name} is damaged, or somebody has changed it", f"{what} {_STAYS}", _AGAIN, detail
    )


def other_computer(path: Path, theirs: str, ours: str) -> EngineError:
    """Made for another system or processor."""
    return EngineError(
        f"{path.name} is for another kind of computer",
        f"It is made for {theirs}; this is {ours}. {_STAYS}",
        f"Get the one for {ours}.",
    )


def other_interface(path: Path, theirs: int, ours: int) -> EngineError:
    """What Corral and the engine agree on has changed."""
    if theirs > ours:
        why, hint = "It needs a newer Corral.", "Update Corral, then add it again."
    else:
        why, hint = "It was made for an older Corral.", "Get a newer engine."
    return EngineError(f"{path.name} does not fit this Corral", f"{why} {_STAYS}", hint)


def no_room(need: str, free: str) -> EngineError:
    """The disk is too full."""
    return EngineError(
        "There is no room for this engine",
        f"It takes {need}, and {free} are free on the disk of Corral's data. {_STAYS}",
        "Free some space there, then add it again.",
    )


def here_already(engine_id: str, *, same: bool) -> EngineError:
    """One of this id is installed."""
    if same:
        return EngineError(
            f"{engine_id} is installed already",
            "It is the same in every file, so there is nothing to add.",
        )
    return EngineError(
        f"Another {engine_id} is installed already",
        f"It is of the same version, but other files. {_STAYS}",
        "If you added it, remove it first.",
    )


def does_not_start(engine_id: str, why: str, detail: str = "") -> EngineError:
    """It was tried, and failed."""
    return EngineError(
        f"{engine_id} does not start on this computer",
        f"{why} {_STAYS}",
        "It may need a newer system, or software of the graphics card's maker.",
        detail,
    )


def with_the_program(name: str) -> EngineError:
    """Not the person's to remove."""
    return EngineError(
        f"{name} was not removed",
        "It comes with Corral, which falls back to it when another engine fails.",
        "Choose another engine instead, and leave this one where it is.",
    )


def in_use(name: str) -> EngineError:
    """A process runs it."""
    return EngineError(
        f"{name} was not removed",
        "A model is running with it.",
        "Eject the models that are loaded, then remove it.",
    )


def unknown(key: str, known: list[str]) -> NotFoundError:
    """No such engine."""
    return NotFoundError(
        f"There is no engine {key}", hint=f"There are: {', '.join(known) or 'none'}."
    )
