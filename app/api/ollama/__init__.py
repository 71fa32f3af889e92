"""Ollama's dialect: `/api/…`."""

from app.api.ollama.answering import Answering
from app.api.ollama.blobs import Blobs
from app.api.ollama.chat import Chat
from app.api.ollama.create import Manage
from app.api.ollama.embed import Embed
from app.api.ollama.errors import error_response
from app.api.ollama.generate import Generate
from app.api.ollama.loading import Loading
from app.api.ollama.models import OllamaLists
from app.api.ollama.pull import Pull
from app.api.ollama.show import Show
from app.api.operations import Dialect
from app.api.work import Work


def ollama_dialect(work: Work) -> Dialect:
    """Its operations over `work`."""
    loading, blobs = Loading(work), Blobs(work)
    answering = Answering(work, loading)
    parts = (
        OllamaLists(work),
        Show(work, loading),
        Chat(work, loading, answering),
        Generate(work, loading, answering),
        Embed(work, loading),
        Pull(work),
        Manage(work, loading, blobs),
        blobs,
    )
    operations = tuple(operation for part in parts for operation in part.operations())
    return Dialect("ollama", operations, error_response, ("/api/",))
