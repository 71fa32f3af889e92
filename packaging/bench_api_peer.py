"""llama.cpp's own server with its HTTP, by the xllamacpp wheel, for `bench_api.py`.

    python packaging/bench_api_peer.py MODEL PORT THREADS SLOTS CONTEXT

Prints where it listens and runs until its standard input ends.
"""

import sys

import xllamacpp

from backends.host import lower_priority


def main() -> None:
    lower_priority()
    model, port, threads, slots, context = sys.argv[1], *map(int, sys.argv[2:6])
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.hostnames, params.port = ["127.0.0.1"], port
    params.n_ctx, params.n_parallel, params.kv_unified = context, slots, True
    params.n_batch = params.n_ubatch = 512
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.n_gpu_layers = 0
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
