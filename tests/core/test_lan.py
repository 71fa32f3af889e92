"""By which addresses the local server is opened."""

import pytest

from app.core import lan
from app.core.lan import openable


def test_an_address_that_stands_for_all_is_told_as_those_that_can_be_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lan, "lan_addresses", lambda: ("192.168.1.5", "10.0.0.2"))
    assert openable("http://0.0.0.0:11500") == (
        "http://127.0.0.1:11500",
        "http://192.168.1.5:11500",
        "http://10.0.0.2:11500",
    )
    assert openable("https://[::]:11500") == ("https://[::1]:11500",)
    for url in ("http://127.0.0.1:11500", "https://[::1]:1", "http://192.168.1.5:80"):
        assert openable(url) == (url,)
