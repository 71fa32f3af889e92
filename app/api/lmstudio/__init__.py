"""LM Studio's dialect: `/api/v1/…`, and its first interface `/api/v0/…`."""

from app.api.lmstudio.chat import LmStudioChat
from app.api.lmstudio.downloads import LmStudioDownloads
from app.api.lmstudio.errors import error_response
from app.api.lmstudio.models import LmStudioLists
from app.api.lmstudio.v0 import FirstInterface
from app.api.openai.errors import error_response as openai_error_response
from app.api.operations import Dialect
from app.api.work import Work


def lmstudio_dialects(work: Work) -> tuple[Dialect, Dialect]:
    """Both interfaces over `work`; errors of the first one look like OpenAI's."""
    parts = (LmStudioLists(work), LmStudioDownloads(work), LmStudioChat(work))
    operations = tuple(operation for part in parts for operation in part.operations())
    return (
        Dialect("lmstudio", operations, error_response, ("/api/v1/",)),
        Dialect(
            "lmstudio",
            tuple(FirstInterface(work).operations()),
            openai_error_response,
            ("/api/v0/",),
        ),
    )
