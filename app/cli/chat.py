"""`corral run`: one question, or a chat line by line."""

import contextlib
import datetime
import itertools
import sys
from argparse import Namespace
from collections.abc import Callable, Generator, Sequence
from functools import partial

import msgspec

from app.cli import run_options
from app.cli.parts import Parts
from app.cli.rendering import ProgressLine, print_error, statistics, without_controls
from app.cli.run_pictures import check_sight, read_pictures
from app.core.engine import EngineProcess
from app.core.engine_errors import refusal
from app.core.errors import AppError, EngineDied, ModelError, NotFoundError
from app.core.library_types import LocalModel
from app.core.load_plan import chosen_config
from app.core.model_sampling import sampling_for
from app.core.presets import ExampleMessage, Preset, fill_for_person
from app.core.runtime import LoadedModel
from backends.errors import BackendError, BadConstraint
from backends.types import (
    ChatMessage,
    ContextCut,
    Delta,
    Finish,
    FinishReason,
    GenerationEvent,
    GenerationRequest,
    LoadConfig,
    Note,
    Progress,
    SamplingParams,
    Usage,
)

_CUT: dict[FinishReason, str] = {
    "length": "The answer ended at --max-tokens: it is not whole.",
    "context": "The answer ended where the context is full: it is not whole.",
}
"""What is said of an answer that breaks off in the middle of its form."""


class PromptError(AppError):
    """What was given as the prompt cannot be sent."""

    code = "prompt"
    exit_code = 2


HELP = "Ctrl+C stops an answer, Ctrl+D or /bye ends the chat, /clear forgets what was said."


def run(arguments: Namespace) -> int:
    """Load the model and answer; without a prompt, chat until the person leaves."""
    with Parts() as parts:
        model = parts.library.find(arguments.model)
        preset = _preset(parts, arguments.preset)
        prompt = _prompt(arguments.prompt)
        images = read_pictures(arguments.images)
        values = preset.sampling if preset else SamplingParams()
        standard = sampling_for(parts.settings.current, model.id, values)
        asked = GenerationRequest(
            "",
            (),
            run_options.sampling(standard, arguments),
            constraint=run_options.constraint(arguments),
            reasoning=run_options.reasoning(arguments),
            context_policy=parts.settings.current.chat.context_policy,
            conversation="terminal",
        )
        saved = chosen_config(model, None, parts.settings.current)
        arguments.load = run_options.with_draft_model(arguments.load, parts.library)
        config = run_options.load_config(saved, arguments)
        loaded = _load(parts, model, config, arguments.force)
        if loaded.info and (remark := run_options.without_effect(asked.reasoning, loaded.info)):
            _remark(remark)
        if images:
            check_sight(loaded)
        chat = TerminalChat(
            loaded.engine,
            system=_system_prompt(parts, preset, arguments.system),
            examples=preset.messages if preset else (),
            asked=asked,
            stats=arguments.stats,
            images=images,
            answered=partial(parts.speeds.learn, model, on_gpu=loaded.mostly_on_gpu),
        )
        if prompt is not None:
            return 0 if chat.answer(prompt) else 130
        chat.talk(model.name)
        return 0


def _prompt(given: str | None) -> str | None:
    """The one question, given as a word or piped in; None for a chat at a terminal.

    Raises `PromptError` for one that is empty or no text.
    """
    if given is None and sys.stdin.isatty():
        return None
    try:
        # A word of other bytes comes as half surrogate pairs, which have no UTF-8 form.
        data = sys.stdin.buffer.read() if given is None else given.encode()
        text = data.decode("utf-8-sig")
    except (UnicodeDecodeError, UnicodeEncodeError) as error:
        raise PromptError(
            "The prompt is not UTF-8 text",
            f"What stands at position {error.start + 1} is no character.",
            "Convert it first, for example with: iconv -f latin1 -t utf-8",
        ) from error
    if not text.strip():
        raise PromptError(
            "The prompt is empty", hint="Write it after the model's name, or pipe it in."
        )
    return text.strip() if given is None else text


def _preset(parts: Parts, preset_id: str | None) -> Preset | None:
    if preset_id is None:
        return None
    presets = {preset.id: preset for preset in parts.presets.list()}
    if preset_id not in presets:
        raise NotFoundError(
            f"There is no preset named {preset_id}", hint=f"There are: {', '.join(presets)}."
        )
    return presets[preset_id]


def _system_prompt(parts: Parts, preset: Preset | None, override: str | None) -> str:
    text = override if override is not None else preset.system_prompt if preset else ""
    return fill_for_person(text, parts.settings.current, datetime.date.today())


