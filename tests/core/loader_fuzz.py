"""More than 240 ways in which a model file or a setting can be wrong, for the loader's own fuzz."""

import math
import os
import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from backends.types import LoadConfig, LoraAdapter
from tests.core.broken_gguf import ARRAY, F32, STRING, U32, U64, Model, tiny_model

SMALL = LoadConfig(context_length=256, threads=1)
_COUNTS = (0, 1, 2**16, 2**31, 2**63, 2**64 - 1)
_VALUES: dict[int, tuple[Any, ...]] = {
    U32: (0, 1, 3, 1000, 2**31, 2**32 - 1),
    F32: (0.0, -1.0, math.nan, math.inf, 1e38),
    STRING: ("", "x", "\0", "é" * 5000, "{{ raise_exception('no') }}"),
}
_LIES: dict[str, tuple[object, ...]] = {
    "name": ("x",),
    "shape": ((), (1,), (0, 32), (2**31, 2**31)),
    "offset": (-32, 7, 2**62),
    "type": (1, 2, 99),
}


@dataclass(frozen=True)
class Case:
    """A file to load, made in `folder`, and how to load it."""

    name: str
    make: Callable[[Path], Path]
    config: LoadConfig = SMALL


def cases() -> list[Case]:
    """All of them, every name once."""
    return [
        *map(_file, _cut_files()),
        *map(_file, _heads()),
        *map(_file, _metadata()),
        *map(_file, _tensors()),
        *map(_file, _weights()),
        *_paths(),
        *_settings(),
    ]


Content = tuple[str, Callable[[], bytes]]


def _file(content: Content) -> Case:
    name, data = content

    def make(folder: Path) -> Path:
        path = folder / "model.gguf"
        path.write_bytes(data())
        return path

    return Case(name, make)


def _changed(name: str, change: Callable[[Model], object]) -> Content:
    def data() -> bytes:
        model = tiny_model()
        change(model)
        return model.data()

    return name, data


def _put(attribute: str, value: object, model: Model) -> None:
    setattr(model, attribute, value)


def _set(key: str, kind: int, value: Any, model: Model) -> None:
    model.set(key, kind, value)


def _set_raw(key: str, kind: int, raw: bytes, model: Model) -> None:
    model.set_raw(key, kind, raw)


def _without(key: str, model: Model) -> None:
    model.remove(key)


def _without_tensor(name: str, model: Model) -> None:
    model.tensors.remove(model.tensor(name))


def _put_in_tensor(name: str, attribute: str, value: object, model: Model) -> None:
    setattr(model.tensor(name), attribute, value)


def _cut(size: int) -> bytes:
    return tiny_model().data()[:size]


