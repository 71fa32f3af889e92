"""What to paste where, so that another program uses the local server."""

import re
import sys
from dataclasses import dataclass

NO_KEY = "none"
"""Clients want a key even where the server needs none."""
WINDOWS = sys.platform == "win32"
"""There terminals speak PowerShell."""


@dataclass(frozen=True)
class Reach:
    """How a program gets to the server from where it runs."""

    address: str
    key: str = NO_KEY
    """What stands where a token is needed."""


@dataclass(frozen=True)
class Snippet:
    """Text to copy, and the language it is coloured in."""

    title: str
    language: str
    text: str
    key_by_hand: bool = False
    """Whether a part of it wants the token typed into the program's own settings."""


def code_snippets(reach: Reach, model: str, *, windows: bool = WINDOWS) -> tuple[Snippet, ...]:
    """Short programs that ask `model`."""
    address, key = reach.address, reach.key
    shell = (
        Snippet("PowerShell", "powershell", _powershell(address, model, key))
        if windows
        else Snippet("curl", "bash", _curl(address, model, key))
    )
    return (
        shell,
        Snippet("Python", "python", _python(address, model, key)),
        Snippet("JavaScript", "javascript", _javascript(address, model, key)),
    )


def program_steps(reach: Reach, model: str, *, windows: bool = WINDOWS) -> tuple[Snippet, ...]:
    """What is set in well-known programs."""
    address, key = reach.address, reach.key
    shell = "powershell" if windows else "bash"
    claude, open_webui = _claude_code(address, model, key), _open_webui(address, key)
    return (
        Snippet("Claude Code", shell, _in_shell(claude, windows)),
        Snippet("Codex", "toml", _codex(address, model, key, windows)),
        Snippet("Continue", "yaml", _continue(address, model, key, windows)),
        Snippet("Open WebUI", shell, _in_shell(open_webui, windows), key_by_hand=key != NO_KEY),
    )


def _in_shell(lines: str, windows: bool) -> str:
    """Lines of a POSIX shell as this system's shell takes them: `export` is all that differs."""
    if not windows:
        return lines
    return re.sub(r'^export (\w+)="?(.*?)"?$', r'$env:\1 = "\2"', lines, flags=re.MULTILINE)


def _home(path: str, windows: bool) -> str:
    """How a person finds a file of their home."""
    return "%USERPROFILE%\\" + path.replace("/", "\\") if windows else f"~/{path}"


def _powershell(address: str, model: str, key: str) -> str:
    token = f' -Headers @{{ Authorization = "Bearer {key}" }}' if key != NO_KEY else ""
    return (
        "$body = @{\n"
        f'  model = "{model}"\n'
        '  messages = @(@{ role = "user"; content = "Name three rivers." })\n'
        "} | ConvertTo-Json -Depth 5\n"
        f"$answer = Invoke-RestMethod {address}/v1/chat/completions `\n"
        f'  -Method Post -ContentType "application/json" -Body $body{token}\n'
        "$answer.choices[0].message.content"
    )


def _curl(address: str, model: str, key: str) -> str:
    token = f' \\\n  -H "Authorization: Bearer {key}"' if key != NO_KEY else ""
    return (
        f"curl {address}/v1/chat/completions \\\n"
        f'  -H "Content-Type: application/json"{token} \\\n'
        "  -d '{\n"
        f'    "model": "{model}",\n'
        '    "messages": [{"role": "user", "content": "Name three rivers."}]\n'
        "  }'"
    )


def _python(address: str, model: str, key: str) -> str:
    return (
        "from openai import OpenAI\n\n"
        f'client = OpenAI(base_url="{address}/v1", api_key="{key}")\n'
        "stream = client.chat.completions.create(\n"
        f'    model="{model}",\n'
        '    messages=[{"role": "user", "content": "Name three rivers."}],\n'
        "    stream=True,\n"
        ")\n"
        "for part in stream:\n"
        '    print(part.choices[0].delta.content or "", end="")'
    )


def _javascript(address: str, model: str, key: str) -> str:
    return (
        'import OpenAI from "openai";\n\n'
        f'const client = new OpenAI({{ baseURL: "{address}/v1", apiKey: "{key}" }});\n'
        "const stream = await client.chat.completions.create({\n"
        f'  model: "{model}",\n'
        '  messages: [{ role: "user", content: "Name three rivers." }],\n'
        "  stream: true,\n"
        "});\n"
        "for await (const part of stream) {\n"
        '  process.stdout.write(part.choices[0]?.delta?.content ?? "");\n'
        "}"
    )


def _claude_code(address: str, model: str, key: str) -> str:
    return (
        f"export ANTHROPIC_BASE_URL={address}\n"
        f"export ANTHROPIC_AUTH_TOKEN={key}\n"
        f'export ANTHROPIC_MODEL="{model}"\n'
        f'export ANTHROPIC_SMALL_FAST_MODEL="{model}"\n'
        "claude"
    )


def _codex(address: str, model: str, key: str, windows: bool) -> str:
    wanted = key != NO_KEY  # Codex does not start where the variable it is told of is missing
    variable = _in_shell(f"export CORRAL_API_KEY={key}", windows)
    return (
        f"# {_home('.codex/config.toml', windows)}\n"
        + (f"# and in the shell: {variable}\n" if wanted else "")
        + f'model = "{model}"\n'
        'model_provider = "corral"\n\n'
        "[model_providers.corral]\n"
        'name = "Corral"\n'
        f'base_url = "{address}/v1"\n'
        'wire_api = "responses"' + ('\nenv_key = "CORRAL_API_KEY"' if wanted else "")
    )


def _continue(address: str, model: str, key: str, windows: bool) -> str:
    return (
        f"# {_home('.continue/config.yaml', windows)}\n"
        "name: Corral\n"
        "version: 0.0.1\n"
        "schema: v1\n"
        "models:\n"
        "  - name: Corral\n"
        "    provider: openai\n"
        f'    model: "{model}"\n'
        f"    apiBase: {address}/v1\n"
        f"    apiKey: {key}\n"
        "    roles: [chat, edit, apply]"
    )


def _open_webui(address: str, key: str) -> str:
    if key != NO_KEY:  # no variable gives the key of an Ollama connection
        return (
            f"export OPENAI_API_BASE_URL={address}/v1\n"
            f"export OPENAI_API_KEY={key}\n"
            "export ENABLE_OLLAMA_API=False\n"
            "# or as an Ollama connection: Admin Settings → Connections →\n"
            f"# Ollama API, with the URL {address} and the token as its key\n"
            "open-webui serve"
        )
    return (
        "# as an Ollama connection\n"
        f"export OLLAMA_BASE_URL={address}\n"
        "# or as an OpenAI connection\n"
        f"export OPENAI_API_BASE_URL={address}/v1\n"
        f"export OPENAI_API_KEY={key}\n"
        "open-webui serve"
    )
