"""What a person can say to the chat itself: words with a slash."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import msgspec
from msgspec import structs

from app.cli import run_options
from app.cli.line_editing import keep_lines
from app.cli.model_facts import model_part, model_summary
from app.cli.rendering import print_error
from app.cli.run_pictures import check_sight, read_pictures
from app.cli.session import Session
from app.core.errors import AppError
from app.core.ollama_recipe import Recipe, with_parameters
from backends.types import JsonObject, JsonSchema, SamplingParams

HELP_LINE = "Ctrl+C stops an answer, Ctrl+D or /bye ends the chat, /? lists what else there is."
_LEAVING = ("/bye", "/exit", "/quit")


class CommandError(AppError):
    """A word with a slash that is not understood."""

    code = "command"


@dataclass(frozen=True)
class _Word:
    """One word with a slash."""

    does: Callable[[str], None]
    takes: str
    help: str


class ChatCommands:
    """Takes the words with a slash out of what is typed, and does them."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._chat = session.chat
        self._words: Mapping[str, _Word] = {
            "/set": _Word(
                self._set, "WHAT [VALUE]", "change how answers are made; /set lists what"
            ),
            "/show": _Word(self._show, "WHAT", "show what is in force; /show lists what"),
            "/system": _Word(self._system, "[TEXT]", "another system prompt; none without a text"),
            "/think": _Word(self._think, "[LEVEL]", "on, off, low, medium or high"),
            "/image": _Word(self._image, "FILE", "a picture that goes with the next message"),
            "/stats": _Word(self._stats, "[on|off]", "speed and token counts after each answer"),
            "/load": _Word(self._load, "MODEL", "go on with another model"),
            "/save": _Word(self._save, "NAME", "make a model that answers as this chat does"),
            "/clear": _Word(self._clear, "", "forget what was said"),
            "/new": _Word(self._clear, "", "the same"),
            "/help": _Word(self._help, "", "this list"),
            "/bye": _Word(self._help, "", "end the chat"),
        }

    def words(self) -> tuple[str, ...]:
        """All words with a slash, for completion."""
        return tuple(self._words)

    def heeded(self, messages: Iterator[str]) -> Iterator[str]:
        """The messages that are for the model; the others are done. Ends at `/bye`."""
        for text in messages:
            word, _, rest = text.partition(" ")
            if word in _LEAVING:
                return
            if not self._is_command(text):
                yield text
                continue
            try:
                self._do(word, rest.strip())
            except AppError as error:
                print_error(error)
            except KeyboardInterrupt:  # only what the word began is given up
                sys.stdout.write("\n")

    def _is_command(self, text: str) -> bool:
        """A path with folders in it is none."""
        word = text.partition(" ")[0]
        return word.startswith("/") and "/" not in word[1:] and "\n" not in text

    def _do(self, word: str, rest: str) -> None:
        known = self._words.get({"/?": "/help", "/model": "/load"}.get(word, word))
        if known is None:
            raise CommandError(f"{word} is not understood", hint="/? lists what there is.")
        if known.takes and not known.takes.startswith(("[", "WHAT")) and not rest:
            raise CommandError(f"{word} needs a word after it: {word} {known.takes}")
        known.does(rest)

    def _help(self, _: str) -> None:
        width = max(len(f"{word} {each.takes}") for word, each in self._words.items())
        lines = [
            f"  {f'{word} {each.takes}'.ljust(width)}  {each.help}"
            for word, each in self._words.items()
        ]
        fence = '  """ begins and ends a message of several lines'
        sys.stdout.write("\n".join([*lines, fence, HELP_LINE]) + "\n")

    def _clear(self, _: str) -> None:
        self._chat.clear()

    def _load(self, name: str) -> None:
        self._session.switch(name)
        sys.stdout.write(f"{self._session.model.name} answers now.\n")

    def _save(self, name: str) -> None:
        made = self._session.save(name)
        sys.stdout.write(f"Made: {made.id}. Run it with: corral run {made.name!r}\n")

    def _system(self, text: str) -> None:
        self._chat.system = _unquoted(text)

    def _think(self, level: str) -> None:
        words = {"": "on", "true": "on", "false": "off"}
        level = words.get(level, level)
        if level not in run_options.REASONING:
            raise CommandError(f"{level} is no way to think", hint=self._words["/think"].help)
        options = run_options.reasoning_of(level)
        self._chat.asked = structs.replace(self._chat.asked, reasoning=options)
        info = self._session.loaded.info
        if info and (told := run_options.without_effect(options, info)):
            sys.stdout.write(f"{told}\n")

    def _image(self, name: str) -> None:
        check_sight(self._session.model, self._session.loaded.info)
        self._chat.images += read_pictures([Path(_unquoted(name)).expanduser()])

    def _stats(self, word: str) -> None:
        if word not in ("", "on", "off"):
            raise CommandError(f"/stats {word} is not understood", hint="Write on or off.")
        self._chat.stats = word != "off"

    _SETTABLE: ClassVar = (
        "  /set parameter NAME VALUE   a sampling value, by Corral's name or Ollama's\n"
        "  /set system TEXT            another system prompt\n"
        "  /set think [LEVEL]          on, off, low, medium or high; also /set nothink\n"
        "  /set format json|SCHEMA     the form of answers; /set noformat\n"
        "  /set verbose                speed after each answer; /set quiet\n"
        "  /set history                remember what is typed; /set nohistory\n"
    )

    def _set(self, text: str) -> None:
        word, _, rest = text.partition(" ")
        rest = rest.strip()
        match word:
            case "":
                sys.stdout.write(self._SETTABLE)
            case "parameter":
                self._set_parameter(rest)
            case "system":
                self._system(rest)
            case "think" | "nothink":
                self._think("off" if word == "nothink" else rest)
            case "format" | "noformat":
                self._set_format(rest if word == "format" else "")
            case "verbose" | "quiet":
                self._chat.stats = word == "verbose"
            case "history" | "nohistory":
                keep_lines(word == "history")
            case "wordwrap" | "nowordwrap":
                sys.stdout.write("The terminal wraps lines; Corral does not.\n")
            case _:
                raise CommandError(f"/set {word} is not understood", hint="/set lists what is.")

    def _set_parameter(self, text: str) -> None:
        name, _, value = text.partition(" ")
        if not value.strip():
            raise CommandError("Write it as: /set parameter NAME VALUE")
        sampling = self._chat.asked.sampling
        if name in SamplingParams.__struct_fields__:
            changed = run_options.with_pairs(
                sampling, [f"{name}={value.strip()}"], "/set parameter"
            )
        else:
            recipe = with_parameters(Recipe("", sampling=sampling), {name: _plain(value)})
            if recipe.left_out or recipe.sampling == sampling:
                why = f"{recipe.left_out[0]} is not used here." if recipe.left_out else ""
                raise CommandError(f"{name} was not set", why)
            changed = recipe.sampling
        self._chat.asked = structs.replace(self._chat.asked, sampling=changed)

    def _set_format(self, text: str) -> None:
        constraint: JsonObject | JsonSchema | None = None
        if text == "json":
            constraint = JsonObject()
        elif text:
            try:
                json.loads(text)
            except ValueError as error:
                raise CommandError(
                    "This is neither “json” nor a JSON Schema", str(error)
                ) from error
            constraint = JsonSchema(text)
        self._chat.asked = structs.replace(self._chat.asked, constraint=constraint)

    _SHOWN: ClassVar = (
        "  /show info         the model\n"
        "  /show system       the system prompt\n"
        "  /show parameters   the sampling values\n"
        "  /show tokens       how much of the context the chat takes\n"
        "  /show template     the chat template; also /show license, /show modelfile\n"
    )

    def _show(self, word: str) -> None:
        session = self._session
        match word:
            case "":
                text = self._SHOWN
            case "info":
                text = model_summary(session.parts, session.model)
            case "system":
                text = self._chat.system
            case "parameters":
                values = msgspec.json.encode(structs.asdict(self._chat.asked.sampling))
                text = msgspec.json.format(values).decode()
            case "tokens":
                text = self._tokens()
            case "license" | "modelfile" | "template":
                text = model_part(session.parts, session.model, word)
            case _:
                raise CommandError(f"/show {word} is not understood", hint="/show lists what is.")
        sys.stdout.write(f"{text.rstrip() or 'There is none.'}\n")

    def _tokens(self) -> str:
        prompt = self._chat.prompt()
        if not prompt:
            return "Nothing was said yet."
        count = self._chat.engine.count_tokens(prompt)
        info = self._session.loaded.info
        return f"{count:,} of {info.context_length:,} tokens" if info else f"{count:,} tokens"


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _plain(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text.strip()
