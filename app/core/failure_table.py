"""Every way in which an engine is known to fail: how it is told, what it means, what helps.

`DEATHS` is searched from the top and the first row that fits wins, so that what the engine said
comes before what the system said of its end. Each row has an example in the tests.
"""

from typing import Literal

from msgspec import Struct

from app.core.errors import RemedyKind
from backends import errors

Blame = Literal["no sign", "not cancelled", "garbled"]
"""Why the program itself ended a child."""


class Failure(Struct, frozen=True):
    """One row: a cause in words for a person."""

    name: str
    title: str
    why: str
    """One sentence; "" where the engine's own message is shown instead."""
    hint: str
    remedies: tuple[RemedyKind, ...] = (RemedyKind.RELOAD, RemedyKind.REPORT)
    """The best first."""
    ends: frozenset[str] = frozenset()
    """Names of signals; empty fits every end."""
    words: str = ""
    """Regular expression for the engine's last lines; empty fits all."""
    blame: Blame | None = None
    error: type[errors.BackendError] | None = None
    """What the engine itself reported."""


_RELOAD = "Load the model again."
_SMALLER = (
    "Load it again with a smaller context length or fewer GPU layers, choose a smaller variant, "
    "or close other programs."
)
_ON_PROCESSOR = "Load it again with fewer GPU layers or on the processor alone."
_OTHER_FILE = (
    "Load the model again. If it stops again, the file may be damaged or too new for this engine: "
    "download it again or choose another variant."
)
_REINSTALL = "Install Corral again. If that does not help, report it."

_FOR_MEMORY = (
    RemedyKind.SMALLER_CONTEXT,
    RemedyKind.SMALLER_KV_TYPE,
    RemedyKind.OTHER_MODEL,
)
_FOR_GPU_MEMORY = (
    RemedyKind.FEWER_LAYERS,
    RemedyKind.SMALLER_CONTEXT,
    RemedyKind.SMALLER_KV_TYPE,
    RemedyKind.OTHER_MODEL,
)
_FOR_CRASH = (
    RemedyKind.RELOAD,
    RemedyKind.USUAL_SETTINGS,
    RemedyKind.OTHER_MODEL,
    RemedyKind.REPORT,
)

_CARDS = r"cuda|hip|rocm|vulkan|vk::|sycl|metal|ggml_vk"

BLAMES = (
    Failure(
        "no_sign_of_life",
        "The engine did not start",
        "It gave no sign of life in time and was ended.",
        "Try again when this computer is less busy.",
        blame="no sign",
    ),
    Failure(
        "not_cancelled",
        "The engine stopped answering",
        "It did not let go of its work when asked to and was ended.",
        _RELOAD,
        blame="not cancelled",
    ),
    Failure(
        "garbled",
        "The engine sent something that cannot be understood",
        "It was ended to be safe.",
        _RELOAD,
        blame="garbled",
    ),
)

