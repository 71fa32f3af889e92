"""What every dialect does with the values of a request on the way to a `GenerationRequest`."""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import structs

from app.api.errors import ApiError
from app.core.library_types import LocalModel
from app.core.loaded_model import LoadedModel
from backends.types import ChatMessage, JsonSchema, SamplingParams

_DATA_URL = re.compile(r"data:image/[\w.+-]+(?:;[\w=.+-]+)*;base64,", re.IGNORECASE)
MOST_PICTURES = 32
"""In one request."""
LARGEST_PICTURE = 24 * 1024 * 1024
"""Bytes of one picture file."""


def sampling_with(
    base: SamplingParams, given: dict[str, Any], names: dict[str, str] | None = None
) -> SamplingParams:
    """`base` with the values that are given, None being no value.

    `names` tells how the request calls a field, for the message about one that is out of range.
    Raises ApiError.
    """
    wanted = {name: value for name, value in given.items() if value is not None}
    changed = structs.replace(base, **wanted)
    try:
        return msgspec.convert(msgspec.to_builtins(changed), SamplingParams)
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at `$.")
        field = re.split(r"[.\[`]", place)[0]
        name = (names or {}).get(field, field)
        raise ApiError("invalid_request", f"{name}: {text}.", param=name) from None


def stop_strings(stop: str | list[str] | None) -> tuple[str, ...] | None:
    """The strings that end the answer; None where nothing is said. Empty ones say nothing."""
    if stop is None:
        return None
    return tuple(each for each in ([stop] if isinstance(stop, str) else stop) if each)


def picture_from_url(url: str, param: str) -> bytes:
    """The picture in a data URL. Nothing else is read: this server fetches nothing for others.

    Raises ApiError.
    """
    found = _DATA_URL.match(url)
    if found is None:
        raise ApiError(
            "invalid_request",
            "A picture must come with the request, as a data URL (data:image/png;base64,…): "
            "this server fetches nothing.",
            param=param,
        )
    return picture_from_base64(url[found.end() :], param)


def picture_from_base64(text: str, param: str) -> bytes:
    """The bytes of a picture. Raises ApiError."""
    if len(text) > LARGEST_PICTURE * 4 // 3 + 4:
        raise ApiError("too_large", "A picture is larger than 24 MiB.", param=param)
    try:
        data = base64.b64decode(re.sub(r"\s+", "", text), validate=True)
    except (binascii.Error, ValueError):
        raise ApiError("invalid_request", "A picture is not valid base64.", param=param) from None
    if not data:
        raise ApiError("invalid_request", "A picture is empty.", param=param)
    return data


def pictures_in(messages: Sequence[ChatMessage]) -> int:
    """How many pictures a conversation holds."""
    return sum(len(message.images) for message in messages)


def check_pictures(count: int, model: LocalModel, loaded: LoadedModel, param: str) -> None:
    """Refuse pictures that are too many, or that the model cannot see. Raises ApiError."""
    if count > MOST_PICTURES:
        raise ApiError(
            "too_large", f"A request may hold {MOST_PICTURES} pictures at most.", param=param
        )
    if count and not (loaded.info is not None and loaded.info.vision):
        raise ApiError("invalid_request", f"{model.name} cannot see pictures.", param=param)


def json_schema(schema: object, param: str) -> JsonSchema:
    """A constraint by a JSON Schema that the request holds. Raises ApiError."""
    if not isinstance(schema, dict | bool):
        raise ApiError("invalid_request", "The schema must be a JSON object.", param=param)
    return JsonSchema(json_text(schema))


def json_text(value: object) -> str:
    """`value` as JSON."""
    return msgspec.json.encode(value).decode()
