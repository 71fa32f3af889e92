"""Every sampler shows its effect on a real row of logits."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from backends.constraints.guided import ConstraintCompiler
from backends.constraints.token_constraint import Logits
from backends.errors import BadRequest, EngineFailure
from backends.llamacpp.candidates import logits_row
from backends.llamacpp.constraints import guided_tokenizer
from backends.llamacpp.library import native
from backends.llamacpp.sampling import SamplerChain
from backends.types import RegularExpression, SamplingParams
from tests.backends.llamacpp.small import Desk

pytestmark = pytest.mark.engine

DRAWS = 120
NEUTRAL: dict[str, Any] = {
    "temperature": 1,
    "top_k": 0,
    "top_p": 1,
    "min_p": 0,
    "repeat_penalty": 1,
}
"""Nothing but a draw."""


@pytest.fixture(scope="module")
def desk(smollm2: Path) -> Iterator[Desk]:
    desk = Desk(smollm2)
    yield desk
    desk.close()


@pytest.fixture(scope="module")
def row(desk: Desk) -> Logits:
    """What the model thinks may follow: something with several good candidates."""
    prompt = desk.vocabulary.tokenize("My favourite colour is", special=False)
    index = desk.read(prompt, anew=True)
    return logits_row(desk.context.handle, index, desk.vocabulary.size).copy()


@pytest.fixture(scope="module")
def ranking(row: Logits) -> list[int]:
    """Tokens from the likeliest on."""
    return [int(token) for token in np.argsort(-row)]


@pytest.fixture(scope="module")
def probabilities(row: Logits) -> NDArray[np.float64]:
    exponentials = np.exp(row.astype(np.float64) - row.max())
    return np.asarray(exponentials / exponentials.sum())


class Sampling:
    """Chains over the desk's vocabulary, closed at the end of the test."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.chains: list[SamplerChain] = []

    def chain(self, *, seed: int = 7, prompt: Sequence[int] = (), **params: Any) -> SamplerChain:
        chain = SamplerChain(
            SamplingParams(**{**NEUTRAL, **params}),
            self._desk.vocabulary,
            seed=seed,
            context_length=1024,
            prompt=prompt,
        )
        self.chains.append(chain)
        return chain

    def draws(self, row: Logits, count: int = DRAWS, **params: Any) -> list[int]:
        chain = self.chain(**params)
        return [chain.choose(row) for _ in range(count)]


@pytest.fixture
def sampling(desk: Desk) -> Iterator[Sampling]:
    sampling = Sampling(desk)
    yield sampling
    for chain in sampling.chains:
        chain.close()


def test_the_order_is_that_of_llama_cpp(sampling: Sampling) -> None:
    chain = sampling.chain(
        logit_bias=((5, 1.0),),
        repeat_penalty=1.1,
        dry_multiplier=0.8,
        top_n_sigma=1.0,
        top_k=40,
        typical_p=0.9,
        top_p=0.9,
        min_p=0.1,
        xtc_probability=0.5,
        temperature=0.8,
        dynamic_temperature=0.5,
    )
    assert chain.names == (
        *("logit-bias", "penalties", "dry", "top-n-sigma", "top-k", "typical", "top-p", "min-p"),
        *("xtc", "temp-ext", "dist"),
    )


def test_what_is_off_is_not_there(sampling: Sampling) -> None:
    assert sampling.chain(temperature=0.8).names == ("temp-ext", "dist")
    assert sampling.chain(temperature=0).names == ("greedy",)
    assert sampling.chain(temperature=0.8, mirostat=1, top_k=40).names == ("temp", "mirostat")
    assert sampling.chain(temperature=0.8, mirostat=2, repeat_penalty=1.3).names == (
        "temp",
        "mirostat-v2",
    )
    assert sampling.chain(mirostat=2, temperature=0).names == ("greedy",)
    assert "penalties" not in sampling.chain(repeat_penalty=1.3, repeat_window=0).names
    assert "dry" not in sampling.chain(dry_multiplier=1, dry_window=0).names


