"""Corral's own dialect: `/corral/v1/…`, for its commands and its page in the browser."""

from app.api.corral.program import ProgramOperations
from app.api.openai.errors import error_response
from app.api.operations import Dialect
from app.api.work import Work


def corral_dialect(work: Work) -> Dialect:
    """Its operations over `work`. Errors look like OpenAI's."""
    return Dialect(
        "corral", tuple(ProgramOperations(work).operations()), error_response, ("/corral/",)
    )
