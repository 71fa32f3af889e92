"""Corral's own dialect: `/corral/v1/…`, for its commands and its page in the browser."""

from app.api.corral.chats import ChatOperations
from app.api.corral.downloads import DownloadOperations
from app.api.corral.histories import Histories
from app.api.corral.models import ModelOperations
from app.api.corral.program import ProgramOperations
from app.api.openai.errors import error_response
from app.api.operations import Dialect
from app.api.work import Work


def corral_dialect(work: Work, histories: Histories) -> Dialect:
    """Its operations over `work`; chats are kept in `histories`. Errors look like OpenAI's."""
    operations = (
        *ProgramOperations(work).operations(),
        *ModelOperations(work).operations(),
        *DownloadOperations(work).operations(),
        *ChatOperations(work, histories).operations(),
    )
    return Dialect("corral", operations, error_response, ("/corral/",))
