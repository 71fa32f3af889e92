"""Sizes of buffers in the log of a load."""

from backends.llamacpp.memory_log import memory_use
from backends.types import MemoryUse

MIB = 1024**2
GEMMA = """\
load_tensors:   CPU_Mapped model buffer size =   235.16 MiB
load_tensors:   CPU_REPACK model buffer size =    12.50 MiB
llama_context:        CPU  output buffer size =     4.00 MiB
llama_kv_cache:        CPU KV buffer size =    12.00 MiB
llama_kv_cache: size =   12.00 MiB (  4096 cells,   3 layers,  4/1 seqs), K (f16):    6.00 MiB
llama_kv_cache:        CPU KV buffer size =    37.50 MiB
sched_reserve:        CPU compute buffer size =   514.50 MiB
"""
OFFLOADED = """\
load_tensors:          CPU model buffer size =    30.00 MiB
load_tensors:   CPU_REPACK model buffer size =    10.00 MiB
load_tensors:        CUDA0 model buffer size =   100.00 MiB
llama_memory_recurrent:      CUDA0 RS buffer size =     2.00 MiB
llama_kv_cache:      CUDA0 KV buffer size =    60.00 MiB
sched_reserve:      CUDA0 compute buffer size =    96.00 MiB
sched_reserve:  CUDA_Host compute buffer size =     8.00 MiB
"""


def test_rearranged_weights_of_a_mapped_file_count_once() -> None:
    found = memory_use(GEMMA.splitlines())
    assert found == MemoryUse(round(235.16 * MIB), round(49.5 * MIB), round(518.5 * MIB))


def test_all_devices_count_together() -> None:
    assert memory_use(OFFLOADED.splitlines()) == MemoryUse(140 * MIB, 62 * MIB, 104 * MIB)


def test_a_log_without_sizes_tells_nothing() -> None:
    assert memory_use(["llama_context: n_ctx = 4096", ""]) is None
