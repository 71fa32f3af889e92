"""OpenAI's dialect: `/v1/…`."""

from app.api.openai.chat import ChatCompletions
from app.api.openai.completions import Completions
from app.api.openai.embeddings import EmbeddingOperations
from app.api.openai.errors import error_response
from app.api.openai.models import Models
from app.api.operations import Dialect
from app.api.work import Work


def openai_dialect(work: Work) -> Dialect:
    """Its operations over `work`."""
    operations = (
        *Models(work).operations(),
        *ChatCompletions(work).operations(),
        *Completions(work).operations(),
        *EmbeddingOperations(work).operations(),
    )
    return Dialect("openai", operations, error_response, ("/v1/",))
