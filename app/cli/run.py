"""`corral run` and `corral chat`: one question, or a chat line by line."""

import os
import stat
import sys
from argparse import Namespace

from app.cli.absent import fetched
from app.cli.chat_commands import HELP_LINE, ChatCommands
from app.cli.line_editing import line_editing, typed_messages
from app.cli.parts import Parts
from app.cli.session import Session
from app.core.errors import AppError, NotFoundError
from app.core.library_types import LocalModel


class PromptError(AppError):
    """What was given as the prompt cannot be sent."""

    code = "prompt"
    exit_code = 2


def run(arguments: Namespace) -> int:
    """Load the model and answer; without a prompt, chat until the person leaves."""
    with Parts() as parts:
        model = _model(parts, arguments.model, sure=arguments.yes)
        prompt = _prompt(arguments.prompt)
        session = Session(parts, model, arguments)
        if prompt is not None:
            return 0 if session.ask(prompt) else 130
        commands = ChatCommands(session)
        kept = parts.settings.current.chat.terminal_history
        file = parts.paths.data / "terminal-history"
        sys.stdout.write(f"{model.name}. {HELP_LINE}\n")
        with line_editing(file, kept=kept, words=commands.words()):
            session.chat.talk(session.messages(commands.heeded(typed_messages())))
        session.leave()
        return 0


def _model(parts: Parts, name: str | None, *, sure: bool) -> LocalModel:
    """The model that was named, else the one that is loaded, was used last, or is there.

    One that was named and is not here is downloaded where the person agrees, or is `sure`.
    """
    if name is not None:
        try:
            return parts.library.find(name)
        except NotFoundError as error:
            return fetched(parts, name, error, sure=sure)
    usable = [each for each in parts.library.models() if each.present and each.problem is None]
    by_id = {each.id: each for each in usable}
    loaded = [each.id for each in parts.running.status().loaded] if parts.running else []
    for model_id in (*loaded, *parts.settings.current.models.recent, *by_id):
        if model_id in by_id:
            return by_id[model_id]
    raise NotFoundError("There is no model yet", hint="Get one with: corral get OWNER/REPO")


def _prompt(given: str | None) -> str | None:
    """The one question: piped in, given as a word, or both; None for a chat at a terminal.

    What is piped in stands before the word: a text before what is to be done with it. Raises
    `PromptError` for a prompt that is empty or no text.
    """
    if given is None and sys.stdin.isatty():
        return None
    try:
        # A word of other bytes comes as half surrogate pairs, which have no UTF-8 form.
        word = (given or "").encode().decode()
        piped = _piped() if given is not None else sys.stdin.buffer.read()
        text = piped.decode("utf-8-sig").strip()
    except (UnicodeDecodeError, UnicodeEncodeError) as error:
        raise PromptError(
            "The prompt is not UTF-8 text",
            f"What stands at position {error.start + 1} is no character.",
            "Convert it first, for example with: iconv -f latin1 -t utf-8",
        ) from error
    prompt = "\n\n".join(part for part in (text, word) if part)
    if not prompt.strip():
        raise PromptError(
            "The prompt is empty", hint="Write it after the model's name, or pipe it in."
        )
    return prompt


def _piped() -> bytes:
    """What a pipe or a file on the standard input holds; nothing of anything else, as of a device.

    A socket is none: what a service was started with may never end.
    """
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError):
        return b""
    return sys.stdin.buffer.read() if stat.S_ISFIFO(mode) or stat.S_ISREG(mode) else b""
