"""What Ollama's registry or the way to it can do wrong, told to a person."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from app.core import hub_errors
from app.core.connection_problems import (
    PROXY_AUTHENTICATION,
    Way,
    connection_problem,
    proxy_wants_password,
)
from app.core.errors import (
    AccessError,
    AppError,
    DownloadError,
    HubError,
    NotFoundError,
    SettingsError,
)
from app.core.ollama_name import OllamaName

_OTHER = "Look for the same model on the hub, where it is a GGUF file."


def no_model(name: OllamaName, host: str) -> NotFoundError:
    """No such model, or no such tag of it."""
    return NotFoundError(
        f"“{name.short}” was not found in Ollama’s registry",
        f"{host} has no model of this name with the tag “{name.tag}”.",
        f"Check the spelling, and which tags there are: {name.page.rpartition(':')[0]}/tags",
    )


def blob_gone(name: OllamaName, host: str) -> NotFoundError:
    """A file that the manifest names is not there."""
    return NotFoundError(
        "A file of the model is not in the registry any more",
        f"{host} lists it for “{name.short}” and does not have it.",
        "Open the model's page again and start from there.",
    )


def other_size(name: OllamaName, host: str, listed: int, found: int) -> DownloadError:
    """A file that is not as long as the manifest says."""
    return DownloadError(
        "The registry has another file than it lists",
        f"The manifest of “{name.short}” lists {listed:,} bytes; {host} has {found:,}.",
        "Remove this download, open the model's page again and start from there.",
    )


def private(name: OllamaName, host: str) -> AccessError:
    """The registry wants to know who is asking."""
    return AccessError(
        f"“{name.short}” asks you to log in",
        f"{host} shows this model to its owner only. Corral reads what is public there, and sends "
        "no account and no token.",
        "Choose a public model, or pull it with Ollama itself and add Ollama's folder in My "
        "Models.",
    )


def bad_challenge(host: str, detail: str) -> AccessError:
    """The registry wants a log-in of a kind that is not used without an account."""
    return AccessError(
        "The registry asks you to log in",
        f"{host} wants a log-in that Corral cannot give without an account.",
        "Check the address of the registry in the settings.",
        detail,
    )


def cloud_only(name: OllamaName) -> HubError:
    """A name that stands for a service."""
    return HubError(
        f"“{name.short}” is not a file",
        "This model runs on Ollama's own computers; there is nothing to download.",
        "Choose another tag of it.",
    )


def not_gguf(name: OllamaName, what: str) -> HubError:
    """Weights in another format."""
    return HubError(
        f"“{name.short}” is in a format that Corral cannot load from there",
        f"Its weights are {what}, not a GGUF file. Nothing was downloaded.",
        _OTHER,
    )


def not_a_model(name: OllamaName, why: str) -> HubError:
    """A manifest of something else."""
    return HubError(
        f"“{name.short}” holds no model that Corral could run",
        f"{why} Nothing was downloaded.",
        _OTHER,
    )


def wrong_digest(name: OllamaName, what: str, host: str) -> HubError:
    """What came is not what was named."""
    return HubError(
        "The registry's answer was damaged on the way",
        f"The {what} of “{name.short}” from {host} does not match its sha256 digest. It was not "
        "used.",
        "Try again. If it happens again, something on the way changes the data, such as a proxy.",
    )


def too_large(host: str, limit: int) -> HubError:
    """An answer beyond what is read into memory; `limit` is in bytes."""
    return HubError(
        "The registry's answer is too large",
        f"{host} sent or announced more than {limit:,} bytes where far less is expected.",
        "Check the address of the registry in the settings.",
    )


def too_slow(host: str, seconds: float) -> HubError:
    """No answer, or no whole answer, in time."""
    return HubError(
        "The registry does not answer",
        f"{host} sent no complete answer within {seconds:.0f} seconds.",
        "Check the connection and try again.",
        kind="slow",
    )


def unreadable(host: str, detail: str) -> HubError:
    """An answer that is not what the protocol says."""
    return HubError(
        "The registry's answer cannot be read",
        f"{host} answered with something else than a model registry's protocol.",
        "A log-in page of the network may be in the way. Check the connection and the address of "
        "the registry in the settings.",
        detail[:500],
        kind="garbage",
    )


def bad_address(address: str) -> SettingsError:
    """An address that is no good, in the settings or the environment."""
    return SettingsError(
        "The address of Ollama's registry cannot be used",
        f"“{address}” is no https address.",
        "Correct it in the settings or in CORRAL_OLLAMA_REGISTRY, or leave it empty.",
    )


def refused_status(host: str, status: int, headers: Mapping[str, str]) -> HubError:
    """A status that nothing more precise is known about."""
    if status == 429:
        wait = hub_errors.retry_after(headers)
        when = f"in {wait:.0f} seconds" if wait else "in a few minutes"
        return HubError(
            "The registry asks for a pause",
            f"{host} has had too many requests from this network (status 429).",
            f"Try again {when}.",
            kind="rate_limit",
            wait=wait,
        )
    if status == PROXY_AUTHENTICATION:
        return proxy_wants_password(host)
    if status >= 500:
        return HubError(
            "The registry is out of order",
            f"{host} answered with status {status}. The fault is on its side.",
            "Try again in a few minutes.",
        )
    return HubError("The registry refused the request", f"{host} answered with status {status}.")


def explain(error: Exception, url: str, timeout: float, way: Way | None = None) -> AppError:
    """The `AppError` for an exception of the HTTP client. `way` was the request's trace."""
    import httpx2

    host = urlsplit(url).netloc
    if isinstance(error, AppError):
        return error
    if isinstance(error, ConnectionError):  # raised by the hook of `new_client`
        return hub_errors.offline_by_environment()
    if isinstance(error, httpx2.TimeoutException):
        return too_slow(host, timeout)
    if isinstance(error, httpx2.ConnectError | httpx2.ProxyError):
        return connection_problem(error, url, way, "registry")
    if isinstance(error, httpx2.DecodingError | httpx2.TooManyRedirects | httpx2.InvalidURL):
        return unreadable(host, str(error))
    return HubError(
        "The connection to the registry broke off",
        f"{host} closed the connection before the answer was complete.",
        "Check the connection and try again.",
        f"{type(error).__name__}: {error}",
    )
