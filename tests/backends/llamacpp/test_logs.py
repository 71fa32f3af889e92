"""The engine's log and what it explains."""

import pytest

from backends.errors import (
    BadLoadSetting,
    ModelFileMissing,
    ModelFileTruncated,
    ModelLoadError,
    NotAModelFile,
    OutOfMemory,
    UnknownArchitecture,
)
from backends.llamacpp.logs import EngineLog, explain_load_failure

DEBUG, INFO, WARN, ERROR, CONTINUE = 1, 2, 3, 4, 5


def test_pieces_become_lines() -> None:
    log = EngineLog()
    log.feed(INFO, b"load: ")
    log.feed(CONTINUE, b"..")
    log.feed(CONTINUE, b"..\n")
    log.feed(WARN, b"no line feed")
    log.feed(ERROR, b"two\nlines\n")
    log.feed(DEBUG, b"noise\n")
    log.feed(CONTINUE, b"more noise\n")
    assert log.tail() == ("load: ....", "no line feed", "two", "lines")
    assert log.problems() == ("no line feed", "two", "lines")


def test_only_the_last_lines_are_kept() -> None:
    log = EngineLog(keep=3)
    for number in range(10):
        log.feed(INFO, f"{number}\n".encode())
    assert log.tail() == ("7", "8", "9")
    assert log.tail(1) == ("9",)
    log.clear()
    assert log.tail() == ()


def test_bytes_that_are_no_text_are_survived() -> None:
    log = EngineLog()
    log.feed(ERROR, b"\xff\xfe\n")
    log.feed(ERROR, None)
    assert len(log.tail()) == 1


# Lines of llama.cpp 0c1e57098, seen with broken files and settings.
@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("gguf_init_from_reader: invalid magic characters: 'hell', expected 'GGUF'", NotAModelFile),
        ("gguf_init_from_reader: failed to read magic", ModelFileTruncated),
        ("gguf_init_from_reader: failed to read header", ModelFileTruncated),
        ("read: string length 20 exceeds remaining file size 2 bytes", ModelFileTruncated),
        (
            "llama_model_load: error loading model: tensor 'blk.16.ffn_down.weight' data is not "
            "within the file bounds, model is corrupted or incomplete",
            ModelFileTruncated,
        ),
        (
            "llama_model_load: error loading model: unknown model architecture: 'xyz'",
            UnknownArchitecture,
        ),
        ("error loading model vocabulary: unknown pre-tokenizer type: 'x'", UnknownArchitecture),
        (
            "this GGUF file is version 99 but this software only supports up to version 3",
            UnknownArchitecture,
        ),
        ("read: string length 17214436811902163250 exceeds maximum 1073741824", NotAModelFile),
        ("done_getting_tensors: wrong number of tensors; expected 272, got 263", NotAModelFile),
        ("check_tensor_dims: tensor 'blk.30.attn_norm.weight' not found", NotAModelFile),
        ("key not found in model: llama.embedding_length", NotAModelFile),
        ("error loading model hyperparameters: invalid n_rot: 64, expected 82", NotAModelFile),
        ("failed to open GGUF file '/x' (No such file or directory)", ModelFileMissing),
        ("llama_init_from_model: failed to initialize the context: std::bad_alloc", OutOfMemory),
        (
            "ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of size 99",
            OutOfMemory,
        ),
        ("quantized V cache requires flash_attn to be enabled", BadLoadSetting),
        ("something never seen before", ModelLoadError),
    ],
)
def test_a_failed_load_is_explained(line: str, error: type[ModelLoadError]) -> None:
    log = EngineLog()
    log.feed(INFO, b"llama_model_loader: fine so far\n")
    log.feed(ERROR, line.encode() + b"\n")
    log.feed(ERROR, b"llama_model_load_from_file_impl: failed to load model\n")
    explained = explain_load_failure(log)
    assert type(explained) is error
    assert line in explained.detail
    assert "{" not in explained.message
