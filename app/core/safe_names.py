"""Names from elsewhere made fit to be files on every system: by the rules that downloads obey."""

import re

from app.core.transfer_names import MAX_SEGMENT

_UNFIT = re.compile(r"[^A-Za-z0-9._ ()+@=,-]+")
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9]|conin\$|conout\$)(\..*)?", re.IGNORECASE)
_WORKING = re.compile(r"\.part(?=\.|$)", re.IGNORECASE)


def safe_segment(text: str, suffix: str = "") -> str:
    """One name without folders, always valid: unfit characters become dashes.

    `suffix` is kept whole where the name must be shortened; it must be valid itself.
    """
    name = _WORKING.sub("-part", _UNFIT.sub("-", text))
    name = name[: MAX_SEGMENT - len(suffix)].strip(". ")
    name = name.strip("-") and name
    if not name or _DEVICE.fullmatch(name + suffix):
        name = f"model-{name}".strip("-")
    return name + suffix
