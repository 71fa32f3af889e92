"""The whole server as an ASGI application: the guard around all dialects."""

from dataclasses import dataclass

from starlette.types import Receive, Scope, Send

from app.api.anthropic import anthropic_dialect
from app.api.corral import corral_dialect
from app.api.guard import Guard
from app.api.lmstudio import lmstudio_dialects
from app.api.ollama import ollama_dialect
from app.api.openai import openai_dialect
from app.api.openapi import with_documentation
from app.api.table import OperationTable
from app.api.work import Work
from app.core.access_tokens import AccessToken, sha256_of
from app.core.local_server import ServerParts


@dataclass(frozen=True)
class Application:
    """What uvicorn runs."""

    guard: Guard
    table: OperationTable
    work: Work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self.guard(scope, receive, send)


def build_application(parts: ServerParts, own_secret: str) -> Application:
    """The application; `own_secret` is what this computer's own commands show."""
    work = Work(parts)
    # Where paths overlap the first one wins; the first one also says what is not found.
    dialects = [
        corral_dialect(work),
        openai_dialect(work),
        anthropic_dialect(work),
        ollama_dialect(work),
        *lmstudio_dialects(work),
    ]
    table = OperationTable(with_documentation(dialects), parts.log)
    own = AccessToken("own", "this computer’s own commands", ("admin",), sha256_of(own_secret), 0.0)
    return Application(Guard(table, parts, table, own), table, work)
