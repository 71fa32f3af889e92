"""The page in the browser: its files, under names that stand in a table."""

from app.api.openai.errors import error_response
from app.api.operations import Dialect
from app.api.web.page_files import PageFiles


def web_dialect() -> Dialect:
    """The page and what it is made of. It tells nothing, so anybody may have it."""
    return Dialect("page", tuple(PageFiles().operations()), error_response, ("/web/",))
