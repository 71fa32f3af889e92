"""What engines are built for: the flags of each build and the libraries that must come out."""

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

HERE = Path(__file__).resolve().parent

System = Literal["linux", "windows", "macos"]
Accelerator = Literal["", "vulkan", "cuda", "metal"]

X86_VARIANTS = (
    *("x64", "sse42", "sandybridge", "ivybridge", "piledriver", "haswell", "skylakex"),
    *("cannonlake", "cascadelake", "icelake", "cooperlake", "zen4", "alderlake"),
    "sapphirerapids",
)
"""Code for the processor, the most cautious first; llama.cpp's own names (ggml/src/CMakeLists)."""
ARM_VARIANTS = ("armv8.0_1", "armv8.2_1", "armv8.2_2", "armv8.2_3", "armv8.6_1", "armv8.6_2")
"""Without those for SME, which takes gcc 14 and of which llama.cpp's own code makes no use."""
APPLE_VARIANTS = ("apple_m1", "apple_m2_m3", "apple_m4")
NOT_WITH_MSVC = ("ivybridge", "piledriver", "cooperlake", "zen4", "sapphirerapids")
"""Microsoft's compiler cannot build these."""

COMMON = (
    "-DCMAKE_BUILD_TYPE=Release",
    "-DBUILD_SHARED_LIBS=ON",
    # One module for each generation of processors; the best is chosen when the engine starts.
    "-DGGML_NATIVE=OFF",
    "-DGGML_BACKEND_DL=ON",
    "-DGGML_CPU_ALL_VARIANTS=ON",
    # The libraries alone: no programs, nothing that speaks to other computers.
    "-DLLAMA_BUILD_COMMON=OFF",
    "-DLLAMA_BUILD_TESTS=OFF",
    "-DLLAMA_BUILD_TOOLS=OFF",
    "-DLLAMA_BUILD_EXAMPLES=OFF",
    "-DLLAMA_BUILD_SERVER=OFF",
    "-DLLAMA_BUILD_APP=OFF",
    "-DLLAMA_BUILD_MTMD=ON",
    "-DLLAMA_OPENSSL=OFF",
    "-DLLAMA_BUILD_NUMBER=0",
    # A module finds the others, and libgomp, beside itself.
    "-DCMAKE_BUILD_WITH_INSTALL_RPATH=ON",
)
ACCELERATED: dict[Accelerator, tuple[str, ...]] = {
    "": (),
    "vulkan": ("-DGGML_VULKAN=ON",),
    # Real code for Turing to Blackwell, and code that later cards translate for themselves.
    "cuda": ("-DGGML_CUDA=ON", "-DCMAKE_CUDA_ARCHITECTURES=75-real;80-real;86-real;89-real;90"),
    "metal": ("-DGGML_METAL=ON", "-DGGML_METAL_EMBED_LIBRARY=ON"),
}
MINGW = (
    f"-DCMAKE_TOOLCHAIN_FILE={HERE / 'mingw.cmake'}",
    # MinGW's OpenMP takes a kernel semaphore for every barrier.
    "-DGGML_OPENMP=OFF",
    *(
        f"-DCMAKE_{kind}_LINKER_FLAGS=-static -s -Wl,--exclude-libs,ALL -Wl,--no-insert-timestamp"
        # Without --exclude-libs every library would export the compiler's unwinder.
        for kind in ("SHARED", "MODULE")
    ),
)
MSVC = (
    "-DGGML_OPENMP=OFF",
    # Nothing of the compiler's own has to be installed beside the program.
    "-DCMAKE_MSVC_RUNTIME_LIBRARY=MultiThreaded",
    *(f"-DCMAKE_{kind}_LINKER_FLAGS=/Brepro" for kind in ("SHARED", "MODULE")),  # no time stamps
)
UNALIGNED_MOVES = "-Wa,-muse-unaligned-vector-move"
"""gcc for Windows stores vectors as if the stack were aligned for them (GCC bug 54412): this lets
the assembler write instructions that do not rely on it."""