def _cut_files() -> Iterator[Content]:
    whole, head = len(tiny_model().data()), len(tiny_model().header())
    sizes = {0, 1, 3, 4, 7, 8, 15, 16, 23, 24, 25, 40, head - 33, head - 1, head, head + 1}
    sizes |= {whole - 1, whole - 32, whole // 2, whole // 3, head // 2}
    for size in sorted(sizes):
        yield f"cut to {size}", partial(_cut, size)


def _heads() -> Iterator[Content]:
    for magic in (b"GGML", b"\0\0\0\0", b"gguf", b"FUGG", b"PK\3\4", b"\x7fELF"):
        yield _changed(f"magic {magic!r}", partial(_put, "magic", magic))
    for version in (0, 1, 2, 4, 255, 2**16, 2**31, 2**32 - 1):
        yield _changed(f"version {version}", partial(_put, "version", version))
    for count in _COUNTS:
        yield _changed(f"{count} keys", partial(_put, "metadata_count", count))
        yield _changed(f"{count} tensors", partial(_put, "tensor_count", count))


def _metadata() -> Iterator[Content]:
    for key, (kind, _) in tiny_model().metadata.items():
        yield _changed(f"no {key}", partial(_without, key))
        yield _changed(f"{key} twice", partial(_put, "repeat_key", key))
        other, wrong = (U64, 7) if kind == STRING else (STRING, "words")
        yield _changed(f"{key} of another type", partial(_set, key, other, wrong))
        if kind == ARRAY:
            for count in _COUNTS:
                raw = struct.pack("<IQ", STRING, count)
                yield _changed(f"{key} of {count}", partial(_set_raw, key, ARRAY, raw))
        for value in _VALUES.get(kind, ()):
            yield _changed(f"{key} = {value!r:.40}", partial(_set, key, kind, value))


def _tensors() -> Iterator[Content]:
    for tensor in tiny_model().tensors:
        name = tensor.name
        yield _changed(f"no {name}", partial(_without_tensor, name))
        for attribute, values in _LIES.items():
            for value in values:
                change = partial(_put_in_tensor, name, attribute, value)
                yield _changed(f"{name}: {attribute} {value}", change)


def _weights() -> Iterator[Content]:
    head = len(tiny_model().header())

    def filled(values: Callable[[int], bytes]) -> Callable[[], bytes]:
        def data() -> bytes:
            whole = tiny_model().data()
            return whole[:head] + values(len(whole) - head)

        return data

    yield "weights of zeros", filled(bytes)
    yield "weights of 0xff", filled(lambda size: b"\xff" * size)
    yield "weights of noise", filled(lambda size: random.Random(1).randbytes(size))
    yield "weights of NaN", filled(lambda size: struct.pack("<f", math.nan) * (size // 4))
    yield "more data than announced", lambda: tiny_model().data() + b"\1" * 100_000


def _paths() -> Iterator[Case]:
    yield Case("a folder", lambda folder: folder)
    yield Case("nothing there", lambda folder: folder / "gone.gguf")
    yield Case("an endless device", lambda folder: Path("/dev/zero"))
    yield Case("no device", lambda folder: Path(os.devnull))

    def pipe(folder: Path) -> Path:
        path = folder / "pipe.gguf"
        os.mkfifo(path)
        return path

    if hasattr(os, "mkfifo"):
        yield Case("a pipe", pipe)
    for name in ("name with spaces.gguf", "ünïcödé.gguf", "model", "a" * 200 + ".gguf"):
        yield Case(f"called {name[:20]}", partial(_plain, name=name))


def _plain(folder: Path, name: str = "model.gguf") -> Path:
    path = folder / name
    path.write_bytes(tiny_model().data())
    return path


def _settings() -> Iterator[Case]:
    extremes = (
        LoadConfig(context_length=256, slots=64, threads=1),
        LoadConfig(context_length=10_000_000, threads=1, kv_type="q4_0"),
        LoadConfig(context_length=256, threads=256),
        LoadConfig(context_length=256, threads=1, batch_size=8192),
        LoadConfig(context_length=256, threads=1, gpu_layers=1000),
        LoadConfig(context_length=256, threads=1, kv_type="q8_0", flash_attention=False),
        LoadConfig(context_length=256, threads=1, kv_type="q4_0"),  # heads narrower than a block
        LoadConfig(context_length=256, threads=1, experts_on_cpu=1000),
        LoadConfig(context_length=256, threads=1, tensor_split=(0.0,) * 16),
        LoadConfig(context_length=256, threads=1, rope_freq_scale=100.0, rope_freq_base=1e9),
        LoadConfig(context_length=256, threads=1, rope_scaling="longrope"),
        LoadConfig(context_length=256, threads=1, mlock=True, mmap=False),
        LoadConfig(context_length=256, threads=1, lora=(LoraAdapter("/nowhere.gguf"),)),
        LoadConfig(context_length=256, threads=1, draft_model="/nowhere.gguf"),
        LoadConfig(context_length=256, threads=1, embedding=True, pooling="rank"),
        LoadConfig(context_length=256, threads=1, embedding=True, pooling="cls"),
        LoadConfig(context_length=256, threads=1, rpc_servers=("127.0.0.1:1",)),
    )
    for config in extremes:
        yield Case(f"settings {msgspec.json.encode(config).decode()}", _plain, config)
