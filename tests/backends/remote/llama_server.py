"""llama.cpp's own server with the starter model, on loopback, until standard input ends.

    python -m tests.backends.remote.llama_server MODEL CONTEXT SLOTS [embeddings]

Prints its address. The library is llama.cpp's server as it is, so what remote models are tested
against is what people run.
"""

import sys

import xllamacpp


def main() -> None:
    model, context, slots = sys.argv[1:4]
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.model_alias = ["smollm2"]
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.n_ctx, params.n_parallel, params.kv_unified = (
        int(context) * int(slots),
        int(slots),
        False,
    )
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.n_gpu_layers = 0
    params.warmup = params.ui = False
    params.use_jinja = True
    if "embeddings" in sys.argv[4:]:
        params.embedding = True
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
