"""What a loaded model takes of the memory, by what llama.cpp logs of its buffers."""

import re
from collections.abc import Iterable

from backends.types import MemoryUse

_MIB = 1024**2
_BUFFER = re.compile(
    r"(?P<device>\S+) +(?P<kind>model|KV|RS|compute|output) buffer size = +(?P<size>[\d.]+) MiB"
)


def memory_use(lines: Iterable[str]) -> MemoryUse | None:
    """The sizes in the log of a load, all devices together; None where it tells none.

    Weights that were rearranged for the processor count once: where the file is mapped, the
    system takes back the pages that they came from.
    """
    sizes = {"model": 0.0, "KV": 0.0, "RS": 0.0, "compute": 0.0, "output": 0.0}
    found = [match for line in lines if (match := _BUFFER.search(line))]
    mapped = any(match["device"].endswith("_Mapped") for match in found)
    for match in found:
        if not (mapped and match["device"].endswith("_REPACK")):
            sizes[match["kind"]] += float(match["size"])
    if not found:
        return None
    return MemoryUse(
        weights=round(sizes["model"] * _MIB),
        kv_cache=round((sizes["KV"] + sizes["RS"]) * _MIB),
        compute=round((sizes["compute"] + sizes["output"]) * _MIB),
    )
