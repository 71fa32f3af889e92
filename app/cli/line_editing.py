"""What a person types in a chat: lines with editing and history, and messages of several lines."""

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

FENCE = '"""'
"""Three quotes begin and end a message of several lines, as in Ollama."""
KEPT_LINES = 1000
NO_HISTORY = "CORRAL_NO_HISTORY"
"""Environment variable that keeps what is typed out of the history file."""


@contextlib.contextmanager
def line_editing(file: Path, *, kept: bool, words: Sequence[str] = ()) -> Iterator[None]:
    """While inside, `input` edits its line, remembers earlier ones, and completes `words`.

    With `kept` they are read from `file` and written to it, which nobody else may read. Where there
    is no readline, as on Windows, nothing is remembered.
    """
    try:
        import readline
    except ImportError:
        yield
        return
    kept = kept and not os.environ.get(NO_HISTORY)
    readline.clear_history()
    readline.set_completer_delims("")
    readline.set_completer(lambda text, state: _completed(words, text, state))
    readline.parse_and_bind("tab: complete")
    if kept:
        with contextlib.suppress(OSError):
            readline.read_history_file(file)
    try:
        yield
    finally:
        readline.set_completer(None)
        if kept:
            _write_history(file)


def keep_lines(on: bool) -> None:
    """Whether what is typed from now on is remembered."""
    with contextlib.suppress(ImportError):
        import readline

        readline.set_auto_history(on)


def _write_history(file: Path) -> None:
    import readline

    readline.set_history_length(KEPT_LINES)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))
        readline.write_history_file(file)
    except OSError as error:
        sys.stderr.write(f"corral: What you typed is not remembered: {error}.\n")


def _completed(words: Sequence[str], text: str, state: int) -> str | None:
    fitting = [word for word in words if text and word.startswith(text)]
    return fitting[state] if state < len(fitting) else None


def typed_messages() -> Iterator[str]:
    """What the person types, message by message, until the input ends.

    Ctrl+C gives up what is being typed. Raises nothing.
    """
    while True:
        try:
            text = _message()
        except EOFError:
            sys.stdout.write("\n")
            return
        except KeyboardInterrupt:
            sys.stdout.write("\n")
            continue
        if text:
            yield text


def _message() -> str:
    line = input(">>> ").strip()
    if not line.startswith(FENCE):
        return line
    lines = [line.removeprefix(FENCE)]
    while not lines[-1].rstrip().endswith(FENCE):
        lines.append(input("... "))
    lines[-1] = lines[-1].rstrip().removesuffix(FENCE)
    return "\n".join(lines).strip()
