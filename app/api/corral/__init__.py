"""Corral's own dialect: `/corral/v1/…`, for its commands and its page in the browser."""

from app.api.corral.models import ModelOperations
from app.api.corral.program import ProgramOperations
from app.api.openai.errors import error_response
from app.api.operations import Dialect
from app.api.work import Work


def corral_dialect(work: Work) -> Dialect:
    """Its operations over `work`. Errors of the way there look like OpenAI's."""
    operations = (*ProgramOperations(work).operations(), *ModelOperations(work).operations())
    return Dialect("corral", operations, error_response, ("/corral/",))
