"""The table of failures: every row has an example, and leads to words and remedies."""

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from app.core.engine_errors import death, failure_of_death, failure_of_refusal, refusal
from app.core.errors import RemedyKind
from app.core.failure_table import FAILURES, WINDOWS_STATUS, Blame, Failure
from backends import errors


@dataclass(frozen=True)
class End:
    """How a child ended: exit status, last words, and whether the program ended it."""

    status: int = -int(signal.SIGABRT)
    words: tuple[str, ...] = ()
    blame: Blame | None = None


KILLED = -9  # signal.SIGKILL, which Windows does not have
BUS = -7

EXAMPLES: Mapping[str, tuple[End | errors.BackendError, ...]] = {
    "no_sign_of_life": (End(KILLED, blame="no sign"),),
    "not_cancelled": (End(KILLED, blame="not cancelled"),),
    "garbled": (End(KILLED, blame="garbled"),),
    "gpu_out_of_memory": (
        End(
            words=(
                "ggml_backend_cuda_buffer_type_alloc_buffer: allocating 8192.00 MiB on device 0: "
                "cudaMalloc failed: out of memory",
                "llama_model_load: error loading model: unable to allocate CUDA0 buffer",
            )
        ),
        End(words=("CUDA error: out of memory",)),
        End(
            words=(
                "ggml_vulkan: Device memory allocation of size 1073741824 failed.",
                "ggml_vulkan: vk::Device::allocateMemory: ErrorOutOfDeviceMemory",
            )
        ),
        End(
            words=(
                "error: Insufficient Memory (00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory)",
            )
        ),
        End(1, ("failed to allocate ROCm0 buffer of size 4294967296",)),
    ),
    "gpu_driver_too_old": (
        End(1, ("CUDA error: CUDA driver version is insufficient for CUDA runtime version",)),
        End(words=("CUDA error: no kernel image is available for execution on the device",)),
    ),
    "gpu_lost": (
        End(
            words=(
                "terminate called after throwing an instance of 'vk::DeviceLostError'",
                "  what():  vk::Queue::submit: ErrorDeviceLost",
            )
        ),
        End(words=("CUDA error: unspecified launch failure",)),
        End(words=("ROCm error: an illegal memory access was encountered",)),
    ),
    "disk_full": (End(1, ("OSError: [Errno 28] No space left on device",)),),
    "file_unreadable": (
        End(words=("llama_model_load: error loading model: read error: Input/output error",)),
    ),
    "library_missing": (End(0xC0000135), End(0xC0000142), End(0xC000007B), End(0xC0000139)),
    "library_not_loaded": (
        End(1, ("OSError: libggml-cuda.so: cannot open shared object file: No such file",)),
        End(1, ("ImportError: DLL load failed while importing _core",)),
        End(1, ("/lib/libc.so.6: version `GLIBC_2.38' not found (required by libllama.so)",)),
    ),
    "out_of_memory": (
        End(words=("terminate called after throwing an instance of 'std::bad_alloc'",)),
        End(1, ("MemoryError",)),
        End(
            words=(
                "ggml_aligned_malloc: insufficient memory (attempted to allocate 900 MB)",
                "alloc_tensor_range: failed to allocate CPU buffer of size 943718400",
            )
        ),
        End(-int(signal.SIGSEGV), ("mmap failed: Cannot allocate memory",)),
    ),
    "killed_for_memory": (End(KILLED), End(0xC0000017), End(0xC000012D), End(0xC000009A)),
    "wrong_processor": (End(-int(signal.SIGILL)), End(0xC000001D)),
    "file_gone": (End(0xC0000006), End(BUS)) if os.name == "posix" else (End(0xC0000006),),
    "abort": (
        End(words=("ggml.c:99: GGML_ASSERT(n > 0) failed",)),
        End(0xC0000409),
        End(0xC0000374),
        End(0x80000003),
    ),
    "segmentation_fault": (End(-int(signal.SIGSEGV)), End(0xC0000005), End(0xC00000FD)),
    "arithmetic": (End(-int(signal.SIGFPE)), End(0xC0000094)),
    "terminated": (End(-int(signal.SIGTERM)), End(0xC000013A), End(0x40010004)),
    "other_signal": (End(-200),),
    "exited": (End(0), End(7, ("all is well",)), End(1, ("ImportError: no module named x",))),
    "file_missing": (errors.ModelFileMissing("The model file is not there any more: /m.gguf"),),
    "not_a_model": (errors.NotAModelFile("The file is not a GGUF model."),),
    "truncated": (errors.ModelFileTruncated("The file ends before the data it announces."),),
    "unknown_architecture": (errors.UnknownArchitecture("No code for “zeta”."),),
    "gpu_memory_refused": (
        errors.OutOfMemory("The model did not fit into memory.", "unable to allocate CUDA0 buffer"),
    ),
    "memory_refused": (
        errors.OutOfMemory("The model did not fit into memory.", "failed to allocate CPU buffer"),
    ),
    "bad_setting": (errors.BadLoadSetting("A quantized KV cache needs flash attention."),),
    "load_failed": (errors.ModelLoadError("llama.cpp could not load the model."),),
    "template": (errors.TemplateError("The chat template raised."),),
    "prompt_too_long": (errors.PromptTooLong("Nine tokens of eight."),),
    "bad_constraint": (errors.BadConstraint("The JSON schema cannot be used."),),
    "bad_request": (errors.BadRequest("No model is loaded."),),
    "server_unreachable": (errors.ServerUnreachable("Nobody listens there."),),
    "access_refused": (errors.AccessRefused("The key is wrong."),),
    "not_served": (errors.ModelNotServed("It has no such model."),),
    "server_busy": (errors.ServerBusy("It has too many requests."),),
    "server_failed": (errors.ServerProblem("It answered with status 500."),),
    "engine_error": (errors.EngineFailure("It failed."), errors.BackendError("It failed.")),
}


