"""From load settings to the parameters of llama.cpp."""

import ctypes
from typing import Any

from backends.errors import BadLoadSetting
from backends.llamacpp.library import library_function, native
from backends.llamacpp.threads import default_threads
from backends.types import KVType, LoadConfig

DEFAULT_CONTEXT = 8192

KV_TYPES: dict[KVType, int] = {
    "f32": native.GGML_TYPE_F32,
    "f16": native.GGML_TYPE_F16,
    "bf16": 30,  # ggml.h: GGML_TYPE_BF16, which the binding leaves out
    "q8_0": native.GGML_TYPE_Q8_0,
    "q5_1": native.GGML_TYPE_Q5_1,
    "q5_0": native.GGML_TYPE_Q5_0,
    "q4_1": native.GGML_TYPE_Q4_1,
    "q4_0": native.GGML_TYPE_Q4_0,
    "iq4_nl": native.GGML_TYPE_IQ4_NL,
}
_WHOLE_TYPES = {"f32", "f16", "bf16"}
_FLASH_ATTENTION = {None: -1, False: 0, True: 1}  # llama.h: enum llama_flash_attn_type
_SPLIT_MODES = {"none": 0, "layer": 1, "row": 2}  # llama.h: enum llama_split_mode
_ROPE_SCALING = {None: -1, "none": 0, "linear": 1, "yarn": 2, "longrope": 3}
_POOLING = {None: -1, "mean": 1, "cls": 2, "last": 3, "rank": 4}  # llama.h: llama_pooling_type
_NUMA = {"off": 0, "distribute": 1, "isolate": 2, "numactl": 3}  # ggml-cpu.h: ggml_numa_strategy
_NONE, _MMAP, _MLOCK = 0, 1, 2  # llama.h: enum llama_load_mode; mmap and mlock add up


class _BufferOverride(ctypes.Structure):
    """llama.h: struct llama_model_tensor_buft_override."""

    _fields_ = (("pattern", ctypes.c_char_p), ("buffer_type", ctypes.c_void_p))


class ModelParameters:
    """Native model parameters and the memory they point to, which must outlive the load."""

    def __init__(self, config: LoadConfig) -> None:
        """Raises `BadLoadSetting` for what this build or computer cannot do."""
        self.native: Any = native.llama_model_default_params()
        self.offload = bool(native.llama_supports_gpu_offload())
        layers = config.gpu_layers
        self.native.n_gpu_layers = (-1 if layers is None else layers) if self.offload else 0
        self.native.load_mode = (_MMAP if config.mmap else _NONE) + (_MLOCK if config.mlock else 0)
        self.native.split_mode = _SPLIT_MODES[config.split_mode]
        self.native.main_gpu = config.main_gpu if self.offload else 0
        if config.tensor_split:
            self._set_split(config.tensor_split)
        if config.experts_on_cpu:
            self._keep_experts(config.experts_on_cpu)
        if config.rpc_servers:
            add_rpc_servers(config.rpc_servers)

    def _set_split(self, shares: tuple[float, ...]) -> None:
        devices = int(native.llama_max_devices())
        if len(shares) > devices:
            raise BadLoadSetting(
                f"The model is to be split over {len(shares)} GPUs; this engine knows {devices}."
            )
        self._shares = (ctypes.c_float * max(devices, 1))(*shares)
        self.native.tensor_split = ctypes.cast(self._shares, ctypes.POINTER(ctypes.c_float))

    def _keep_experts(self, layers: int) -> None:
        """Keep the expert tensors of the first `layers` layers in main memory."""
        buffer = library_function("ggml_backend_cpu_buffer_type", ctypes.c_void_p)()
        self._overrides = (_BufferOverride * (layers + 1))()
        for layer in range(layers):
            pattern = rf"blk\.{layer}\.ffn_(up|down|gate|gate_up)_(ch|)exps"
            self._overrides[layer] = _BufferOverride(pattern.encode(), buffer)
        self.native.tensor_buft_overrides = ctypes.cast(self._overrides, ctypes.c_void_p)


def add_rpc_servers(servers: tuple[str, ...]) -> None:
    """Make the devices of llama.cpp RPC servers known. Raises `BadLoadSetting`."""
    find = library_function("ggml_backend_reg_by_name", ctypes.c_void_p, ctypes.c_char_p)
    registry = find(b"RPC")
    address = None
    if registry:
        look_up = library_function(
            "ggml_backend_reg_get_proc_address",
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_char_p,
        )
        address = look_up(registry, b"ggml_backend_rpc_add_server")
    if not address:
        raise BadLoadSetting(
            "This build of llama.cpp cannot use RPC servers. Remove them from the load settings, "
            "or use a build with GGML_RPC."
        )
    add = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_char_p)(address)
    register = library_function("ggml_backend_register", None, ctypes.c_void_p)
    for server in servers:
        found = add(server.encode())
        if not found:
            raise BadLoadSetting(f"The RPC server {server} does not answer.")
        register(found)


def init_numa(config: LoadConfig) -> None:
    """Tell llama.cpp how to place threads on a computer with several memory nodes; once."""
    if config.numa != "off":
        native.llama_numa_init(_NUMA[config.numa])


def context_parameters(config: LoadConfig, trained: int) -> Any:
    """Native context parameters; `trained` is the model's own context length.

    Raises `BadLoadSetting` for settings that do not go together.
    """
    flash = config.flash_attention
    if config.kv_type not in _WHOLE_TYPES:
        if flash is False:
            raise BadLoadSetting(
                f"A KV cache of type {config.kv_type} needs flash attention, which is off."
            )
        flash = True
    params = native.llama_context_default_params()
    params.n_ctx = config.context_length or min(trained, DEFAULT_CONTEXT)
    params.n_batch = params.n_ubatch = min(config.batch_size, params.n_ctx)
    params.n_seq_max = config.slots
    params.kv_unified = True
    params.n_threads = params.n_threads_batch = config.threads or default_threads()
    params.type_k = params.type_v = KV_TYPES[config.kv_type]
    params.flash_attn_type = _FLASH_ATTENTION[flash]
    params.offload_kqv = config.offload_kv
    # The full cache of a windowed model is several times larger, for rollbacks beyond the window.
    params.swa_full = config.swa_full
    params.rope_scaling_type = _ROPE_SCALING[config.rope_scaling]
    params.rope_freq_base = config.rope_freq_base
    params.rope_freq_scale = config.rope_freq_scale
    if config.embedding:
        params.embeddings = True
        params.pooling_type = _POOLING[config.pooling]
    return params
