"""Pictures and schemas in requests: neither too large, nor too many, nor made to take long."""

import base64
from typing import Any

import pytest

from app.api import requests
from tests.api.serving import Serving
from tests.api.test_limits import CHAT, ask


def test_pictures_are_neither_too_large_nor_too_many(
    shared: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_pictures(count: int, size: int) -> dict[str, Any]:
        url = "data:image/png;base64," + base64.b64encode(b"x" * size).decode()
        part = {"type": "image_url", "image_url": {"url": url}}
        return ask(messages=[{"role": "user", "content": [part] * count}])

    monkeypatch.setattr(requests, "LARGEST_PICTURE", 3000)
    with shared.client() as client:
        assert client.post(CHAT, json=with_pictures(1, 3100)).status_code == 413
        assert (
            client.post(CHAT, json=with_pictures(requests.MOST_PICTURES + 1, 10)).status_code == 413
        )
        fitting = client.post(CHAT, json=with_pictures(requests.MOST_PICTURES, 10))
        assert "cannot see" in fitting.text


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "(a{1000}){1000}"},
        {"type": "string", "pattern": "(x+x+)+y" * 1000},
        {"type": "string", "enum": ["x" * 300_000]},
        {"$ref": "#"},
        {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]},
    ],
    ids=["repeated", "long pattern", "long", "itself", "itself twice"],
)
def test_schemas_made_to_take_long_are_refused(shared: Serving, schema: dict[str, Any]) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    with shared.client() as client:
        answer = client.post(CHAT, json=ask(response_format=form), timeout=20)
    assert answer.status_code == 400, answer.text