@dataclass(frozen=True)
class Target:
    """One engine that can be built."""

    name: str
    system: System
    machine: Literal["x86_64", "aarch64", "arm64"]
    variants: tuple[str, ...]
    accelerator: Accelerator = ""
    compiler: Literal["usual", "mingw", "msvc"] = "usual"

    @property
    def tools(self) -> str:
        """What the names of the compilers' tools begin with here: more than nothing where Linux on
        arm64 is built for on another machine."""
        crosses = self.system == "linux" and self.machine == "aarch64" != platform.machine()
        return "aarch64-linux-gnu-" if crosses else ""

    @property
    def flags(self) -> tuple[str, ...]:
        """CMake's, without those that depend on where the source lies."""
        own: tuple[str, ...]
        match self.system:
            case "linux":
                own = ("-DCMAKE_INSTALL_RPATH=$ORIGIN",)
                if self.tools:
                    own += (f"-DCMAKE_TOOLCHAIN_FILE={HERE / 'aarch64.cmake'}",)
            case "macos":
                own = (
                    "-DCMAKE_INSTALL_RPATH=@loader_path",
                    f"-DCMAKE_OSX_ARCHITECTURES={self.machine}",
                    "-DCMAKE_OSX_DEPLOYMENT_TARGET=12.0",
                    "-DGGML_OPENMP=OFF",  # Apple's compiler has none
                )
            case "windows":
                own = MINGW if self.compiler == "mingw" else MSVC
        return (*COMMON, *own, *ACCELERATED[self.accelerator])

    @property
    def compiler_flags(self) -> tuple[str, ...]:
        """For C and C++, besides the source's own."""
        return (UNALIGNED_MOVES,) if self.compiler == "mingw" else ()

    @property
    def libraries(self) -> tuple[str, ...]:
        """The files that are taken of all that was built."""
        own: tuple[str, ...]
        match self.system:
            case "linux":
                # The binding opens the first two; the others are asked for by these names.
                own = ("libllama.so", "libmtmd.so", "libggml.so.0", "libggml-base.so.0")
            case "macos":
                own = ("libllama.dylib", "libmtmd.dylib", "libggml.dylib", "libggml-base.dylib")
            case "windows":
                prefix = "lib" if self.compiler == "mingw" else ""
                own = (f"{prefix}llama.dll", f"{prefix}mtmd.dll", "ggml.dll", "ggml-base.dll")
        return (*own, *self.modules)

    @property
    def modules(self) -> tuple[str, ...]:
        """The libraries that llama.cpp opens while it runs."""
        kinds = [f"cpu-{variant}" for variant in self.variants]
        kinds += [self.accelerator] if self.accelerator else []
        form = "ggml-{}.dll" if self.system == "windows" else "libggml-{}.so"
        return tuple(form.format(kind) for kind in kinds)

    def engine_id(self, version: str) -> str:
        """Name of the engine, as a folder too."""
        return f"llama.cpp-{version}-{self.name}"


_MINGW_VARIANTS = tuple(each for each in X86_VARIANTS if each != "sapphirerapids")
_MSVC_VARIANTS = tuple(each for each in X86_VARIANTS if each not in NOT_WITH_MSVC)

TARGETS = {
    target.name: target
    for target in (
        Target("linux-x86_64", "linux", "x86_64", X86_VARIANTS),
        Target("linux-x86_64-vulkan", "linux", "x86_64", X86_VARIANTS, "vulkan"),
        Target("linux-x86_64-cuda", "linux", "x86_64", X86_VARIANTS, "cuda"),
        Target("linux-aarch64", "linux", "aarch64", ARM_VARIANTS),
        Target("windows-x86_64", "windows", "x86_64", _MINGW_VARIANTS, compiler="mingw"),
        Target("windows-x86_64-vulkan", "windows", "x86_64", _MSVC_VARIANTS, "vulkan", "msvc"),
        Target("windows-x86_64-cuda", "windows", "x86_64", _MSVC_VARIANTS, "cuda", "msvc"),
        Target("macos-arm64", "macos", "arm64", APPLE_VARIANTS, "metal"),
        Target("macos-x86_64", "macos", "x86_64", X86_VARIANTS, "metal"),
    )
}

LIBGOMP = "libgomp.so.1"
"""OpenMP of gcc, which not every system has; it lies beside the modules that need it."""
