"""What every engine must do, written once.

A test class for an engine derives from `BackendContract` and gives the fixtures `backend` (an
engine with nothing loaded, cleaned up by the fixture), `model`, `garbage`, `truncated` and
`long_text` (a message whose processing takes a second or so). It may override `loaded` to share
one loaded engine among the tests.
"""

import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from backends.base import Backend
from backends.errors import (
    BadRequest,
    LoadCancelled,
    ModelFileMissing,
    ModelFileTruncated,
    NotAModelFile,
    PromptTooLong,
)
from backends.types import (
    ChatMessage,
    Delta,
    Finish,
    GenerationEvent,
    GenerationRequest,
    LoadConfig,
    ModelInfo,
    Progress,
    SamplingParams,
)
from tests.timing import PATIENCE

QUESTION = ChatMessage("user", "What is the capital of France?")


def request(
    *messages: ChatMessage,
    sampling: SamplingParams | None = None,
    continue_last: bool = False,
    id: str = "r",
) -> GenerationRequest:
    sampling = sampling or SamplingParams(temperature=0, max_tokens=40)
    return GenerationRequest(id, messages or (QUESTION,), sampling, continue_last)


def text_of(events: Iterable[GenerationEvent], kind: str = "text") -> str:
    return "".join(e.text for e in events if isinstance(e, Delta) and e.kind == kind)


def finish_of(events: Iterable[GenerationEvent]) -> Finish:
    last = list(events)[-1]
    assert isinstance(last, Finish)
    return last


