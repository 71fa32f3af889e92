"""What tests of the engine in this very process have to clear away."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def files_of_the_bindings() -> Iterator[None]:
    """The bindings open two null files when they are imported and never close them."""
    from llama_cpp import _utils

    yield
    _utils.outnull_file.close()
    _utils.errnull_file.close()
