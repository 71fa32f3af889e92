import tomllib

import pytest

from app.gui.server_snippets import NO_KEY, program_steps


@pytest.mark.parametrize("key", [NO_KEY, "corral-abc"])
def test_codex_is_told_of_a_key_only_where_one_is_needed(key: str) -> None:
    """It refuses to start while the variable that its settings name is not there."""
    steps = program_steps("http://127.0.0.1:11500", "a/b.Q4", key)
    [text] = [step.text for step in steps if step.title == "Codex"]
    provider = tomllib.loads(text)["model_providers"]["corral"]
    assert ("env_key" in provider) == (key != NO_KEY)
    assert (key in text) == (key != NO_KEY)
