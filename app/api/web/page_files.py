"""The files of the page: read once, sent with the headers that keep other scripts out of it."""

import asyncio
import gzip
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from app.api.errors import ApiError
from app.api.operations import Operation
from app.api.web.made_files import colours_css, icons_js
from app.core.paths import resource

_SCRIPT = "text/javascript; charset=utf-8"
_STYLE = "text/css; charset=utf-8"
_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "font-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "worker-src": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "form-action": "'none'",
    # No text becomes HTML or a script, not even by a mistake of the page's own.
    "require-trusted-types-for": "'script'",
    "trusted-types": "corral",
}
PAGE_HEADERS = {
    "content-security-policy": "; ".join(f"{name} {value}" for name, value in _POLICY.items()),
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "cache-control": "no-cache",  # kept, but asked for each time whether it is still the same
    "vary": "accept, accept-encoding",
}


def _shipped(name: str) -> Callable[[], bytes]:
    return partial(_read, name)


def _read(name: str) -> bytes:
    return resource(name).read_bytes()


_MODULES = (
    "address",
    "app",
    "chat_list",
    "composer",
    "dom",
    "drafts",
    "empty_chat",
    "errors",
    "highlighting",
    "language",
    "login",
    "markdown",
    "server",
    "settings",
    "strings",
    "theme",
    "transcript",
)
_PICTURES = ("icon-192", "icon-512", "icon-maskable-512")
_FONTS = ("Inter-Regular", "Inter-Medium", "Inter-SemiBold", "JetBrainsMono-Regular")

FILES: Mapping[str, tuple[str, Callable[[], bytes]]] = {
    "colours.css": (_STYLE, colours_css),
    "page.css": (_STYLE, _shipped("web/page.css")),
    "messages.css": (_STYLE, _shipped("web/messages.css")),
    "icons.js": (_SCRIPT, icons_js),
    "app-icon.svg": ("image/svg+xml", _shipped("brand/app-icon.svg")),
    **{f"{name}.png": ("image/png", _shipped(f"web/{name}.png")) for name in _PICTURES},
    "manifest.webmanifest": ("application/manifest+json", _shipped("web/manifest.webmanifest")),
    "service_worker.js": (_SCRIPT, _shipped("web/service_worker.js")),
    "markdown-it.js": (_SCRIPT, _shipped("web/vendor/markdown-it.js")),
    "highlight.js": (_SCRIPT, _shipped("web/vendor/highlight.js")),
    **{f"{name}.js": (_SCRIPT, _shipped(f"web/{name}.js")) for name in _MODULES},
    **{f"{name}.ttf": ("font/ttf", _shipped(f"fonts/{name}.ttf")) for name in _FONTS},
}
"""What is to be had below `/web/`: kind and content. Nothing else of the disk is."""


@dataclass(frozen=True)
class _File:
    """A file as it is sent."""

    kind: str
    plain: bytes
    packed: bytes
    """By gzip."""
    tag: str
    """Changes with the content."""


class PageFiles:
    """Sends them. Each is read from the disk once."""

    def __init__(self) -> None:
        self._known: dict[str, _File] = {}

    def operations(self) -> Sequence[Operation]:
        """What is asked where."""
        return (
            Operation(
                "GET",
                "/",
                self.page,
                None,
                "The page for browsers.",
                documented=False,
                accept="text/html",
            ),
            Operation("GET", "/web/{name}", self.file, None, "Part of the page.", documented=False),
        )

    async def page(self, request: Request) -> Response:
        """The page."""
        return await self._send(request, "", "text/html; charset=utf-8", _shipped("web/index.html"))

    async def file(self, request: Request) -> Response:
        """A file that the page consists of."""
        name = request.path_params["name"]
        if name not in FILES:
            raise ApiError("not_found", "The page has no such part.")
        return await self._send(request, name, *FILES[name])

    async def _send(
        self, request: Request, name: str, kind: str, read: Callable[[], bytes]
    ) -> Response:
        file = self._known.get(name)
        if file is None:
            file = self._known[name] = await asyncio.to_thread(_packed, kind, read)
        headers = {**PAGE_HEADERS, "etag": file.tag}
        if name == "service_worker.js":
            headers["service-worker-allowed"] = "/"
        if file.tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        body = file.plain
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"], body = "gzip", file.packed
        return Response(body, headers=headers, media_type=kind)


def _packed(kind: str, read: Callable[[], bytes]) -> _File:
    plain = read()
    tag = f'"{hashlib.sha256(plain).hexdigest()[:32]}"'
    return _File(kind, plain, gzip.compress(plain, 6, mtime=0), tag)
