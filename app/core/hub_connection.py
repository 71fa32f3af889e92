"""The HTTP client for other computers: through which proxy, trusting whom, counted by whom.

The window's hub client and the transfer child make theirs here alike.
"""

import os
from typing import TYPE_CHECKING

from app.core import hub_errors
from backends.contacts import Meter, Tell
from backends.route import Route, client_options

if TYPE_CHECKING:
    import httpx2

TIMEOUT = 10.0
"""Seconds for connecting and for each read."""


def new_client(
    timeout: float = TIMEOUT,
    route: Route = Route(),  # noqa: B008 - frozen
    tell: Tell | None = None,
    purpose: str = "",
    why: str = "",
) -> "httpx2.Client":
    """An HTTP client with the hub library's hook (offline mode, request ids) and time-outs.

    The library's own client waits for ever. `tell` hears of every connection, by default for this
    `purpose`.

    Raises:
        HubError: the proxy, or the certificates to trust, cannot be used; says which and why.
    """
    # Read when the library is imported: it would report its use once a day.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    import httpx2
    from huggingface_hub.utils._http import hf_request_event_hook

    from backends.routed_client import RoutedClient

    def hook(request: httpx2.Request) -> None:
        hf_request_event_hook(request)

    meter = Meter(tell, purpose, why) if tell is not None else None
    try:
        return RoutedClient(
            event_hooks={
                "request": [hook, *([meter.asked] if meter else [])],
                "response": [meter.answered] if meter else [],
            },
            follow_redirects=True,
            timeout=httpx2.Timeout(timeout),
            **client_options(route),
        )
    except OSError as error:
        if route.ca_file and error.filename == route.ca_file:
            raise hub_errors.bad_ca_file(route.ca_file, error) from error
        raise hub_errors.bad_certificates(error, os.environ) from error
    except (ImportError, ValueError, httpx2.InvalidURL) as error:
        raise hub_errors.bad_proxy(error, os.environ) from error
