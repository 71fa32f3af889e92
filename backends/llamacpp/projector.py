"""The image encoder beside a model: a projector file (mmproj), through llama.cpp's libmtmd."""

import ctypes
import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backends.errors import BadLoadSetting, BadRequest, EngineFailure, ModelLoadError
from backends.image_file import check_image
from backends.llamacpp.gguf_metadata import read_texts
from backends.llamacpp.gguf_tensors import holds_all_tensors
from backends.llamacpp.image_tokens import ImageChunk, ImagePlace, ImageTokens, chunk_ids, places
from backends.llamacpp.library import library_folder, log, native, open_vision_library
from backends.llamacpp.model import Model
from backends.llamacpp.threads import default_threads
from backends.types import LoadConfig

_KNOWN = 256
"""Images whose ids are remembered."""
_REMEDY = "Choose the mmproj file that was published with this model, or load it without one."


class Projector:
    """Turns images into what a model reads. Close it before the model.

    Implements `backends.chat.image_marks.ImageTokenizer`. `ids` and `places` may be called while
    another thread is inside `encode`.
    """

    def __init__(self, path: str, model: Model, config: LoadConfig, *, batch_size: int) -> None:
        """`batch_size` is how many tokens the model processes in one step at most.

        Raises `BadLoadSetting` for a file that is no projector of this model.
        """
        _check_file(Path(path))
        self._batch_size = batch_size
        self._mtmd = open_vision_library()
        params = self._mtmd.mtmd_context_params_default()
        params.use_gpu = model.gpu_layers > 0
        params.print_timings = False
        params.n_threads = config.threads or default_threads()
        log.clear()
        self._handle: Any = self._mtmd.mtmd_init_from_file(
            path.encode("utf-8"), model.handle, params
        )
        if not self._handle:
            raise _explained("\n".join(log.problems()))
        self.embedding_length = int(native.llama_model_n_embd_inp(model.handle))
        """Numbers of one embedding."""
        self._known: OrderedDict[bytes, ImageTokens] = OrderedDict()
        try:
            self._check_kind()
        except BadLoadSetting:
            self.close()
            raise

    def ids(self, image: bytes) -> list[int]:
        """What a prompt holds in place of an encoded image. Raises `BadRequest`."""
        return list(self._tokens(image).ids)

    def places(self, images: Iterable[bytes]) -> dict[int, ImagePlace]:
        """What the ids below 0 of a prompt with these images mean. Raises `BadRequest`."""
        return places((image, self._tokens(image)) for image in images)

    def encode(self, place: ImagePlace) -> NDArray[np.float32]:
        """The embeddings of the chunk at a place, one a row. Slow. Raises `EngineFailure`."""
        mtmd, chunk = self._mtmd, place.chunk
        try:
            with self._chunks(place.image) as chunks:
                native_chunk = mtmd.mtmd_input_chunks_get(chunks, chunk.number)
                failed = mtmd.mtmd_encode_chunk(self._handle, native_chunk)
        except BadRequest as error:  # it was good when it was counted
            raise EngineFailure(error.message, error.detail) from None
        if failed:
            raise EngineFailure("A picture could not be processed.", "\n".join(log.tail(10)))
        shape = (len(chunk.ids), self.embedding_length)
        return np.ctypeslib.as_array(mtmd.mtmd_get_output_embd(self._handle), shape).copy()

    def close(self) -> None:
        """Free the native memory."""
        if self._handle:
            self._mtmd.mtmd_free(self._handle)
            self._handle = None

    def _check_kind(self) -> None:
        if not self._mtmd.mtmd_support_vision(self._handle):
            raise BadLoadSetting(f"This projector is not for pictures. {_REMEDY}")
        if self._mtmd.mtmd_decode_use_mrope(self._handle):
            raise BadLoadSetting(
                "Pictures are not possible yet with models that count positions in two "
                "dimensions (M-RoPE), such as Qwen-VL. Load the model without its projector."
            )

    def _tokens(self, image: bytes) -> ImageTokens:
        digest = hashlib.sha256(image).digest()
        known = self._known.get(digest)
        if known is None:
            known = self._known[digest] = self._tokenize(image, digest)
            if len(self._known) > _KNOWN:
                self._known.popitem(last=False)
        self._known.move_to_end(digest)
        return known

    def _tokenize(self, image: bytes, digest: bytes) -> ImageTokens:
        mtmd = self._mtmd
        ids: list[int] = []
        chunks: list[ImageChunk] = []
        with self._chunks(image) as native_chunks:
            for number in range(mtmd.mtmd_input_chunks_size(native_chunks)):
                native_chunk = mtmd.mtmd_input_chunks_get(native_chunks, number)
                length = int(mtmd.mtmd_input_chunk_get_n_tokens(native_chunk))
                if mtmd.mtmd_input_chunk_get_type(native_chunk) == mtmd.MTMD_INPUT_CHUNK_TYPE_TEXT:
                    count = ctypes.c_size_t()
                    text = mtmd.mtmd_input_chunk_get_tokens_text(native_chunk, ctypes.byref(count))
                    ids += text[: count.value]
                    continue
                non_causal = bool(mtmd.mtmd_decode_use_non_causal(self._handle, native_chunk))
                if non_causal and length > self._batch_size:  # llama.cpp would abort
                    raise BadRequest(
                        f"This model reads a picture in one step of {length:,} tokens. Load it "
                        "with a batch size of at least that."
                    )
                own = chunk_ids(digest, number, length)
                chunks.append(ImageChunk(number, own, non_causal))
                ids += own
        return ImageTokens(tuple(ids), tuple(chunks))

    @contextmanager
    def _chunks(self, image: bytes) -> Iterator[Any]:
        """The native chunks of an image, as long as the context lasts."""
        mtmd = self._mtmd
        with self._bitmap(image) as bitmap:
            chunks = mtmd.mtmd_input_chunks_init()
            part = mtmd.mtmd_input_part(bitmap=bitmap)
            parts = (ctypes.POINTER(mtmd.mtmd_input_part) * 1)(ctypes.pointer(part))
            try:
                if mtmd.mtmd_tokenize_from_parts(self._handle, chunks, parts, 1, False):
                    raise BadRequest(
                        "This model cannot take in a picture of such a form.",
                        "\n".join(log.tail(10)),
                    )
                yield chunks
            finally:
                mtmd.mtmd_input_chunks_free(chunks)

    @contextmanager
    def _bitmap(self, image: bytes) -> Iterator[Any]:
        check_image(image)
        mtmd = self._mtmd
        options = mtmd.mtmd_helper_init_opt_default()
        # What is no image after all is given to ffmpeg: let it be looked for where it is not.
        options.video_params.ffmpeg_bin_dir = str(library_folder()).encode()
        data = (ctypes.c_uint8 * len(image)).from_buffer_copy(image)
        found = mtmd.mtmd_helper_bitmap_init_from_buf_wrapper(
            self._handle, data, len(image), False, options
        )
        try:
            if not found.bitmap or found.video_ctx:
                raise BadRequest("A picture is damaged and cannot be read.")
            yield found.bitmap
        finally:
            if found.bitmap:
                mtmd.mtmd_bitmap_free(found.bitmap)
            if found.video_ctx:
                mtmd.mtmd_helper_video_free(found.video_ctx)


def _check_file(path: Path) -> None:
    """Refuse what is no projector before native code sees it. Raises `BadLoadSetting`."""
    if not path.is_file():
        raise BadLoadSetting(f"The projector file is not there: {path}. {_REMEDY}")
    try:
        kind = read_texts(path, {"general.architecture"}).get("general.architecture", "")
    except ModelLoadError as error:
        raise BadLoadSetting(
            f"The projector file cannot be read: {path}. {_REMEDY}", error.message
        ) from None
    if kind != "clip":
        raise BadLoadSetting(
            f"This file is no projector: {path}. {_REMEDY}", f"general.architecture is {kind!r}"
        )
    if not holds_all_tensors(path):
        raise BadLoadSetting(f"The projector file is not complete: {path}. Download it again.")


def _explained(said: str) -> BadLoadSetting:
    if "mismatch between text model" in said:
        return BadLoadSetting(f"The projector belongs to another model. {_REMEDY}", said)
    return BadLoadSetting(f"llama.cpp could not load the projector. {_REMEDY}", said)
