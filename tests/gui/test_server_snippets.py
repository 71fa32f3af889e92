"""What is pasted where, program by program."""

import tomllib

import pytest

from app.gui.server_snippets import NO_KEY, Reach, code_snippets, program_steps


@pytest.mark.parametrize("key", [NO_KEY, "corral-abc"])
def test_codex_is_told_of_a_key_only_where_one_is_needed(key: str) -> None:
    """It refuses to start while the variable that its settings name is not there."""
    steps = program_steps(Reach("http://127.0.0.1:11500", key), "a/b.Q4")
    [text] = [step.text for step in steps if step.title == "Codex"]
    provider = tomllib.loads(text)["model_providers"]["corral"]
    assert ("env_key" in provider) == (key != NO_KEY)
    assert (key in text) == (key != NO_KEY)


def test_open_webui_gets_a_token_where_a_variable_takes_it() -> None:
    """None sets the key of an Ollama connection: started with one, every question would be 401."""

    def text(key: str) -> str:
        steps = program_steps(Reach("http://192.168.1.5:11500", key), "a/b.Q4", windows=False)
        return next(step.text for step in steps if step.title == "Open WebUI")

    assert "export OLLAMA_BASE_URL=http://192.168.1.5:11500\n" in text(NO_KEY)
    assert "export OLLAMA_BASE_URL" not in text("corral-abc")
    assert "export ENABLE_OLLAMA_API=False\n" in text("corral-abc")
    assert "export OPENAI_API_KEY=corral-abc\n" in text("corral-abc")


@pytest.mark.parametrize("key", [NO_KEY, "corral-abc"])
def test_on_windows_everything_can_be_pasted_into_powershell(key: str) -> None:
    """Its `curl` is another program, it has no `export`, and a backslash continues no line."""
    reach = Reach("http://127.0.0.1:11500", key)
    code = code_snippets(reach, "a/b.Q4", windows=True)
    steps = program_steps(reach, "a/b.Q4", windows=True)
    assert [each.title for each in code] == ["PowerShell", "Python", "JavaScript"]
    for each in (*code, *steps):
        assert "export " not in each.text
        assert " \\\n" not in each.text
        assert "~/" not in each.text
    claude = next(each.text for each in steps if each.title == "Claude Code")
    assert '$env:ANTHROPIC_BASE_URL = "http://127.0.0.1:11500"\n' in claude
    assert '$env:ANTHROPIC_MODEL = "a/b.Q4"\n' in claude
    assert claude.endswith("\nclaude")
    assert ("Bearer corral-abc" in code[0].text) == (key != NO_KEY)
    codex = next(each.text for each in steps if each.title == "Codex")
    assert "# %USERPROFILE%\\.codex\\config.toml\n" in codex
    assert tomllib.loads(codex)["model"] == "a/b.Q4"