class BackendContract:
    config = LoadConfig(context_length=1024)

    def load(self, backend: Backend, model: Path) -> ModelInfo:
        return backend.load(str(model), self.config, lambda fraction: True)

    @pytest.fixture
    def loaded(self, backend: Backend, model: Path) -> Backend:
        self.load(backend, model)
        return backend

    # Loading

    def test_loading_tells_its_progress_and_the_model(self, backend: Backend, model: Path) -> None:
        fractions: list[float] = []

        def note(fraction: float) -> bool:
            fractions.append(fraction)
            return True

        info = backend.load(str(model), self.config, note)
        assert fractions == sorted(fractions)
        assert fractions[-1] == pytest.approx(1)
        assert info.context_length == 1024
        assert info.architecture

    def test_a_load_can_be_cancelled_and_repeated(self, backend: Backend, model: Path) -> None:
        with pytest.raises(LoadCancelled):
            backend.load(str(model), self.config, lambda fraction: False)
        assert self.load(backend, model).context_length == 1024

    def test_a_missing_file_is_named_so(self, backend: Backend, model: Path) -> None:
        with pytest.raises(ModelFileMissing):
            self.load(backend, model.with_name("gone" + model.suffix))

    def test_a_foreign_file_is_named_so(self, backend: Backend, garbage: Path) -> None:
        with pytest.raises(NotAModelFile):
            self.load(backend, garbage)

    def test_a_truncated_file_is_named_so_and_the_engine_goes_on(
        self, backend: Backend, truncated: Path, model: Path
    ) -> None:
        with pytest.raises(ModelFileTruncated):
            self.load(backend, truncated)
        self.load(backend, model)
        assert finish_of(backend.generate(request())).usage.completion_tokens > 0

    def test_without_a_model_nothing_is_answered(self, backend: Backend) -> None:
        with pytest.raises(BadRequest):
            list(backend.generate(request()))

    def test_after_unloading_another_model_can_be_loaded(
        self, backend: Backend, model: Path
    ) -> None:
        self.load(backend, model)
        backend.unload()
        with pytest.raises(BadRequest):
            list(backend.generate(request()))
        self.load(backend, model)
        assert text_of(backend.generate(request()))

    # Answers

    def test_an_answer_is_progress_then_deltas_then_one_finish(self, loaded: Backend) -> None:
        kinds = [type(event) for event in loaded.generate(request())]
        assert kinds[0] is Progress
        assert kinds[-1] is Finish
        assert kinds.count(Finish) == 1
        first_delta = kinds.index(Delta)
        assert Progress not in kinds[first_delta:]
        assert set(kinds[first_delta:-1]) == {Delta}

    def test_progress_reaches_the_whole_prompt(self, loaded: Backend) -> None:
        steps = [event for event in loaded.generate(request()) if isinstance(event, Progress)]
        assert [step.processed for step in steps] == sorted(step.processed for step in steps)
        assert steps[-1].processed == steps[-1].total == loaded.count_tokens([QUESTION])

    def test_usage_counts_what_was_used(self, loaded: Backend) -> None:
        events = list(loaded.generate(request()))
        usage = finish_of(events).usage
        assert usage.prompt_tokens == loaded.count_tokens([QUESTION])
        assert usage.completion_tokens > 1
        assert sum(event.tokens for event in events if isinstance(event, Delta)) <= (
            usage.completion_tokens
        )
        assert usage.time_to_first_token is not None
        assert usage.time_to_first_token > 0
        assert usage.tokens_per_second is not None
        assert usage.tokens_per_second > 0

    def test_the_token_limit_ends_an_answer(self, loaded: Backend) -> None:
        limit = SamplingParams(temperature=0, max_tokens=3)
        finish = finish_of(loaded.generate(request(sampling=limit)))
        assert finish.reason == "length"
        assert finish.usage.completion_tokens == 3

    def test_temperature_0_is_deterministic(self, loaded: Backend) -> None:
        first, second = (text_of(loaded.generate(request())) for _ in range(2))
        assert first
        assert first == second

    def test_a_seed_makes_an_answer_repeatable(self, loaded: Backend) -> None:
        seeded = SamplingParams(temperature=1.5, seed=7, max_tokens=20)
        first, second = (text_of(loaded.generate(request(sampling=seeded))) for _ in range(2))
        assert first
        assert first == second

    def test_a_stop_string_ends_the_text_before_it(self, loaded: Backend) -> None:
        whole = text_of(loaded.generate(request()))
        stop = whole[4:9]
        stopping = SamplingParams(temperature=0, max_tokens=40, stop=(stop, "never to be seen"))
        events = list(loaded.generate(request(sampling=stopping)))
        assert finish_of(events).reason == "stop_string"
        assert text_of(events) == whole[: whole.index(stop)]

    def test_an_earlier_turn_is_not_processed_again(self, loaded: Backend) -> None:
        answer = text_of(loaded.generate(request()))
        turns = (QUESTION, ChatMessage("assistant", answer), ChatMessage("user", "And of Italy?"))
        usage = finish_of(loaded.generate(request(*turns))).usage
        assert 0 < usage.cached_tokens < usage.prompt_tokens

    def test_two_answers_run_side_by_side(self, loaded: Backend) -> None:
        other = ChatMessage("user", "Name three colours.")
        answers = {
            "first": loaded.generate(request(id="first")),
            "second": loaded.generate(request(other, id="second")),
        }
        heard: dict[str, list[GenerationEvent]] = {name: [] for name in answers}
        order: list[str] = []
        while answers:
            for name in tuple(answers):
                event = next(answers[name], None)
                if event is None:
                    del answers[name]
                elif isinstance(event, Delta) and event.text:
                    order.append(name)
                if event is not None:
                    heard[name].append(event)
        assert all(text_of(events) for events in heard.values())
        assert all(finish_of(events).usage.completion_tokens for events in heard.values())
        # Neither had to wait for the other's end. A slow machine may hand on all of one in a piece,
        # which tells nothing.
        last_of_first = len(order) - 1 - order[::-1].index("first")
        assert order.count("first") == 1 or order.index("second") < last_of_first

    # Requests that cannot be answered

    def test_a_prompt_longer_than_the_context_is_refused(
        self, loaded: Backend, long_text: str
    ) -> None:
        with pytest.raises(PromptTooLong):
            list(loaded.generate(request(ChatMessage("user", long_text * 20))))
        assert text_of(loaded.generate(request()))

    def test_no_message_is_refused(self, loaded: Backend) -> None:
        with pytest.raises(BadRequest):
            list(loaded.generate(GenerationRequest("r", ())))

    def test_only_an_answer_can_be_continued(self, loaded: Backend) -> None:
        with pytest.raises(BadRequest):
            list(loaded.generate(request(QUESTION, continue_last=True)))

    # Cancelling

    def test_cancelling_an_answer_ends_it_and_the_engine_goes_on(self, loaded: Backend) -> None:
        endless = SamplingParams(temperature=0, repeat_penalty=1)
        events: list[GenerationEvent] = []
        for event in loaded.generate(request(sampling=endless)):
            events.append(event)
            if isinstance(event, Delta):
                loaded.cancel("r")
        assert finish_of(events).reason == "cancelled"
        assert text_of(events)
        assert finish_of(loaded.generate(request(id="next"))).reason != "cancelled"

    def test_cancelling_a_prompt_ends_it_and_the_engine_goes_on(
        self, loaded: Backend, long_text: str
    ) -> None:
        before = text_of(loaded.generate(request()))
        events: list[GenerationEvent] = []
        for event in loaded.generate(request(ChatMessage("user", long_text))):
            events.append(event)
            if isinstance(event, Progress):
                loaded.cancel("r")
        step = [event for event in events if isinstance(event, Progress)][-1]
        assert step.processed < step.total
        finish = finish_of(events)
        assert finish.reason == "cancelled"
        assert finish.usage.completion_tokens == 0
        assert not text_of(events)
        assert text_of(loaded.generate(request(id="next"))) == before

    def test_cancel_may_come_from_another_thread(self, loaded: Backend, long_text: str) -> None:
        started = threading.Event()

        def cancel() -> None:
            started.wait(PATIENCE)
            loaded.cancel("r")

        canceller = threading.Thread(target=cancel)
        canceller.start()
        events = []
        for event in loaded.generate(request(ChatMessage("user", long_text))):
            events.append(event)
            started.set()
        canceller.join()
        assert finish_of(events).reason == "cancelled"

    def test_cancelling_nothing_is_ignored(self, loaded: Backend) -> None:
        loaded.cancel("nobody")
        assert finish_of(loaded.generate(request())).reason != "cancelled"

    def test_an_abandoned_answer_leaves_the_engine_usable(self, loaded: Backend) -> None:
        events = loaded.generate(request())
        next(events)
        close: Callable[[], None] | None = getattr(events, "close", None)
        assert close is not None
        close()
        assert text_of(loaded.generate(request(id="next")))

    # State

    def test_stats_tell_memory_and_cache(self, loaded: Backend) -> None:
        list(loaded.generate(request()))
        stats = loaded.stats()
        assert stats.resident_bytes > 1_000_000
        assert stats.cached_tokens >= loaded.count_tokens([QUESTION])
