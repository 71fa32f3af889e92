"""What kind of server answers, what it tells of its model, and how it counts tokens.

Servers name themselves in the list of models (`owned_by`). llama.cpp's server tells more at
`/props` and counts the tokens of a conversation at `/v1/chat/completions/input_tokens`; vLLM
tells `max_model_len` in the list and counts at `/tokenize`. Nothing is asked twice.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from backends.errors import BadRequest, ModelNotServed, ServerProblem
from backends.remote.connection import Connection
from backends.remote.descriptor import RemoteAccess, is_loopback
from backends.remote.failures import host_of
from backends.remote.messages import chat_messages
from backends.remote.reasoning import ServerKind
from backends.remote.request import NOTHING_LEFT_OUT, Body, LeftOut, request_body
from backends.types import ChatMessage, GenerationRequest, ModelInfo

ASSUMED_CONTEXT = 8192
"""Tokens, where neither the server nor the person tells."""
ASSUMED_SLOTS = 4
"""Answers at once that a server is asked for, where it does not tell its own number."""
LOOK_SECONDS = 15.0
_NAMES = {"llamacpp": "llama.cpp's server", "vllm": "vLLM", "openai": "OpenAI", "other": "remote"}
_OWNERS: Mapping[str, ServerKind] = {
    "llamacpp": "llamacpp",
    "vllm": "vllm",
    "openai": "openai",
    "openai-internal": "openai",
    "system": "openai",
}


class ModelMeta(Struct, frozen=True):
    """What llama.cpp's server tells of a model."""

    n_ctx: int | None = None
    n_ctx_train: int | None = None
    n_vocab: int = 0


class Architecture(Struct, frozen=True):
    """What some servers tell of a model's inputs."""

    input_modalities: tuple[str, ...] = ()


class ServedModel(Struct, frozen=True):
    """One entry of a server's list of models."""

    id: str
    owned_by: str | None = None
    max_model_len: int | None = None
    meta: ModelMeta | None = None
    architecture: Architecture | None = None

    @property
    def kind(self) -> ServerKind:
        """What kind of server this is."""
        return _OWNERS.get(self.owned_by or "", "other")

    @property
    def context_length(self) -> int | None:
        """Tokens; None where the list does not tell."""
        return (self.meta.n_ctx if self.meta else None) or self.max_model_len


class LlamaCaps(Struct, frozen=True):
    """What the chat template of llama.cpp's server can do."""

    supports_tools: bool = False
    supports_reasoning_effort: bool = False


class LlamaProps(Struct, frozen=True):
    """What llama.cpp's server tells at `/props`."""

    total_slots: int = ASSUMED_SLOTS
    chat_template: str = ""
    chat_template_caps: LlamaCaps | None = None


class _ModelList(Struct, frozen=True):
    data: tuple[ServedModel, ...]


def served_models(connection: Connection) -> tuple[ServedModel, ...]:
    """What the server offers, as it names it. Raises `BackendError`."""
    with connection.explained():
        answer = connection.client.get(
            "/models", cast_to=dict[str, Any], options={"timeout": LOOK_SECONDS}
        )
        return msgspec.convert(answer, _ModelList).data


class Server:
    """One model of one server."""

    def __init__(self, access: RemoteAccess, served: ServedModel, props: LlamaProps) -> None:
        self.access = access
        self.kind = served.kind
        self._served = served
        self._props = props
        self.left_out = NOTHING_LEFT_OUT
        """What it has refused."""

    @property
    def context_length(self) -> int:
        """Tokens; assumed where nobody tells."""
        return self._served.context_length or self.access.context_length or ASSUMED_CONTEXT

    @property
    def info(self) -> ModelInfo:
        """What is known of the model.

        An ability that nobody tells of is assumed: who lacks it refuses, and says so.
        """
        meta = self._served.meta or ModelMeta()
        props, caps = self._props, self._props.chat_template_caps
        return ModelInfo(
            architecture=_NAMES[self.kind],
            context_length=self.context_length,
            trained_context_length=meta.n_ctx_train or self.context_length,
            vocabulary_size=meta.n_vocab,
            has_chat_template=True,
            reasoning="<think>" in props.chat_template or not props.chat_template,
            notes=tuple(self._notes()),
            slots=max(1, props.total_slots),
            tools=caps is None or caps.supports_tools,
            vision=self._sees,
            reasoning_switch="enable_thinking" in props.chat_template or not props.chat_template,
            reasoning_effort=caps is None or caps.supports_reasoning_effort,
        )

    @property
    def _sees(self) -> bool:
        told = self._served.architecture
        return told is None or not told.input_modalities or "image" in told.input_modalities

    def _notes(self) -> list[str]:
        if self.access.base_url.startswith("https:") or is_loopback(self.access.base_url):
            return []
        return [
            f"The connection to {host_of(self.access)} is not encrypted: who is on the way can "
            "read the chat and the key."
        ]

    def body(self, request: GenerationRequest, left_out: LeftOut) -> Body:
        """The request in the words of this server. Raises `BadRequest` for what it cannot do."""
        return request_body(
            request, self.access.model, self.kind, self.context_length, left_out=left_out
        )

    def count(self, connection: Connection, messages: Sequence[ChatMessage]) -> int:
        """Tokens of the whole prompt, as the server counts them.

        Raises `BadRequest` where it does not offer to.
        """
        body = {"model": self.access.model, "messages": chat_messages(messages)}
        unable = BadRequest(f"{host_of(self.access)} does not count tokens before it is asked")
        match self.kind:
            case "llamacpp":
                path, field = "/chat/completions/input_tokens", "input_tokens"
            case "vllm":
                path, field = f"{root_of(self.access)}/tokenize", "count"
            case _:
                raise unable
        try:
            with connection.explained():
                answer = connection.client.post(path, body=body, cast_to=dict[str, Any])
        except ModelNotServed:
            raise unable from None  # an older version
        count = answer.get(field)
        if not isinstance(count, int):
            raise unable
        return count


def look(connection: Connection, access: RemoteAccess) -> Server:
    """Find the model on its server.

    Raises `ModelNotServed` if it is not there, and any other `ServerProblem`.
    """
    try:
        offered = served_models(connection)
    except ModelNotServed:
        offered = ()  # a server without a list; it will say if it does not know the model
    found = next((each for each in offered if each.id == access.model), None)
    if found is None:
        if offered:
            names = ", ".join(each.id for each in offered[:20])
            raise ModelNotServed(
                f"{host_of(access)} has no model called {access.model}", f"It offers: {names}"
            )
        found = ServedModel(access.model)
    props = _props(connection, access) if found.kind == "llamacpp" else LlamaProps()
    return Server(access, found, props)


def root_of(access: RemoteAccess) -> str:
    """The address without its `/v1`, below which servers keep what is not OpenAI's."""
    return access.base_url.removesuffix("/v1")


def _props(connection: Connection, access: RemoteAccess) -> LlamaProps:
    try:
        with connection.explained():
            answer = connection.client.get(
                f"{root_of(access)}/props",
                cast_to=dict[str, Any],
                options={"params": {"model": access.model}, "timeout": LOOK_SECONDS},
            )
            return msgspec.convert(answer, LlamaProps)
    except (ServerProblem, BadRequest):
        return LlamaProps()  # switched off or forbidden; the model can be used without
