"""What the hub or the way to it can do wrong, told to a person."""

import time
from collections.abc import Collection, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.core.connection_problems import (
    PROXY_AUTHENTICATION,
    Way,
    connection_problem,
    proxy_wants_password,
)
from app.core.errors import (
    AccessError,
    AppError,
    ForeignSite,
    HubError,
    NotFoundError,
    OfflineError,
)

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError

_CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_PROXY_VARIABLES = frozenset({"all_proxy", "http_proxy", "https_proxy", "no_proxy"})
RETRY_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})


def offline() -> OfflineError:
    """The refusal while the offline switch is on."""
    return OfflineError(
        "Corral is offline",
        "The offline switch is on, so nothing was sent.",
        "Switch it off in Settings to reach the model hub.",
    )


def foreign(site: str, hosts: Collection[str]) -> ForeignSite:
    """What to say of an address of a website that is none of the hubs at `hosts`."""
    known = " and ".join(dict.fromkeys(hosts))
    return ForeignSite(
        f"{site} is no model hub",
        f"Corral asks {known}, and Ollama's registry. Nothing was sent.",
        f"Look for the model there. If {site} is a mirror of the hub, add it in the settings under "
        "Network first.",
    )


def offline_by_environment() -> OfflineError:
    """The refusal of the hub's library, which has a switch of its own."""
    return OfflineError(
        "Corral is offline",
        "HF_HUB_OFFLINE is set in the environment, so nothing was sent.",
        "Remove HF_HUB_OFFLINE and start Corral again to reach the model hub.",
    )


def too_large(host: str, limit: int) -> HubError:
    """An answer beyond what is read into memory; `limit` is in bytes."""
    return HubError(
        "The hub's answer is too large",
        f"{host} sent more than {limit // 1_000_000} MB where far less is expected. "
        "Reading stopped there.",
        "Try again later, or check the endpoint in Settings.",
    )


def too_slow(host: str, seconds: float) -> HubError:
    """No answer, or no whole answer, in time."""
    return HubError(
        "The hub does not answer",
        f"{host} sent no complete answer within {seconds:.0f} seconds.",
        "Check the connection and try again.",
        kind="slow",
    )


def unreadable(host: str, detail: str) -> HubError:
    """An answer that is not what the protocol says."""
    return HubError(
        "The hub's answer cannot be read",
        f"{host} answered with something else than the hub's protocol.",
        "A log-in page of the network may be in the way. Check the connection and the endpoint "
        "in Settings.",
        detail[:500],
        kind="garbage",
    )


def no_repository(repo: str, host: str) -> NotFoundError:
    """No such repository, or one that is hidden."""
    return NotFoundError(
        f"“{repo}” was not found",
        f"{host} has no such repository, or it is private.",
        "Check the spelling. A private repository needs a log-in: Settings, Network.",
    )


LOG_IN = "log in in Settings, under Network, or set HF_TOKEN"
LOG_IN_WITH_IT = "log in with it in Settings, under Network"
_IN_A_TERMINAL = {
    LOG_IN: "log in by “corral login”, or set HF_TOKEN",
    LOG_IN_WITH_IT: "log in with it by “corral login”",
}


def for_terminal(words: str) -> str:
    """A hint in the words of the terminal, where it names what only the window has."""
    for window, terminal in _IN_A_TERMINAL.items():
        words = words.replace(window, terminal)
    return words


def gated(repo: str, page: str, *, logged_in: bool, words: str = "") -> AccessError:
    """A repository that asks for an accepted licence. `words`: what the hub says to it."""
    if logged_in and "awaiting a review" in words:
        return AccessError(
            f"Your request for “{repo}” has not been answered yet",
            "Its authors let people in one by one.",
            f"Wait until they do; {page} shows how it stands.",
            kind="waiting",
        )
    if logged_in and "rejected" in words:
        return AccessError(
            f"Your request for “{repo}” was refused",
            "Its authors have not let you in.",
            "Choose another model.",
            kind="rejected",
        )
    if logged_in:
        return AccessError(
            f"“{repo}” has not been opened to you",
            "You are logged in, but have not been granted access.",
            f"Accept its terms on {page} and try again when access is granted.",
            kind="ask",
        )
    return AccessError(
        f"“{repo}” asks you to log in",
        "Its authors want their licence accepted before the files can be downloaded.",
        f"Accept it on {page}, then {LOG_IN}.",
        kind="log_in",
    )


def bad_token() -> AccessError:
    """The token itself is refused."""
    return AccessError(
        "The hub does not accept the access token",
        "The token is not valid or has expired.",
        f"Make a new one in the hub's settings and {LOG_IN_WITH_IT}. A token in HF_TOKEN comes "
        "first.",
        kind="bad_token",
    )


def token_withheld(endpoint: str) -> AccessError:
    """The person's token goes to no hub that is in use."""
    return AccessError(
        "The log-in is not sent to this hub",
        f"An access token is sent to huggingface.co only, unless you allow it for {endpoint}.",
        "Allow it in Settings, under Network, if you trust that hub.",
        kind="withheld",
    )