def _load(parts: Parts, model: LocalModel, config: LoadConfig, force: bool) -> LoadedModel:
    line = ProgressLine()
    try:
        loaded = parts.runtime.load(
            model,
            config,
            on_progress=lambda fraction: line.show(f"Loading {model.name} {fraction:.0%}"),
            force=force,
        )
    finally:
        line.clear()
    notes = loaded.info.notes if loaded.info else ()
    for note in (*notes, *filter(None, [loaded.warning])):
        _remark(note)
    return loaded


def _remark(sentence: str) -> None:
    """Something a person should know, where it does not mix with the answer."""
    sys.stderr.write(f"corral: {without_controls(sentence)}\n")


def _told(error: BackendError) -> AppError:
    """What the engine reported; what only the command line can mend is a usage error."""
    told = refusal(error)
    if not isinstance(error, BadConstraint):
        return told
    hint = "Change what --schema, --regex, --grammar or --json asks for, or leave it out."
    return run_options.OptionError(told.title, told.message, hint, told.detail)


class TerminalChat:
    """A conversation with a loaded model, kept in memory only."""

    def __init__(
        self,
        engine: EngineProcess,
        *,
        system: str,
        asked: GenerationRequest,
        stats: bool,
        images: tuple[bytes, ...] = (),
        examples: Sequence[ExampleMessage] = (),
        answered: Callable[[Usage], object] = lambda _: None,
    ) -> None:
        """`asked` says how to answer; its messages are put in here, after `examples`.

        `images` go with the first message that is answered. `answered` hears what each answer took.
        """
        self._engine = engine
        self._system = system
        self._examples = [ChatMessage(each.role, each.content) for each in examples]
        self._asked = asked
        self._stats = stats
        self._images = images
        self._answered = answered
        self._ids = itertools.count(1)
        self._messages: list[ChatMessage] = []
        self.clear()

    def clear(self) -> None:
        """Forget everything but the system prompt and the examples."""
        told = [ChatMessage("system", self._system)] if self._system else []
        self._messages = [*told, *self._examples]

    def talk(self, name: str) -> None:
        """Read a line, answer it, until the input ends."""
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401 - gives input() editing and history
        sys.stdout.write(f"{name}. {HELP}\n")
        while True:
            try:
                line = input(">>> ").strip()
            except EOFError:
                sys.stdout.write("\n")
                return
            except KeyboardInterrupt:  # only what is typed is given up
                sys.stdout.write("\n")
                continue
            if line == "/bye":
                return
            if line == "/clear":
                self.clear()
            elif line in ("/help", "/?"):
                sys.stdout.write(HELP + "\n")
            elif line:
                self._reply(line)

    def _reply(self, line: str) -> None:
        """Answer; a message that the model refuses is forgotten and the chat goes on."""
        try:
            self.answer(line)
        except EngineDied:
            raise
        except ModelError as error:
            print_error(error)

    def answer(self, text: str) -> bool:
        """Stream the answer to `text`; False if the person stopped it.

        Raises `ModelError`; the chat is then as it was before. Raises `OptionError` if no answer
        can have the form that was asked for.
        """
        question = ChatMessage("user", text, images=self._images)
        request = msgspec.structs.replace(
            self._asked, id=str(next(self._ids)), messages=(*self._messages, question)
        )
        try:
            answer, finish = self._stream(self._engine.generate(request))
        except BackendError as error:
            raise _told(error) from error
        self._messages += [question, ChatMessage("assistant", answer)]
        self._images = ()
        sys.stdout.write("\n")
        sys.stdout.flush()
        if finish:
            self._answered(finish.usage)
        if finish and self._asked.constraint is not None and finish.reason in _CUT:
            _remark(_CUT[finish.reason])
        if self._stats and finish:
            sys.stderr.write(statistics(finish) + "\n")
        return finish is not None and finish.reason != "cancelled"

    def _stream(self, events: Generator[GenerationEvent, None, None]) -> tuple[str, Finish | None]:
        """Print the answer as it comes, reasoning on standard error.

        Answers the text, and how it ended; None after Ctrl+C, which ends it early.
        """
        line = ProgressLine()
        pieces: list[str] = []
        with contextlib.closing(events), contextlib.suppress(KeyboardInterrupt):
            for event in events:
                if isinstance(event, Progress):
                    line.show(f"Reading your message {event.processed / event.total:.0%}")
                elif isinstance(event, Delta):
                    line.clear()
                    stream = sys.stdout if event.kind == "text" else sys.stderr
                    stream.write(without_controls(event.text))
                    stream.flush()
                    if event.kind == "text":
                        pieces.append(event.text)
                elif isinstance(event, ContextCut):
                    line.clear()
                    count = "1 message" if event.left_out == 1 else f"{event.left_out} messages"
                    _remark(f"The chat is longer than the context: {count} left out.")
                elif isinstance(event, Note):
                    line.clear()
                    _remark(event.text)
                elif isinstance(event, Finish):
                    return "".join(pieces), event
        line.clear()
        return "".join(pieces), None
