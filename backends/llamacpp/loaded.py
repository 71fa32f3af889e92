"""A loaded model and all that answers with it."""

from dataclasses import dataclass
from pathlib import Path

from backends.chat.prompt import PromptBuilder
from backends.llamacpp.context import Context
from backends.llamacpp.model import Model
from backends.llamacpp.parking import DiskParking, Parking, default_budget
from backends.llamacpp.scheduler import Scheduler
from backends.llamacpp.slots import Slots
from backends.types import LoadConfig


@dataclass
class Loaded:
    """What `assemble` puts together. Close it: it holds native memory and threads."""

    model: Model
    context: Context
    slots: Slots
    parking: Parking
    disk: DiskParking | None
    scheduler: Scheduler
    prompts: PromptBuilder

    def close(self) -> None:
        """Free everything, the model last."""
        self.scheduler.close()
        if self.disk is not None:
            self.disk.close()
        self.context.close()
        self.model.close()


def assemble(path: str, model: Model, context: Context, config: LoadConfig) -> Loaded:
    """Put the parts of an engine around a model and its context."""
    vocabulary = model.vocabulary
    budget = default_budget() if config.parking_bytes is None else config.parking_bytes
    parking = Parking(budget)
    disk = None
    if config.parking_folder:
        disk = DiskParking(Path(config.parking_folder), _cache_identity(path, config))

    def plain_piece(token: int) -> bytes:
        return b"" if token in vocabulary.special_ids else vocabulary.piece(token)

    slots = Slots(context, parking, disk, plain_piece)
    scheduler = Scheduler(context, vocabulary, slots, draft_tokens=config.draft_tokens)
    prompts = PromptBuilder(vocabulary, model.chat_template)
    return Loaded(model, context, slots, parking, disk, scheduler, prompts)


def _cache_identity(path: str, config: LoadConfig) -> str:
    """Changes with everything that makes saved states incompatible."""
    status = Path(path).stat()
    shape = (config.kv_type, config.rope_scaling, config.rope_freq_base, config.rope_freq_scale)
    adapters = [(adapter.path, adapter.scale) for adapter in config.lora]
    return repr((Path(path).name, status.st_size, status.st_mtime_ns, shape, adapters))