def test_a_draw_without_more_takes_tokens_as_often_as_they_are_likely(
    sampling: Sampling, row: Logits, ranking: list[int], probabilities: NDArray[np.float64]
) -> None:
    drawn = sampling.draws(row, 600)
    best = ranking[0]
    assert drawn.count(best) / 600 == pytest.approx(probabilities[best], abs=0.06)
    assert len(set(drawn)) > 20


def test_the_same_seed_draws_the_same(sampling: Sampling, row: Logits) -> None:
    first = sampling.draws(row, seed=1)
    assert sampling.draws(row, seed=1) == first
    assert sampling.draws(row, seed=2) != first


def test_temperature_zero_takes_the_likeliest(
    sampling: Sampling, row: Logits, ranking: list[int]
) -> None:
    assert set(sampling.draws(row, temperature=0, xtc_probability=1.0)) == {ranking[0]}


def test_a_higher_temperature_draws_more_widely(sampling: Sampling, row: Logits) -> None:
    cold, warm = (len(set(sampling.draws(row, temperature=t))) for t in (0.3, 1.5))
    assert cold * 3 < warm


def test_dynamic_temperature_is_low_where_the_model_is_sure(
    sampling: Sampling, row: Logits
) -> None:
    steady = sampling.draws(row, temperature=1)
    moving = sampling.draws(
        row, temperature=1, dynamic_temperature=0.95, dynamic_temperature_exponent=10
    )
    assert len(set(moving)) * 3 < len(set(steady))


def test_top_k_keeps_the_k_likeliest(sampling: Sampling, row: Logits, ranking: list[int]) -> None:
    assert set(sampling.draws(row, top_k=3)) == set(ranking[:3])


def test_top_p_keeps_the_smallest_set_that_is_likely_enough(
    sampling: Sampling, row: Logits, ranking: list[int], probabilities: NDArray[np.float64]
) -> None:
    reached = np.cumsum(probabilities[ranking])
    nucleus = ranking[: int(np.searchsorted(reached, 0.4)) + 1]
    assert 1 < len(nucleus) < 20
    drawn = set(sampling.draws(row, top_p=0.4))
    assert drawn <= set(nucleus)
    assert nucleus[0] in drawn


def test_min_p_drops_what_is_much_less_likely_than_the_best(
    sampling: Sampling, row: Logits, probabilities: NDArray[np.float64]
) -> None:
    kept = set(np.flatnonzero(probabilities >= 0.2 * probabilities.max()).tolist())
    assert len(kept) > 1
    assert set(sampling.draws(row, 300, min_p=0.2)) == kept


def test_typical_keeps_tokens_of_about_average_surprise(
    sampling: Sampling, row: Logits, probabilities: NDArray[np.float64]
) -> None:
    surprise = -np.log(probabilities + 1e-300)
    entropy = float((probabilities * surprise).sum())
    order = np.argsort(np.abs(surprise - entropy))
    count = int(np.searchsorted(np.cumsum(probabilities[order]), 0.3)) + 1
    assert set(sampling.draws(row, typical_p=0.3)) <= set(order[: count + 1].tolist())


def test_top_n_sigma_keeps_logits_near_the_largest(sampling: Sampling, row: Logits) -> None:
    near = set(np.flatnonzero(row >= row.max() - 0.5 * row.std()).tolist())
    assert len(near) > 1
    drawn = set(sampling.draws(row, top_n_sigma=0.5))
    assert drawn <= near
    assert len(drawn) > 1


def test_xtc_leaves_out_the_likeliest(
    sampling: Sampling, row: Logits, ranking: list[int], probabilities: NDArray[np.float64]
) -> None:
    above = [token for token in ranking if probabilities[token] >= 0.03]
    assert len(above) > 1
    drawn = set(sampling.draws(row, xtc_probability=1.0, xtc_threshold=0.03))
    assert drawn & set(above) == {above[-1]}
    assert ranking[0] in sampling.draws(row, xtc_probability=0.0, xtc_threshold=0.03)


@pytest.mark.parametrize("version", [1, 2])
def test_mirostat_aims_at_the_surprise_that_is_asked_for(
    version: int, sampling: Sampling, row: Logits, probabilities: NDArray[np.float64]
) -> None:
    def surprise(tau: float) -> float:
        drawn = sampling.draws(row, 120, mirostat=version, mirostat_tau=tau, mirostat_eta=0.3)
        return float(np.mean(-np.log2(probabilities[drawn[40:]])))

    assert surprise(0.5) + 1 < surprise(6.0)


