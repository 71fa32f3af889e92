"""What tests of the Discover page share: the open page, a computer of known size, its rows."""

from collections.abc import Callable

import msgspec
import pytest
from PySide6.QtWidgets import QWidget

from app.core.hardware import MemorySnapshot
from app.gui.context import AppContext
from app.gui.discover_fit import FitCheck
from app.gui.discover_page import DiscoverPage
from app.gui.discover_rows import ModelRow

GB = 10**9
MEMORY = MemorySnapshot(total=16 * GB, available=12 * GB)
CHECK = FitCheck(MEMORY)
LLAMA = "bartowski/Meta-Llama-3.1-8B-Instruct-GGUF"
Show = Callable[[QWidget], QWidget]


def open_discover(context: AppContext, show: Show, monkeypatch: pytest.MonkeyPatch) -> DiscoverPage:
    """The page in a window of the usual size, on a computer with `MEMORY`."""
    monkeypatch.setattr(context.runtime, "free_memory", lambda **_: MEMORY)
    page = DiscoverPage(context)
    page.resize(1264, 840)
    context.notifier.attach(page)
    show(page)
    return page


def rows_of(page: DiscoverPage) -> list[ModelRow]:
    """The models in the list, without the titles of groups."""
    rows = page.browser.list.list_model().rows()
    return [row for row in rows if isinstance(row, ModelRow)]


def go_offline(context: AppContext, on: bool = True) -> None:
    """Switch the offline switch."""
    network = msgspec.structs.replace(context.settings.current.network, offline=on)
    context.settings.update(network=network)