def test_every_row_has_an_example_and_a_name_of_its_own() -> None:
    names = [row.name for row in FAILURES]
    assert len(set(names)) == len(names)
    assert set(EXAMPLES) == set(names)
    assert all(EXAMPLES.values())


@pytest.mark.parametrize("row", FAILURES, ids=lambda row: row.name)
def test_each_example_is_explained_by_its_row(row: Failure) -> None:
    for example in EXAMPLES[row.name]:
        if isinstance(example, End):
            assert failure_of_death(example.status, example.words, example.blame) is row
            shown = death(example.status, example.words, example.blame)
            assert shown.message.endswith("Other models and all chats are safe.")
            assert "{" not in shown.message
        else:
            assert failure_of_refusal(example) is row
            told = refusal(example)
            assert told.message.rstrip(".") == example.message.rstrip(".")
            assert told.remedies == row.remedies
            continue
        assert (shown.title, shown.hint, shown.remedies) == (row.title, row.hint, row.remedies)


@pytest.mark.parametrize("row", FAILURES, ids=lambda row: row.name)
def test_the_words_of_each_row_can_be_shown(row: Failure) -> None:
    assert row.title
    assert not row.title.endswith(".")
    assert row.hint.endswith(".")
    assert row.why.endswith(".") or row.error is not None
    assert len(set(row.remedies)) == len(row.remedies)


@pytest.mark.parametrize("status", WINDOWS_STATUS)
def test_every_windows_status_is_explained(status: int) -> None:
    assert failure_of_death(status, ()).name not in ("exited", "other_signal")
    assert failure_of_death(status - 2**32, ()) is failure_of_death(status, ())


def test_what_was_said_long_before_the_end_is_not_its_reason() -> None:
    words = ("CUDA error: out of memory", *["all is well"] * 60)
    assert failure_of_death(-int(signal.SIGSEGV), words).name == "segmentation_fault"


def test_lack_of_memory_is_known_by_its_remedies() -> None:
    assert death(KILLED, ()).for_memory
    assert not death(-int(signal.SIGILL), ()).for_memory
    assert RemedyKind.FEWER_LAYERS in death(1, ("CUDA error: out of memory",)).remedies
