"""Sampling values for tests of what keeps and shows them."""

from backends.types import SamplingParams

EVERYTHING = SamplingParams(
    temperature=0.75,
    top_p=0.9,
    top_k=50,
    min_p=0.025,
    repeat_penalty=1.2,
    repeat_window=128,
    presence_penalty=0.5,
    frequency_penalty=-0.25,
    typical_p=0.95,
    top_n_sigma=1.5,
    xtc_probability=0.4,
    xtc_threshold=0.15,
    dry_multiplier=0.8,
    dry_base=2.0,
    dry_allowed_length=3,
    dry_window=1024,
    dry_breakers=("\n", "###"),
    mirostat=1,
    mirostat_tau=6.5,
    mirostat_eta=0.2,
    dynamic_temperature=0.3,
    dynamic_temperature_exponent=1.5,
    logit_bias=((7, -100.0), (9, 2.5)),
    ignore_eos=True,
    logprobs=3,
    max_tokens=99,
    seed=7,
    stop=("a", "b"),
)
"""Every value is at another than its default."""
