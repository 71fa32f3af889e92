"""Loads that clients watch, and no longer watch."""

import asyncio
import json

import pytest

from tests.api.serving import Serving

ASKED = {
    "/api/v1/chat": {"input": "x", "stream": True},
    "/corral/v1/load": {},
}


@pytest.mark.parametrize("path", ASKED)
def test_nothing_waits_for_a_load_that_nobody_watches_any_more(alone: Serving, path: str) -> None:
    model = alone.scripted(load_seconds=2)
    with alone.client() as client:
        body = {"model": model, **ASKED[path]}
        with client.stream("POST", path, json=body) as told:
            next(line for line in told.iter_lines() if "progress" in line or "load_step" in line)
    alone.ended(lambda record: record.path == path)
    loop = alone.server._loop
    assert loop is not None
    assert not [task for task in asyncio.all_tasks(loop) if "Queue.get" in repr(task)]
    alone.until(lambda: bool(alone.parts.runtime.loaded()))


@pytest.mark.parametrize("path", ASKED)
def test_a_load_that_fails_is_told_at_the_end_of_its_steps(alone: Serving, path: str) -> None:
    model = alone.scripted(on_load="error")
    with alone.client() as client:
        told = client.post(path, json={"model": model, **ASKED[path]}).text
    assert "scripted error" in told or "The script says so" in told
    assert "Traceback" not in json.dumps(told)