DEATHS = (
    Failure(
        "gpu_out_of_memory",
        "The graphics card ran out of memory",
        "The part of the model that was to lie there did not fit.",
        _ON_PROCESSOR,
        _FOR_GPU_MEMORY,
        words=rf"cudaMalloc failed|hipMalloc failed|ErrorOutOfDeviceMemory"
        rf"|kIOGPUCommandBufferCallbackErrorOutOfMemory"
        rf"|({_CARDS}).{{0,80}}out of memory"
        rf"|(failed|unable) to allocate.{{0,40}}({_CARDS})\w* buffer",
    ),
    Failure(
        "gpu_driver_too_old",
        "The graphics driver does not suit the engine",
        "The driver is older than the engine needs, or made for another card.",
        "Update the graphics driver, or load the model on the processor alone.",
        (RemedyKind.NO_GPU, RemedyKind.REPORT),
        words=r"driver version is insufficient|no kernel image is available"
        r"|unsupported toolchain|ErrorIncompatibleDriver",
    ),
    Failure(
        "gpu_lost",
        "The graphics card stopped working",
        "The driver lost it while it computed: it was reset, unplugged, or the computer slept.",
        "Load the model again. If it happens often, use fewer GPU layers or update the driver.",
        (RemedyKind.RELOAD, RemedyKind.FEWER_LAYERS, RemedyKind.NO_GPU, RemedyKind.REPORT),
        words=r"Error(Device|Surface)Lost|device (was |is )?lost|fallen off the bus"
        r"|(CUDA|HIP|ROCm) error.{0,80}(launch (failure|timed out)|illegal (memory )?access"
        r"|unknown error|no longer|uncorrectable)|CallbackError(Hang|Timeout|PageFault)",
    ),
    Failure(
        "disk_full",
        "The disk is full",
        "The engine could not write what it has to keep.",
        "Make room on the disk, then load the model again.",
        (RemedyKind.RELOAD,),
        words=r"no space left on device|disk quota exceeded|not enough space on the disk",
    ),
    Failure(
        "file_unreadable",
        "The model file cannot be read",
        "The drive that it is on failed or was unplugged.",
        "Check that the drive is connected, then load the model again.",
        (RemedyKind.RELOAD, RemedyKind.OTHER_MODEL),
        words=r"input/output error|stale file handle|device not configured|read error:",
    ),
    Failure(
        "library_missing",
        "A part of the engine is missing",
        "It needs a library that is not on this computer or does not suit it.",
        _REINSTALL,
        (RemedyKind.REPORT,),
        ends=frozenset({"DLL"}),
    ),
    Failure(
        "library_not_loaded",
        "A part of the engine is missing",
        "It needs a library that is not on this computer or does not suit it.",
        _REINSTALL,
        (RemedyKind.REPORT,),
        words=r"cannot open shared object|DLL load failed|undefined symbol"
        r"|Library not loaded|version `\S+' not found",
    ),
    Failure(
        "out_of_memory",
        "The engine ran out of memory",
        "This computer gave it no more.",
        _SMALLER,
        _FOR_MEMORY,
        words=r"bad_alloc|\bMemoryError|(failed|unable) to (allocate|create).{0,60}(buffer|memory)"
        r"|cannot allocate memory|not enough memory|out of memory|mmap failed",
    ),
    Failure(
        "killed_for_memory",
        "The engine was ended by the system",
        "Most likely this computer ran out of memory.",
        _SMALLER,
        _FOR_MEMORY,
        ends=frozenset({"SIGKILL"}),
    ),
    Failure(
        "wrong_processor",
        "The engine does not suit this processor",
        "It used an instruction that this processor does not have.",
        "Load the model again: the engine then uses its most cautious code. If that does not help, "
        "install the build of Corral that is made for this computer.",
        (RemedyKind.RELOAD, RemedyKind.REPORT),
        ends=frozenset({"SIGILL"}),
    ),
    Failure(
        "file_gone",
        "The engine crashed",
        "Part of the model file could no longer be read, or memory ran out.",
        "Check that the drive with the model is connected, then load the model again.",
        (RemedyKind.RELOAD, *_FOR_MEMORY),
        ends=frozenset({"SIGBUS"}),
    ),
    Failure(
        "abort",
        "The engine stopped itself",
        "A check inside it failed.",
        _OTHER_FILE,
        _FOR_CRASH,
        ends=frozenset({"SIGABRT", "SIGTRAP"}),
    ),
    Failure(
        "segmentation_fault",
        "The engine crashed",
        "It used memory that is not its own.",
        _OTHER_FILE,
        _FOR_CRASH,
        ends=frozenset({"SIGSEGV"}),
    ),
    Failure(
        "arithmetic",
        "The engine crashed",
        "It met an impossible calculation.",
        _OTHER_FILE,
        _FOR_CRASH,
        ends=frozenset({"SIGFPE"}),
    ),
    Failure(
        "terminated",
        "The engine was ended",
        "Another program or the system ended it.",
        _RELOAD,
        (RemedyKind.RELOAD,),
        ends=frozenset({"SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"}),
    ),
    Failure(
        "other_signal",
        "The engine was ended",
        "It received {end}.",
        _RELOAD,
        ends=frozenset({"other"}),
    ),
    Failure(
        "exited",
        "The engine ended by itself",
        "Its exit code was {status}.",
        _RELOAD,
    ),
)

