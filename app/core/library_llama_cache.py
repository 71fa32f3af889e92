"""The models in llama.cpp's cache, whose files all lie in one folder.

Files are called `OWNER_NAME_FILE` (llama.cpp, common/download.cpp); beside them, newer versions
keep `manifest=OWNER=NAME=TAG.json`, which tells where the parts of that name end.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from app.core.library_found import Found
from app.core.model_names import model_name

_MANIFEST = re.compile(r"manifest=(?P<owner>[\w.-]+)=(?P<name>[\w.-]+)=[\w.-]+\.json")
_USUAL = re.compile(r"(?P<owner>[A-Za-z0-9.-]+)_(?P<name>.+?[-_.]gguf)_.+", re.IGNORECASE)
"""Without a manifest: most repositories' names end so, and owners have no underscore."""


def with_repository(found: Found, names: Iterable[str]) -> Found:
    """The model with its repository, and the projectors of that one alone.

    `names` are of the files in its folder.
    """
    owner_and_name = _owner_and_name(found.path.name, names)
    if owner_and_name is None:
        return found
    owner, name = owner_and_name
    prefix = f"{owner}_{name}_"
    own = tuple(path for path in found.companions if path.name.startswith(prefix))
    title = model_name(Path(found.path.name.removeprefix(prefix)), None)
    return replace(found, repo=f"{owner}/{name}", title=title, companions=own)


def _owner_and_name(file: str, names: Iterable[str]) -> tuple[str, str] | None:
    told = [match for each in names if (match := _MANIFEST.fullmatch(each))]
    fitting = [each for each in told if file.startswith(f"{each['owner']}_{each['name']}_")]
    best = max(fitting, key=lambda each: len(each["name"]), default=None)
    match = best or _USUAL.fullmatch(file)
    return (match["owner"], match["name"]) if match else None
