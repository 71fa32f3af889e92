"""One `corral run`: the model that answers, the chat with it, and what may change meanwhile."""

import datetime
import uuid
from argparse import Namespace
from collections.abc import Iterator

from msgspec import structs

from app.cli import run_options
from app.cli.chat import TerminalChat
from app.cli.models_here import AnsweringModel, host_of
from app.cli.parser_values import FOREVER
from app.cli.parts import Parts
from app.cli.rendering import ProgressLine, remark
from app.cli.run_pictures import check_sight, pictures_in, read_pictures
from app.core.errors import AppError, NotFoundError
from app.core.library_types import LocalModel
from app.core.model_sampling import sampling_for
from app.core.ollama_recipe import Recipe
from app.core.own_models import OwnModels
from app.core.preset_of_model import own_preset
from app.core.presets import MAX_MESSAGES, ExampleMessage, Preset, fill_for_person
from backends.types import GenerationRequest, SamplingParams, Usage


class Session:
    """A chat and its model. `arguments` are those of `corral run`."""

    def __init__(self, parts: Parts, model: LocalModel, arguments: Namespace) -> None:
        """Load the model. Raises AppError."""
        self.parts = parts
        self.model = model
        self._arguments = arguments
        self._host = host_of(parts, alone=arguments.alone)
        preset = self._preset(model)
        name = f"terminal-{uuid.uuid4().hex[:12]}"
        asked = GenerationRequest(
            f"{name}-",
            (),
            self._sampling(model, preset),
            constraint=run_options.constraint(arguments),
            reasoning=run_options.reasoning(arguments),
            context_policy=parts.settings.current.chat.context_policy,
            conversation=name,
        )
        images = read_pictures(arguments.images)
        self.loaded = self._load(model)
        if images:
            check_sight(model, self.loaded.info)
        self.chat = TerminalChat(
            self.loaded.engine,
            system=self._system_prompt(preset),
            examples=preset.messages if preset else (),
            asked=asked,
            stats=arguments.stats,
            images=images,
            hide_thinking=arguments.hidethinking,
            answered=self._learn,
        )

    def ask(self, text: str) -> bool:
        """Answer the one question; False if the person stopped it. Raises AppError."""
        try:
            return self.chat.answer(self.with_pictures(text))
        finally:
            self.leave()

    def _learn(self, usage: Usage) -> None:
        self.loaded.answered(usage)

    def leave(self) -> None:
        """Eject the model where it shall not be kept for a moment."""
        if self._arguments.keepalive == 0:
            self._host.unload(self.model)

    def with_pictures(self, text: str) -> str:
        """`text` without the paths of pictures, which go with it, if the model can see them."""
        if self.loaded.info is None or not self.loaded.info.vision:
            return text
        plain, paths = pictures_in(text)
        if paths:
            self.chat.images += read_pictures(paths)
        return plain

    def messages(self, typed: Iterator[str]) -> Iterator[str]:
        """`typed`, with pictures taken out of the text."""
        return map(self.with_pictures, typed)

    def switch(self, name: str) -> None:
        """Go on with another model; what was said stays. Raises AppError."""
        model = self.parts.library.find(name)
        preset = self._preset(model)
        self.loaded = self._load(model)
        self.model = model
        self.chat.engine = self.loaded.engine
        sampling = self._sampling(model, preset)
        self.chat.asked = structs.replace(self.chat.asked, sampling=sampling)
        if own_preset(model.id, self.parts.presets) is not None:
            self.chat.system = self._system_prompt(preset)

    def save(self, name: str) -> LocalModel:
        """Make a model of this one that answers as this chat does. Raises AppError."""
        said = [
            ExampleMessage("user" if each.role == "user" else "assistant", each.content)
            for each in self.chat.turns
        ]
        messages = (*self.chat.examples, *said)
        recipe = Recipe(
            name,
            system_prompt=self.chat.system,
            sampling=self.chat.asked.sampling,
            messages=messages[-MAX_MESSAGES:],
        )
        return make_model(self.parts, name, self.model, recipe)

    def _preset(self, model: LocalModel) -> Preset | None:
        """The one that was named, else what came with the model."""
        chosen: str | None = self._arguments.preset
        if chosen is None:
            return own_preset(model.id, self.parts.presets)
        presets = {preset.id: preset for preset in self.parts.presets.list()}
        if chosen not in presets:
            raise NotFoundError(
                f"There is no preset named {chosen}", hint=f"There are: {', '.join(presets)}."
            )
        return presets[chosen]

    def _sampling(self, model: LocalModel, preset: Preset | None) -> SamplingParams:
        values = preset.sampling if preset else SamplingParams()
        standard = sampling_for(self.parts.settings.current, model.id, values)
        return run_options.sampling(standard, self._arguments)

    def _system_prompt(self, preset: Preset | None) -> str:
        given: str | None = self._arguments.system
        text = given if given is not None else preset.system_prompt if preset else ""
        return fill_for_person(text, self.parts.settings.current, datetime.date.today())

    def _load(self, model: LocalModel) -> AnsweringModel:
        arguments = self._arguments
        arguments.load = run_options.with_draft_model(arguments.load, self.parts.library)
        line = ProgressLine()
        try:
            loaded = self._host.load(
                model,
                lambda saved: run_options.load_config(saved, arguments),
                force=arguments.force,
                ttl=time_to_live(arguments.keepalive),
                on_progress=lambda part: line.show(f"Loading {model.name} {part:.0%}"),
            )
        finally:
            line.clear()
        notes = loaded.info.notes if loaded.info else ()
        for note in (*notes, *filter(None, [loaded.warning])):
            remark(note)
        asked = run_options.reasoning(arguments)
        if loaded.info and (told := run_options.without_effect(asked, loaded.info)):
            remark(told)
        return loaded


def time_to_live(keepalive: float | None) -> float | None:
    """What `--keepalive` says in the runtime's terms: 0 is never, None as the settings say."""
    if keepalive is None or keepalive == 0:
        return None
    return 0.0 if keepalive == FOREVER else keepalive


def make_model(parts: Parts, name: str, base: LocalModel, recipe: Recipe) -> LocalModel:
    """Make a model of `base`, by the running Corral if there is one. Raises AppError."""
    name = " ".join(name.split())
    if not name:
        raise AppError("The model was not made", "It needs a name.")
    if parts.running is None:
        return OwnModels(parts.library, parts.presets, parts.settings).create(name, base, recipe)
    made = parts.running.make(name, base.id, recipe)
    return structs.replace(base, id=made, name=name, variant_of=base.id)
