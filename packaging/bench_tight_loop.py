"""The yardstick for decode speed: decode and greedy sampling in the tightest loop there is.

    python packaging/bench_tight_loop.py MODEL THREADS PROMPT_TOKENS NEW_TOKENS

Prints the decoded tokens per second. No template, no text, no pipe: what the library can do. Runs
at the priority of an engine child, or a busy computer would give the two unequal shares.
"""

import ctypes
import sys
import time

from llama_cpp import llama_cpp as llama

from backends.host import lower_priority


def decode_speed(path: str, threads: int, prompt_tokens: int, new_tokens: int) -> float:
    llama.llama_backend_init()
    model_params = llama.llama_model_default_params()
    model_params.n_gpu_layers = 0
    model = llama.llama_model_load_from_file(path.encode(), model_params)
    vocab = llama.llama_model_get_vocab(model)
    context_params = llama.llama_context_default_params()
    context_params.n_ctx = 2048
    context_params.n_batch = context_params.n_ubatch = 512
    context_params.n_threads = context_params.n_threads_batch = threads
    context = llama.llama_init_from_model(model, context_params)
    chain = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
    llama.llama_sampler_chain_add(chain, llama.llama_sampler_init_greedy())

    size = llama.llama_vocab_n_tokens(vocab)
    prompt = (llama.llama_token * prompt_tokens)(
        *((i * 97 + 1000) % size for i in range(prompt_tokens))
    )
    assert llama.llama_decode(context, llama.llama_batch_get_one(prompt, prompt_tokens)) == 0
    token = (llama.llama_token * 1)(llama.llama_sampler_sample(chain, context, -1))
    start = time.perf_counter()
    for _ in range(new_tokens):
        if llama.llama_decode(context, llama.llama_batch_get_one(token, 1)) != 0:
            raise RuntimeError("decode failed")
        token[0] = llama.llama_sampler_sample(chain, context, -1)
    return new_tokens / (time.perf_counter() - start)


QUIET = llama.llama_log_callback(lambda level, text, data: None)
"""Kept here: the library calls it for as long as it runs."""

if __name__ == "__main__":
    lower_priority()
    llama.llama_log_set(QUIET, ctypes.c_void_p(0))
    path, threads, prompt, new = sys.argv[1], *map(int, sys.argv[2:5])
    print(decode_speed(path, threads, prompt, new))
