"""Reading small files that are changed and written back: what cannot be read is never lost."""

import logging
from pathlib import Path
from typing import TypeVar

import msgspec

from app.core.files import set_aside, storage_error

T = TypeVar("T")
log = logging.getLogger(__name__)


def load_json(path: Path, kind: type[T]) -> T | None:
    """What lies in a file; None where there is none, or none that can be used.

    A damaged one is set aside first. Raises StorageError for a file that cannot be read now, or
    not be set aside: whoever wrote it anew would lose what is in it.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise storage_error(f"{path.name} could not be read", path, error) from error
    except (msgspec.DecodeError, RecursionError) as error:
        aside = set_aside(path)
        log.warning("%s could not be used and was kept as %s: %s", path.name, aside.name, error)
        return None
