"""What a server or the way to it can do wrong, as the errors of an engine."""

import json
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2
import openai

from backends.errors import (
    AccessRefused,
    BackendError,
    BadRequest,
    ModelNotServed,
    PromptTooLong,
    ServerBusy,
    ServerProblem,
    ServerUnreachable,
)
from backends.remote.descriptor import RemoteAccess

_TOO_LONG = ("exceed_context_size_error", "context_length_exceeded")
"""Types or codes of llama-server and OpenAI."""
_TOO_LONG_WORDS = ("maximum context length", "context size", "longer than the maximum model length")
_MAX_WORDS = 300
"""Characters of a server's own words inside a sentence."""


def server_failure(error: Exception, access: RemoteAccess) -> BackendError:
    """What `error` of the client means; no key is in it."""
    if isinstance(error, openai.APIStatusError):
        return _refused(error, access)
    if isinstance(error, openai.APITimeoutError | httpx2.TimeoutException):
        return ServerUnreachable(_timeout_words(error, access), _detail(error, access))
    if isinstance(error, openai.APIConnectionError | httpx2.TransportError | OSError):
        return ServerUnreachable(_connection_words(error, access), _detail(error, access))
    if isinstance(error, openai.APIError):  # an error in the middle of a stream
        words = spoken(error.body, access) or error.message
        if is_too_long(error.body, words):
            return PromptTooLong(words)
        return ServerProblem(f"{host_of(access)} broke the answer off: {words}")
    return ServerProblem(
        f"{host_of(access)} answered something that is not the protocol of OpenAI",
        _detail(error, access),
    )


def host_of(access: RemoteAccess) -> str:
    """How the server is called in a sentence: host and, where it was given, port."""
    return urlsplit(access.base_url).netloc


def is_too_long(body: object, words: str) -> bool:
    """Whether the server says that the prompt does not fit into its context."""
    if isinstance(body, dict) and {str(body.get("type")), str(body.get("code"))} & set(_TOO_LONG):
        return True
    return any(part in words for part in _TOO_LONG_WORDS)


def spoken(body: object, access: RemoteAccess) -> str:
    """The server's own words in the body of an error, without the key."""
    if isinstance(body, dict):
        inner = body.get("error", body)
        found = inner.get("message") if isinstance(inner, dict) else inner
        body = found if isinstance(found, str) else body.get("detail", "")
    text = body if isinstance(body, str) else json.dumps(body) if body else ""
    return _without_key(" ".join(text.split()), access)[:_MAX_WORDS]


def _refused(error: openai.APIStatusError, access: RemoteAccess) -> BackendError:
    host, status = host_of(access), error.status_code
    words = spoken(error.body, access)
    said = f": {words}" if words else ""
    detail = f"status {status}\n{words}"
    match status:
        case 401 | 403:
            had = "the key it was given" if access.api_key else "a request without a key"
            return AccessRefused(f"{host} does not accept {had}{said}", detail)
        case 404 | 501:
            return ModelNotServed(
                f"{host} does not offer {access.model}, or not this{said}", detail
            )
        case 429:
            return ServerBusy(f"{host} {_pause(error)}{said}", detail)
        case _ if 300 <= status < 400:
            there = _without_key(error.response.headers.get("location", "elsewhere"), access)
            return ServerUnreachable(
                f"{host} sends on to {there[:_MAX_WORDS]}; enter that address if you trust it",
                detail,
            )
        case _ if status >= 500:
            return ServerProblem(f"{host} answered with status {status}{said}", detail)
    if status in (400, 413, 422) and (status == 413 or is_too_long(error.body, words)):
        return PromptTooLong(words or f"{host} says that the prompt is too long", detail)
    return BadRequest(f"{host} refuses the request{said or f' (status {status})'}", detail)


def _pause(error: openai.APIStatusError) -> str:
    """How long a busy server asks to wait (Retry-After in seconds, RFC 9110 10.2.3)."""
    wait = error.response.headers.get("retry-after", "")
    if wait.isdigit():
        return f"has too many requests and can be asked again in {wait} seconds"
    return "has too many requests at the moment"


def _timeout_words(error: Exception, access: RemoteAccess) -> str:
    if any(isinstance(each, httpx2.ConnectTimeout) for each in _causes(error)):
        return f"{host_of(access)} does not answer the call"
    return f"{host_of(access)} has sent nothing for {access.patience:,g} seconds"


def _connection_words(error: Exception, access: RemoteAccess) -> str:
    host = host_of(access)
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"The certificate of {host} is not trusted: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return f"No encrypted connection to {host} could be made; it may speak plain http"
        if isinstance(cause, socket.gaierror):
            return f"There is no computer called {urlsplit(access.base_url).hostname}"
        if isinstance(cause, ConnectionRefusedError):
            return f"{host} refuses the connection: no server is listening there"
    if any(isinstance(cause, httpx2.ConnectError) for cause in _causes(error)):
        return f"There is no way to {host}"
    return f"The connection to {host} broke"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from, deepest last."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _detail(error: Exception, access: RemoteAccess) -> str:
    return _without_key(
        "\n".join(f"{type(cause).__name__}: {cause}" for cause in _causes(error)), access
    )


def _without_key(text: str, access: RemoteAccess) -> str:
    return text.replace(access.api_key, "***") if access.api_key else text