@pytest.mark.parametrize(
    "penalty", [{"repeat_penalty": 3.0}, {"presence_penalty": 2.0}, {"frequency_penalty": 2.0}]
)
def test_penalties_make_used_tokens_less_likely_as_long_as_they_are_in_the_window(
    penalty: dict[str, Any], sampling: Sampling, row: Logits, ranking: list[int]
) -> None:
    best, second, other = ranking[0], ranking[1], ranking[-1]
    close = row.copy()
    close[best], close[second] = row.max() + 10, row.max() + 9
    chain = sampling.chain(temperature=0, repeat_window=2, **penalty)
    assert chain.choose(close) == best
    assert chain.choose(close) == second
    for _ in range(2):
        chain.accept(other)
    assert chain.choose(close) == best


def test_frequency_counts_and_presence_does_not(
    sampling: Sampling, row: Logits, ranking: list[int]
) -> None:
    best, second = ranking[:2]
    apart = row.copy()
    apart[best], apart[second] = row.max() + 10, row.max() + 7
    for penalty, chosen in (("frequency_penalty", second), ("presence_penalty", best)):
        penalties: dict[str, Any] = {penalty: 2.0}
        chain = sampling.chain(temperature=0, **penalties)
        for _ in range(2):
            chain.accept(best)
        assert chain.choose(apart) == chosen


def test_dry_penalizes_the_token_that_would_repeat_a_sequence(
    sampling: Sampling, row: Logits, ranking: list[int]
) -> None:
    best, one, two, three = ranking[0], *ranking[1000:1003]
    before = [one, two, three, best, one, two, three]
    settings: tuple[tuple[dict[str, Any], int], ...] = (
        ({}, best),
        ({"dry_multiplier": 5.0}, ranking[1]),
        ({"dry_multiplier": 5.0, "dry_allowed_length": 4}, best),
        ({"dry_multiplier": 5.0, "dry_window": 4}, best),
    )
    for params, chosen in settings:
        answered = sampling.chain(temperature=0, **params)
        for token in before:
            answered.accept(token)
        assert answered.choose(row) == chosen, params
        assert sampling.chain(temperature=0, prompt=before, **params).choose(row) == chosen


def test_a_breaker_ends_a_sequence_for_dry(
    desk: Desk, sampling: Sampling, row: Logits, ranking: list[int]
) -> None:
    (newline,) = desk.vocabulary.tokenize("\n", special=False)
    best, one, two = ranking[0], *ranking[1000:1002]
    before = [one, two, newline, best, one, two, newline]
    for breakers, chosen in (((), ranking[1]), (("\n",), best)):
        chain = sampling.chain(
            temperature=0, dry_multiplier=5.0, dry_breakers=breakers, prompt=before
        )
        assert chain.choose(row) == chosen


def test_logit_bias_prefers_and_forbids(
    sampling: Sampling, row: Logits, ranking: list[int], desk: Desk
) -> None:
    best, second, last = ranking[0], ranking[1], ranking[-1]
    assert sampling.draws(row, 1, temperature=0, logit_bias=((best, -100),)) == [second]
    assert sampling.draws(row, 1, temperature=0, logit_bias=((last, 100),)) == [last]
    beyond = ((desk.vocabulary.size, 100.0), (2**31 - 1, 100.0))
    assert sampling.draws(row, 1, temperature=0, logit_bias=beyond) == [best]
    only = row.copy()
    only[:] = -200
    only[best] = 200
    assert sampling.draws(only, 1, logit_bias=((best, -100),)) != [best]


def test_ignore_eos_never_ends(sampling: Sampling, row: Logits, desk: Desk) -> None:
    ending = row.copy()
    ending[list(desk.vocabulary.eog_tokens)] = row.max() + 50
    assert set(sampling.draws(ending)) <= set(desk.vocabulary.eog_tokens)
    drawn = sampling.draws(ending, ignore_eos=True)
    assert not set(drawn) & set(desk.vocabulary.eog_tokens)


