"""`/metrics`: how much was done, for Prometheus, in its text format 0.0.4.

https://prometheus.io/docs/instrumenting/exposition_formats/ is all that is needed of it, so no
library is.
"""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator

from starlette.requests import Request
from starlette.responses import Response

from app.api.errors import ApiError
from app.api.openai.errors import error_response
from app.api.operations import Dialect, Operation
from app.api.work import Work
from app.core.request_log import RequestRecord

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str], ...]


def metrics_dialect(work: Work) -> Dialect:
    """The one operation."""
    return Dialect("metrics", (Metrics(work).operation(),), error_response)


class Metrics:
    """Adds up what the request log is told. Nothing in it tells what was asked, or by whom."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._requests: Counter[Labels] = Counter()
        self._seconds: Counter[Labels] = Counter()
        self._tokens: Counter[Labels] = Counter()
        work.parts.log.told.connect(self._note)

    def operation(self) -> Operation:
        """What is asked where."""
        return Operation(
            "GET", "/metrics", self.tell, "chat", "Figures for Prometheus.", documented=False
        )

    async def tell(self, _: Request) -> Response:
        """The figures; 404 where the settings do not want them."""
        if not self._work.parts.settings.current.server.metrics:
            raise ApiError("not_found", "Figures for Prometheus are off in the server settings.")
        return Response("\n".join([*self._lines(), ""]), media_type=CONTENT_TYPE)

    def _note(self, before: RequestRecord, record: RequestRecord) -> None:
        dialect = (("dialect", record.dialect or "none"),)
        with self._lock:
            if before.seconds is None and record.seconds is not None:
                self._requests[(*dialect, ("status", str(record.status)))] += 1
                # Counter holds ints by its type; seconds are kept in whole microseconds.
                self._seconds[dialect] += round(record.seconds * 1e6)
            prompt = record.prompt_tokens - before.prompt_tokens
            self._tokens[(*dialect, ("kind", "prompt"))] += prompt
            completion = record.completion_tokens - before.completion_tokens
            self._tokens[(*dialect, ("kind", "completion"))] += completion

    def _lines(self) -> Iterator[str]:
        with self._lock:
            requests, tokens = dict(self._requests), dict(self._tokens)
            seconds = {labels: value / 1e6 for labels, value in self._seconds.items()}
        lines = self._work.lines()
        loaded = [each for each in self._work.parts.runtime.loaded() if each.state == "ready"]
        yield from _family("requests_total", "counter", "Requests answered.", requests.items())
        text = "Seconds from arrival to the end of the answer, summed."
        yield from _family("request_seconds_total", "counter", text, seconds.items())
        text = "Tokens of prompts and of answers."
        yield from _family("tokens_total", "counter", text, tokens.items())
        running = [((("model", name),), line.running) for name, line in lines.items()]
        yield from _family("requests_running", "gauge", "Answers under way.", running)
        waiting = [((("model", name),), line.waiting) for name, line in lines.items()]
        yield from _family("requests_waiting", "gauge", "Requests in the line.", waiting)
        yield from _family("models_loaded", "gauge", "Models in memory.", [((), len(loaded))])


def _family(
    name: str, kind: str, text: str, samples: Iterable[tuple[Labels, float]]
) -> Iterator[str]:
    yield f"# HELP corral_{name} {text}"
    yield f"# TYPE corral_{name} {kind}"
    for labels, value in sorted(samples):
        inner = ",".join(f'{label}="{_escaped(value)}"' for label, value in labels)
        yield f"corral_{name}{{{inner}}} {value}" if inner else f"corral_{name} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
