"""A model on this computer, or one on a server, as lists, command line and runtime see it."""

from pathlib import Path
from typing import ClassVar, Literal

from msgspec import Struct

from app.core.errors import ModelError

Source = Literal["corral", "folder", "starter", "remote"]


class LocalModel(Struct, frozen=True):
    """One model that can be loaded, or could if its drive were connected."""

    id: str
    """Stable: "publisher/repo/file" below the models folder, or a name for where else it lies."""
    name: str
    """For people: "SmolLM2 135M Instruct"."""
    path: Path
    """What an engine opens: the GGUF file, its first part, or the MLX folder; of a remote model
    only a name."""
    files: tuple[Path, ...]
    """All files of the model, split parts in order, companions last."""
    size: int
    """Bytes of `files` without the companions: what an engine reads of the model itself."""
    architecture: str = ""
    parameters: int | None = None
    quantization: str = ""
    context_length: int | None = None
    """Tokens it was trained for."""
    publisher: str = ""
    repo: str | None = None
    """"publisher/repo" on the hub, or the name in Ollama's registry, where the folders tell it."""
    added: float = 0.0
    """When the file was last written, Unix seconds."""
    source: Source = "corral"
    """The models folder, a further folder, the installed starter model, or a server."""
    read_only: bool = False
    """It belongs to somebody else: it is never moved or deleted."""
    present: bool = True
    """False while its drive or file is away."""
    problem: str | None = None
    """Why it cannot be used, in a sentence; None if nothing is known against it."""
    has_chat_template: bool = False
    capabilities: frozenset[str] = frozenset()
    """Of "tools", "reasoning", "vision", "embeddings"."""
    format: Literal["gguf", "mlx", "remote"] = "gguf"
    program: str = ""
    """The other program whose folder it lies in, for people; empty if none is known."""
    same_file_as: str = ""
    """Another model of the list, for people, whose file this is too, by another name."""
    variant_of: str = ""
    """Id of the model whose files it uses under another name and with settings of its own."""
    notes: str = ""
    """What the person noted about it."""
    tags: tuple[str, ...] = ()
    """What the person sorts it by."""
    file_sizes: tuple[int, ...] = ()
    """Bytes of each of `files`; empty where only `size` is known."""

    @property
    def disk_size(self) -> int:
        """Bytes of all its files, companions such as a projector among them."""
        return sum(self.file_sizes) if self.file_sizes else self.size

    def file_sizes_by_path(self) -> dict[Path, int]:
        """Bytes of each file; all of them at the first one where only `size` is known."""
        sizes = self.file_sizes or (self.size,)
        return dict(zip(self.files or (self.path,), sizes, strict=False))

    @property
    def is_remote(self) -> bool:
        """It runs on a server: no file, no need of memory here; `publisher` names the server."""
        return self.source == "remote"


class AmbiguousModel(ModelError):
    """A name fits several models; `choices` are their ids."""

    code: ClassVar[str] = "ambiguous"

    def __init__(self, title: str, message: str, hint: str, choices: tuple[str, ...]) -> None:
        super().__init__(title, message, hint)
        self.choices = choices