def test_the_real_model_goes_on_when_it_may_not_end(sampling: Sampling, desk: Desk) -> None:
    prompt = desk.ask("Say OK.")
    assert desk.answer(prompt, sampling.chain(temperature=0))[1]
    _, ended = desk.answer(prompt, sampling.chain(temperature=0, ignore_eos=True), limit=120)
    assert not ended


@pytest.mark.parametrize(
    ("function", "params", "name"),
    [
        ("chain_init", {}, "chain"),
        ("init_logit_bias", {"ignore_eos": True}, "logit bias"),
        ("init_penalties", {"repeat_penalty": 1.1}, "penalties"),
        ("init_dry", {"dry_multiplier": 1.0}, "DRY"),
        ("init_greedy", {"temperature": 0}, "greedy"),
        ("init_top_n_sigma", {"top_n_sigma": 1.0}, "top-n-sigma"),
        ("init_top_k", {"top_k": 1}, "top-k"),
        ("init_typical", {"typical_p": 0.5}, "typical"),
        ("init_top_p", {"top_p": 0.5}, "top-p"),
        ("init_min_p", {"min_p": 0.5}, "min-p"),
        ("init_xtc", {"xtc_probability": 1.0}, "XTC"),
        ("init_temp_ext", {}, "temperature"),
        ("init_dist", {}, "draw"),
        ("init_temp", {"mirostat": 1}, "temperature"),
        ("init_mirostat", {"mirostat": 1}, "Mirostat"),
        ("init_mirostat_v2", {"mirostat": 2}, "Mirostat"),
    ],
)
def test_a_sampler_that_is_null_is_a_typed_error(
    function: str,
    params: dict[str, Any],
    name: str,
    sampling: Sampling,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(native, f"llama_sampler_{function}", lambda *arguments: None)
    with pytest.raises(EngineFailure, match=f"“{name}”"):
        sampling.chain(**params)


def test_an_output_that_is_not_there_is_a_typed_error(sampling: Sampling, desk: Desk) -> None:
    desk.read([1, 2, 3], anew=True)
    with pytest.raises(EngineFailure, match="no output number 0"):
        sampling.chain().sample(desk.context.handle, 0)


def test_an_output_that_is_no_number_is_a_typed_error(sampling: Sampling, row: Logits) -> None:
    with pytest.raises(EngineFailure, match="not a number"):
        sampling.chain(temperature=0).choose(np.full_like(row, np.nan))


@pytest.fixture(scope="module")
def compiler(desk: Desk) -> ConstraintCompiler:
    return ConstraintCompiler(lambda: guided_tokenizer(desk.vocabulary))


class TestConstraint:
    def test_a_refused_choice_is_made_again_among_the_allowed(
        self, compiler: ConstraintCompiler, sampling: Sampling, row: Logits, desk: Desk
    ) -> None:
        state = compiler.compile(RegularExpression("[0-9]{3}"))
        before = row.copy()
        chain = sampling.chain(top_k=40, top_p=0.9)
        text = b""
        while not state.finished:
            text += desk.vocabulary.piece(chain.choose(row, state))
        assert len(text) == 3
        assert text.isdigit()
        assert (row == before).all()

    def test_no_mask_is_computed_where_the_free_choice_fits(
        self,
        compiler: ConstraintCompiler,
        sampling: Sampling,
        row: Logits,
        ranking: list[int],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        state = compiler.compile(RegularExpression(r"(?s:.*)"))
        monkeypatch.setattr(state, "mask", None)
        assert sampling.chain(temperature=0).choose(row, state) == ranking[0]

    def test_settings_that_forbid_all_that_is_allowed_are_a_typed_error(
        self, compiler: ConstraintCompiler, sampling: Sampling, row: Logits, desk: Desk
    ) -> None:
        state = compiler.compile(RegularExpression("x"))
        bias = tuple((token, -100.0) for token in desk.vocabulary.tokenize("x", special=False))
        for temperature in (0, 1):
            chain = sampling.chain(temperature=temperature, logit_bias=bias)
            with pytest.raises(BadRequest, match="sampling settings forbid"):
                chain.choose(row, state)
