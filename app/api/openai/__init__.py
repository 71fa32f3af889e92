"""OpenAI's dialect: `/v1/…`."""

from app.api.openai.chat import ChatCompletions
from app.api.openai.completions import Completions
from app.api.openai.embeddings import EmbeddingOperations
from app.api.openai.errors import error_response
from app.api.openai.kept import KeptResponse
from app.api.openai.kept_responses import KeptResponses
from app.api.openai.models import Models
from app.api.openai.responses import Responses
from app.api.operations import Dialect
from app.api.response_store import ResponseStore
from app.api.work import Work


def openai_dialect(work: Work) -> Dialect:
    """Its operations over `work`."""
    store = ResponseStore(work.parts.paths.server_dir / "responses.db", KeptResponse)
    operations = (
        *Models(work).operations(),
        *ChatCompletions(work).operations(),
        *Completions(work).operations(),
        *EmbeddingOperations(work).operations(),
        *Responses(work, store).operations(),
        *KeptResponses(store).operations(),
    )
    return Dialect("openai", operations, error_response, ("/v1/",))