REFUSALS = (
    Failure(
        "file_missing",
        "The model file cannot be found",
        "",
        "Connect the drive it is on, or download the model again.",
        (RemedyKind.RELOAD, RemedyKind.OTHER_MODEL),
        error=errors.ModelFileMissing,
    ),
    Failure(
        "not_a_model",
        "This file is not a model",
        "",
        "Choose a GGUF file, or download the model again.",
        (RemedyKind.OTHER_MODEL,),
        error=errors.NotAModelFile,
    ),
    Failure(
        "truncated",
        "The model file is incomplete",
        "",
        "Download the model again.",
        (RemedyKind.OTHER_MODEL,),
        error=errors.ModelFileTruncated,
    ),
    Failure(
        "unknown_architecture",
        "This engine does not know this kind of model",
        "",
        "Choose another model, or update Corral: newer versions know more models.",
        (RemedyKind.OTHER_MODEL,),
        error=errors.UnknownArchitecture,
    ),
    Failure(
        "gpu_memory_refused",
        "The graphics card has not enough memory",
        "",
        _ON_PROCESSOR,
        _FOR_GPU_MEMORY,
        words=rf"({_CARDS})",
        error=errors.OutOfMemory,
    ),
    Failure(
        "memory_refused",
        "There is not enough memory",
        "",
        _SMALLER,
        _FOR_MEMORY,
        error=errors.OutOfMemory,
    ),
    Failure(
        "bad_setting",
        "A load setting is not possible",
        "",
        "Change the setting in the load settings, or reset them.",
        (RemedyKind.USUAL_SETTINGS,),
        error=errors.BadLoadSetting,
    ),
    Failure(
        "load_failed",
        "The model could not be loaded",
        "",
        _OTHER_FILE,
        _FOR_CRASH,
        error=errors.ModelLoadError,
    ),
    Failure(
        "template",
        "The model's chat template does not work",
        "",
        "Choose another variant of the model, or another model.",
        (RemedyKind.OTHER_MODEL, RemedyKind.REPORT),
        error=errors.TemplateError,
    ),
    Failure(
        "prompt_too_long",
        "The conversation is longer than the context",
        "",
        "Load the model with a larger context length, or start a new chat.",
        (),
        error=errors.PromptTooLong,
    ),
    Failure(
        "bad_constraint",
        "The answer cannot have the form that is asked for",
        "",
        "Change or clear it in Chat settings › Answers › Answer as JSON.",
        (),
        error=errors.BadConstraint,
    ),
    Failure(
        "bad_request",
        "The engine cannot answer this request",
        "",
        "Check what is set in the settings of this chat.",
        (),
        error=errors.BadRequest,
    ),
    Failure(
        "server_unreachable",
        "The server of this model cannot be reached",
        "",
        "Check that it runs and that its address in Settings is right, then try again.",
        (RemedyKind.RELOAD, RemedyKind.OTHER_MODEL),
        error=errors.ServerUnreachable,
    ),
    Failure(
        "access_refused",
        "The server of this model refuses access",
        "",
        "Give its key anew in Settings, under Remote models.",
        (RemedyKind.OTHER_MODEL,),
        error=errors.AccessRefused,
    ),
    Failure(
        "not_served",
        "The server does not offer this model",
        "",
        "Choose its models anew in Settings, under Remote models.",
        (RemedyKind.OTHER_MODEL,),
        error=errors.ModelNotServed,
    ),
    Failure(
        "server_busy",
        "The server of this model asks for a pause",
        "",
        "Try again later, or choose another model.",
        (RemedyKind.OTHER_MODEL,),
        error=errors.ServerBusy,
    ),
    Failure(
        "server_failed",
        "The server of this model failed",
        "",
        "The fault is on its side. Try again later, or choose another model.",
        (RemedyKind.RELOAD, RemedyKind.OTHER_MODEL),
        error=errors.ServerProblem,
    ),
    Failure(
        "engine_error",
        "The engine reports an error",
        "",
        _RELOAD,
        error=errors.BackendError,
    ),
)

FAILURES = (*BLAMES, *DEATHS, *REFUSALS)
"""Every row."""

WINDOWS_STATUS = {
    0xC0000005: "SIGSEGV",  # access violation
    0xC0000006: "SIGBUS",  # in-page error
    0xC0000008: "SIGABRT",  # invalid handle
    0xC0000017: "SIGKILL",  # no memory
    0xC000001D: "SIGILL",  # illegal instruction
    0xC0000025: "SIGABRT",  # exception that cannot be continued
    0xC000007B: "DLL",  # not a valid image
    0xC000008C: "SIGSEGV",  # array bounds exceeded
    0xC000008E: "SIGFPE",  # floating-point division by zero
    0xC0000094: "SIGFPE",  # integer division by zero
    0xC0000096: "SIGILL",  # privileged instruction
    0xC000009A: "SIGKILL",  # insufficient resources
    0xC00000FD: "SIGSEGV",  # stack overflow
    0xC000012D: "SIGKILL",  # commitment limit
    0xC0000135: "DLL",  # not found
    0xC0000139: "DLL",  # entry point not found
    0xC000013A: "SIGINT",  # Ctrl+C
    0xC0000142: "DLL",  # initialization failed
    0xC0000374: "SIGABRT",  # heap corruption
    0xC0000409: "SIGABRT",  # fast fail
    0xC0000420: "SIGABRT",  # assertion failure
    0xC0000602: "SIGABRT",  # fail-fast exception
    0x40010004: "SIGTERM",  # the debugger or the system ended it
    0x80000003: "SIGTRAP",  # breakpoint
}
"""NTSTATUS values and what they would be elsewhere (Microsoft, [MS-ERREF] 2.3)."""

WINDOWS_ABORT = 3
"""Exit status that abort() leaves behind."""
