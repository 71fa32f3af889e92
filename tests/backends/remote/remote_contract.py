"""The contract of engines, as far as it is another one for remote models.

Where it speaks of files, a descriptor takes their place: it may be missing, be something else, or
end too early.
"""

from backends.base import Backend
from tests.backends.contract import QUESTION, BackendContract, request


class RemoteContract(BackendContract):
    def test_stats_tell_memory_and_cache(self, loaded: Backend) -> None:
        """The cache is on the server: none of it is here."""
        list(loaded.generate(request()))
        stats = loaded.stats()
        assert stats.resident_bytes > 1_000_000
        assert stats.cached_tokens == 0
        assert stats.running == 0
        assert loaded.count_tokens([QUESTION]) > 0