def refused_status(host: str, status: int, wait: float | None, words: str = "") -> HubError:
    """A status that nothing more precise is known about; `wait` is in seconds."""
    if status == 429:
        when = f"in {wait:.0f} seconds" if wait else "in a few minutes"
        return HubError(
            "The hub asks for a pause",
            f"{host} has had too many requests from this network (status 429).",
            f"Try again {when}.",
            words,
            kind="rate_limit",
            wait=wait,
        )
    if status == PROXY_AUTHENTICATION:
        return proxy_wants_password(host, words)
    if status >= 500:
        return HubError(
            "The hub is out of order",
            f"{host} answered with status {status}. The fault is on its side.",
            "Try again in a few minutes.",
            words,
        )
    if status in (401, 403):
        return AccessError(
            "The hub refuses access",
            f"{host} answered with status {status}.",
            "Check on its website whether the model asks for a log-in.",
            words,
        )
    if status == 404:
        return NotFoundError(
            "The hub has no such page",
            f"{host} answered with status 404.",
            "Check the name and the endpoint in Settings.",
            words,
        )
    return HubError(
        "The hub refused the request", f"{host} answered with status {status}.", "", words
    )


def bad_certificates(error: OSError, env: Mapping[str, str]) -> HubError:
    """The certificates to trust cannot be read, so no connection can be made."""
    named = [f"{name} names {env[name]}" for name in _CERTIFICATE_VARIABLES if env.get(name)]
    return HubError(
        "The certificates to trust cannot be read",
        f"{' and '.join(named) or 'They are those of the system'}. "
        f"The system says: {error.strerror or error}.",
        f"Correct {' or '.join(_CERTIFICATE_VARIABLES)} in the environment, or remove it, and "
        "start Corral again.",
        str(error),
    )


def bad_ca_file(file: str, error: OSError) -> HubError:
    """The person's own file of authorities cannot be used."""
    return HubError(
        "The certificates to trust cannot be read",
        f"{file} is not a file of certificates in PEM. The system says: {error.strerror or error}.",
        "Choose another file in Settings, under Network, or none.",
        str(error),
        kind="ca_file",
    )


def bad_proxy(error: Exception, env: Mapping[str, str]) -> HubError:
    """A proxy that cannot be used. Its address is not shown: it may hold a password."""
    named = [name for name in sorted(env) if name.lower() in _PROXY_VARIABLES and env[name]]
    return HubError(
        "The proxy cannot be used",
        f"{' or '.join(named) or 'The network settings of the system'} names one of a kind that "
        "Corral does not know, so nothing was sent.",
        "Name an http://, https:// or socks5:// proxy there, or none, and start Corral again.",
        type(error).__name__,
    )


def explain(
    error: Exception, url: str, repo: str = "", timeout: float = 10, way: Way | None = None
) -> AppError:
    """The `AppError` for an exception of the HTTP client or of the hub's library.

    `way` was the request's trace, and knows whom it called.
    """
    import httpx2
    from huggingface_hub import errors

    host = urlsplit(url).netloc
    if isinstance(error, AppError):
        return error
    if isinstance(error, errors.OfflineModeIsEnabled):
        return offline_by_environment()
    if isinstance(error, errors.HfHubHTTPError):
        return _explain_status(error, url, repo)
    if isinstance(error, httpx2.TimeoutException):
        return too_slow(host, timeout)
    if isinstance(error, httpx2.ConnectError | httpx2.ProxyError):
        return connection_problem(error, url, way)
    if isinstance(error, httpx2.DecodingError | httpx2.TooManyRedirects | httpx2.InvalidURL):
        return unreadable(host, str(error))
    return HubError(
        "The connection to the hub broke off",
        f"{host} closed the connection before the answer was complete.",
        "Check the connection and try again.",
        f"{type(error).__name__}: {error}",
    )


def _explain_status(error: "HfHubHTTPError", url: str, repo: str) -> AppError:
    from huggingface_hub import errors

    response = error.response
    host, status = urlsplit(url).netloc, response.status_code
    words = response.headers.get("X-Error-Message", "")
    if isinstance(error, errors.GatedRepoError):
        page = f"{url.split('/api/')[0].split(f'/{repo}')[0]}/{repo}"
        return gated(repo, page, logged_in=status == 403, words=words)
    if isinstance(error, errors.DisabledRepoError):
        return AccessError(f"“{repo}” is switched off", f"{host} has closed this repository.")
    if words.startswith("Invalid credentials"):
        return bad_token()
    if isinstance(error, errors.RepositoryNotFoundError):
        return no_repository(repo, host)
    if isinstance(error, errors.RevisionNotFoundError | errors.EntryNotFoundError):
        return NotFoundError(
            "The file is not on the hub any more",
            f"“{repo}” has changed since its files were listed.",
            "Open the model's page again and start from there.",
            words,
        )
    return refused_status(host, status, retry_after(response.headers), words)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait, by `Retry-After` or `RateLimit`."""
    from huggingface_hub.utils._http import parse_ratelimit_headers

    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    if (then := _http_date(value)) is not None:
        # By the server's own clock, where it tells it: this computer's may be wrong.
        now = _http_date(headers.get("Date", ""))
        return max(0.0, then - (time.time() if now is None else now))
    limit = parse_ratelimit_headers(headers)
    return float(limit.reset_in_seconds) if limit and limit.remaining == 0 else None


def _http_date(text: str) -> float | None:
    """A date as HTTP writes it (RFC 9110, 5.6.7) in Unix seconds; None for anything else."""
    try:
        date = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    # Without a zone it is UTC: HTTP knows no other one.
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
