"""What can be wrong with a new version of Corral or the way to it, told to a person."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from app.core import hub_errors
from app.core.connection_problems import (
    PROXY_AUTHENTICATION,
    Way,
    connection_problem,
    proxy_wants_password,
)
from app.core.errors import AppError, DownloadError, HubError, OfflineError, UpdateError

ON_THE_WAY = ".model"
"""Added to a package's name until it is whole: a child writes nothing that a click would run."""
_STAYS = "The version that runs stays as it is."
_BY_HAND = "Get the new version from Corral's own page and install it by hand."


def offline() -> OfflineError:
    """The refusal while the offline switch is on."""
    return OfflineError(
        "Corral is offline",
        "The offline switch is on, so nothing was sent.",
        "Switch it off in Settings to look for a new version.",
    )


def not_set_up() -> UpdateError:
    """This build knows no address, or no key."""
    return UpdateError(
        "This copy of Corral cannot look for new versions",
        "Whoever built it gave it no address to ask, or no key to check the answer with.",
        "Update it the way you installed it.",
    )


def unreadable(detail: str) -> UpdateError:
    """No envelope."""
    return UpdateError(
        "The list of new versions cannot be read",
        f"The server answered with something else. {_STAYS}",
        "A log-in page of the network may be in the way. Try again later.",
        detail[:500],
    )


def not_signed(names: tuple[str, ...]) -> UpdateError:
    """Nobody who is trusted has signed what came."""
    return UpdateError(
        "The list of new versions is not from Corral's makers",
        f"Its signature is missing or wrong, so nothing in it was used. {_STAYS}",
        f"Something on the way may have changed it. If it stays so: {_BY_HAND[0].lower()}"
        f"{_BY_HAND[1:]}",
        f"signed by: {', '.join(names) or 'nobody'}",
    )


def not_understood(detail: str) -> UpdateError:
    """Rightly signed, but of another form."""
    return UpdateError(
        "The list of new versions is of a form that this version does not know",
        f"It is rightly signed, so there is likely a much newer Corral. {_STAYS}",
        _BY_HAND,
        detail[:500],
    )


def expired(end: datetime, now: datetime) -> UpdateError:
    """Too old to be believed."""
    return UpdateError(
        "The list of new versions is out of date",
        f"It was good until {end:%Y-%m-%d}, and by this computer's clock it is {now:%Y-%m-%d}. "
        f"Nothing in it was used. {_STAYS}",
        "If that date is wrong, set the clock of this computer. Else try again later.",
    )


def replayed(serial: int, seen: int) -> UpdateError:
    """A list that was replaced before."""
    return UpdateError(
        "The list of new versions is older than one seen before",
        f"It has the number {serial}, and number {seen} came already. Somebody may be hiding a "
        f"newer version, so nothing in it was used. {_STAYS}",
        "Try again later, from another network if it stays so.",
    )


def unsafe_address(address: str) -> UpdateError:
    """Not https."""
    return UpdateError(
        "The address of the new version cannot be used",
        f"“{address[:200]}” is no https address, so it was not asked. {_STAYS}",
        _BY_HAND,
    )


def damaged_package(name: str) -> DownloadError:
    """What came is not what was signed for."""
    return DownloadError(
        "The new version did not arrive as its makers signed it",
        f"“{name.removesuffix(ON_THE_WAY)}” did not match the checksum in the signed list, also "
        f"when it was fetched again. It has been deleted and was not run. {_STAYS}",
        "Something on the way changes the data. Try again later, from another network if it stays "
        "so.",
    )


def changed_package(name: str) -> UpdateError:
    """The file on the disk is not the one that was fetched."""
    return UpdateError(
        "The package of the new version has changed on the disk",
        f"“{name}” is not as it was when it was checked, or it is gone. It was not run. {_STAYS}",
        "Download it again.",
    )


def no_package(version: str) -> UpdateError:
    """There is none for this computer."""
    return UpdateError(
        f"Corral {version} has no package for this computer",
        f"It is there for other systems or forms only. {_STAYS}",
        _BY_HAND,
    )


