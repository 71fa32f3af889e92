"""Renders the chat template of a model."""

import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn

import jinja2

from backends.chat.sandbox import GuardedEnvironment, LimitReached, Watch
from backends.errors import TemplateError

RENDER_SECONDS = 3.0
SECONDS_PER_MESSAGE = 0.02
"""More for each message: some templates look at all messages for every one."""
MAX_SOURCE = 512 * 1024
"""Characters of a template; the longest one known has about 30,000."""

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
"""The form of chat that most models without a template of their own were trained on."""

PLAIN = (
    "{% for message in messages %}"
    "{{ message['role'] | capitalize + ': ' + message['content'] + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
"""The last resort: roles written out."""

Message = dict[str, Any]
Variables = Mapping[str, object]


class ChatTemplate:
    """A compiled chat template.

    `render` follows the conventions of Hugging Face transformers: the same block trimming, the
    same extra functions and filters. Raises `backends.errors.TemplateError`, and nothing else.
    """

    def __init__(
        self,
        source: str,
        *,
        bos: str = "",
        eos: str = "",
        clock: Callable[[], datetime] = datetime.now,
    ) -> None:
        self.source = source
        self._bos, self._eos, self._clock = bos, eos, clock
        self._environment = GuardedEnvironment()
        self._environment.filters |= {"tojson": self._to_json, "from_json": json.loads}
        self._environment.globals |= {
            "raise_exception": _raise_exception,
            "strftime_now": self._strftime_now,
        }
        if len(source) > MAX_SOURCE:
            raise TemplateError("The model's chat template is too large.")
        try:
            with Watch(RENDER_SECONDS):
                self._template = self._environment.from_string(source)
        except LimitReached as limit:
            raise TemplateError(f"The model's chat template cannot be used: {limit}.") from None
        except jinja2.TemplateSyntaxError as error:
            raise TemplateError(
                "The model's chat template is not valid.", f"line {error.lineno}: {error.message}"
            ) from None
        except Exception as error:  # noqa: BLE001  # foreign source: whatever the compiler raises
            raise TemplateError("The model's chat template is not valid.", str(error)) from None

    def render(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[Message] = (),
        variables: Variables | None = None,
        seconds: float | None = None,
    ) -> str:
        """The prompt up to where the assistant's answer begins.

        `tools` are in the form of OpenAI's API, `variables` are what else the template may read,
        and `seconds` is the time it may take.
        """
        if seconds is None:
            seconds = RENDER_SECONDS + SECONDS_PER_MESSAGE * len(messages)
        try:
            # Copies: some templates change lists that they are given.
            messages = copy.deepcopy(list(messages))
            given = self._given(tools) | dict(variables or {})
            self._environment.trust([messages, *messages])
            with Watch(seconds):
                return self._template.render(messages=messages, add_generation_prompt=True, **given)
        except LimitReached as limit:
            raise TemplateError(f"The model's chat template was stopped: {limit}.") from None
        except _Refused as refusal:
            raise TemplateError(
                "The model's chat template refuses this conversation.", str(refusal)
            ) from None
        except Exception as error:  # noqa: BLE001  # foreign code: it may raise anything
            words = f"{type(error).__name__}: {error}"
            raise TemplateError("The model's chat template failed.", words) from None

    def _given(self, tools: Sequence[Message]) -> dict[str, object]:
        """What templates read besides the conversation.

        Without tools there is no `tools` at all: some print an empty list, others fail on None.
        """
        functions = [tool["function"] for tool in tools]
        return {
            "bos_token": self._bos,
            "eos_token": self._eos,
            "date_string": self._strftime_now("%d %b %Y"),
            "datetime": self._strftime_now("%d %b %Y"),
            "functions": self._to_json(functions),
        } | ({"tools": copy.deepcopy(list(tools))} if tools else {})

    def _to_json(
        self,
        value: Any,
        ensure_ascii: bool = False,
        indent: int | None = None,
        separators: tuple[str, str] | None = None,
        sort_keys: bool = False,
    ) -> str:
        if isinstance(value, Iterator):
            value = list(value)
        if indent is not None:
            indent = min(indent, 16)
        text = json.dumps(
            self._environment.checked(value),
            ensure_ascii=False,
            indent=indent,
            separators=separators,
            sort_keys=sort_keys,
            default=_to_plain,
        )
        return _NOT_ASCII.sub(_escaped, text) if ensure_ascii else text

    def _strftime_now(self, pattern: str) -> str:
        return format_date(self._clock(), pattern)


class _Refused(jinja2.TemplateError):
    """The template itself called `raise_exception`."""


def _raise_exception(message: object) -> NoReturn:
    raise _Refused(str(message))


_NOT_ASCII = re.compile("[^\x00-\x7f\ufdd0-\ufdef]")
"""All but the noncharacters by which control tokens are marked: those must stay recognisable."""


def _escaped(found: re.Match[str]) -> str:
    return json.dumps(found.group())[1:-1]


def _to_plain(value: object) -> object:
    if isinstance(value, jinja2.Undefined):
        return None
    raise TypeError(f"{type(value).__name__} is not JSON")


_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def format_date(moment: datetime, pattern: str) -> str:
    """`strftime` with English names, whatever the locale, and one directive at a time.

    `%-d` drops the leading zero on every system; unknown directives stay as they are.
    """
    names = {
        "A": _DAYS[moment.weekday()],
        "a": _DAYS[moment.weekday()][:3],
        "B": _MONTHS[moment.month - 1],
        "b": _MONTHS[moment.month - 1][:3],
        "%": "%",
    }

    def value(found: re.Match[str]) -> str:
        flag, directive = found.groups()
        if directive in names:
            return names[directive]
        text = moment.strftime(f"%{directive}")
        return text.lstrip("0") or "0" if flag else text

    return re.sub(r"%(-?)([AaBb%dHIjMmpSUWwYyZzf])", value, pattern)
