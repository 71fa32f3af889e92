"""Anthropic's dialect: `/v1/messages`, and its form of `/v1/models`."""

from app.api.anthropic.errors import error_response
from app.api.anthropic.messages import Messages
from app.api.anthropic.models import AnthropicModels
from app.api.operations import Dialect
from app.api.work import Work


def anthropic_dialect(work: Work) -> Dialect:
    """Its operations over `work`."""
    operations = (*Messages(work).operations(), *AnthropicModels(work).operations())
    return Dialect(
        "anthropic",
        operations,
        error_response,
        ("/v1/messages", "/v1/"),
        marker="anthropic-version",
    )