def helper_failed(how: str, detail: str) -> DownloadError:
    """The transfer child cannot be started, or died."""
    return DownloadError(
        "The download helper failed",
        f"The process that downloads {how}. What was fetched is kept.",
        "Try again. If it happens again, report it with the log.",
        detail,
    )


def another_runs(pid: int | None) -> UpdateError:
    """A second program of the same data, which would break if it were replaced under its feet.

    `pid` is None where only its lock is seen.
    """
    which = (
        "a chat in a terminal or another command"
        if pid is None
        else f"process {pid}, such as “corral serve”"
    )
    return UpdateError(
        "Another Corral is running",
        f"It is {which}, and would break if it were replaced now.",
        "End it, then try again.",
    )


def not_put_back(made: float, why: str, version: str = "") -> UpdateError:
    """A copy of the data was to be put back when Corral ended.

    `made`: when it was made, Unix seconds. `version` was to be installed with it.
    """
    neither = f" Corral {version} was not installed either." if version else ""
    again = "Go back" if version else "Put it back"
    broke_off = "It broke off before it was done, so a part of it may be there already."
    return UpdateError(
        f"The copy of your data of {datetime.fromtimestamp(made):%Y-%m-%d %H:%M} was not put back",
        f"{why or broke_off}{neither}",
        f"Nothing is lost: the copies are in Settings, Updates. {again} again there.",
    )


def not_installed(version: str, why: str, detail: str, replaced: float = 0.0) -> UpdateError:
    """It was to be installed when Corral ended, and the old version is still there.

    `why` is "" where the installer was started. `replaced`: when the data was copied that an older
    state had replaced for it, Unix seconds.
    """
    again = "Install it again, or open the package by hand."
    moment = f"{datetime.fromtimestamp(replaced):%Y-%m-%d %H:%M}"
    data = (
        "Your data was put back for it already, so newer chats are not in view. They are in the "
        f"copy of {moment} in Settings, Updates; put it back there."
    )
    return UpdateError(
        f"Corral {version} was not installed",
        why
        or "Its installer was started when Corral ended last, and has not replaced this version.",
        f"{again} {data}" if replaced else again,
        detail,
    )


# The way there


def too_slow(host: str, seconds: float) -> HubError:
    """No answer, or no whole answer, in time."""
    return HubError(
        "The update server does not answer",
        f"{host} sent no complete answer within {seconds:.0f} seconds.",
        "Check the connection and try again.",
        kind="slow",
    )


def odd_answer(host: str, detail: str) -> HubError:
    """Not what HTTP says for what was asked."""
    return HubError(
        "The update server's answer cannot be read",
        f"{host} answered with something else than was asked for.",
        "A log-in page of the network may be in the way. Try again later.",
        detail[:500],
        kind="garbage",
    )


def other_size(host: str, listed: int, found: int) -> DownloadError:
    """The package is not as long as the signed list says."""
    return DownloadError(
        "The new version is not the one that its makers signed",
        f"The signed list says {listed:,} bytes; {host} has {found:,}. {_STAYS}",
        "Look for new versions again.",
    )


def refused_status(host: str, status: int, headers: Mapping[str, str]) -> HubError:
    """A status that is no success."""
    if status == PROXY_AUTHENTICATION:
        return proxy_wants_password(host)
    whose = " The fault is on its side." if status >= 500 else ""
    return HubError(
        "The update server refused the request",
        f"{host} answered with status {status}.{whose}",
        "Try again later.",
        wait=hub_errors.retry_after(headers),
    )


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
        return connection_problem(error, url, way, "update server")
    if isinstance(error, httpx2.DecodingError | httpx2.TooManyRedirects | httpx2.InvalidURL):
        return odd_answer(host, str(error))
    return HubError(
        "The connection to the update server broke off",
        f"{host} closed the connection before the answer was complete.",
        "Check the connection and try again.",
        f"{type(error).__name__}: {error}",
    )
