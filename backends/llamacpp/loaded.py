"""A loaded model and all that answers with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backends.chat.prompt import PromptBuilder
from backends.chat.prompt_lookup import PromptLookup
from backends.constraints.for_answer import ConstraintMaker
from backends.llamacpp.constraints import ConstraintFactory
from backends.llamacpp.context import Context
from backends.llamacpp.drafting import DraftModel
from backends.llamacpp.embedding import Embedder
from backends.llamacpp.image_step import ImageStep
from backends.llamacpp.image_tokens import ImagePlace
from backends.llamacpp.lora import LoadedAdapters
from backends.llamacpp.model import Model
from backends.llamacpp.parking import DiskParking, Parking
from backends.llamacpp.projector import Projector
from backends.llamacpp.run import Drafter
from backends.llamacpp.scheduler import Scheduler
from backends.llamacpp.sequence import KVSequence
from backends.llamacpp.slots import Slots
from backends.parking_budget import ParkingBudget
from backends.types import ChatMessage, LoadConfig


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
    constraints: ConstraintMaker
    draft_model: DraftModel | None
    embedder: Embedder | None
    """Instead of answers, where the model was loaded for embeddings."""
    prompt_lookup: bool
    projector: Projector | None
    """Lets the model see."""

    def image_places(self, messages: Sequence[ChatMessage]) -> dict[int, ImagePlace]:
        """What the ids below 0 of a prompt with these messages mean. Raises `BadRequest`."""
        if self.projector is None:
            return {}
        return self.projector.places(image for message in messages for image in message.images)

    def drafter(self, sequence: KVSequence, *, sees: bool = False) -> Drafter | None:
        """What guesses ahead for an answer on this sequence; `sees`: its prompt has images."""
        if self.context.recurrent:  # wrong guesses could not be taken back
            return None
        if self.draft_model is not None and not sees:  # draft models know text only
            return self.draft_model.drafter(sequence.number)
        return PromptLookup() if self.prompt_lookup else None

    def close(self) -> None:
        """Free everything, the model last."""
        self.constraints.close()
        self.scheduler.close()
        if self.embedder is not None:
            self.embedder.close()
        if self.disk is not None:
            self.disk.close()
        if self.draft_model is not None:
            self.draft_model.close()
        self.context.close()
        if self.projector is not None:
            self.projector.close()
        self.model.close()


def assemble(path: str, model: Model, context: Context, config: LoadConfig) -> Loaded:
    """Put the parts of an engine around a model and its context.

    Raises a `ModelLoadError` for a draft model, an adapter or a projector that cannot be loaded.
    """
    LoadedAdapters(model, config.lora).apply(context.handle)
    vocabulary = model.vocabulary
    projector, draft_model = _load_companions(model, context, config)
    budget, disk = ParkingBudget(config.parking_bytes), None
    parking = Parking(budget)
    if config.parking_folder:
        disk = DiskParking(Path(config.parking_folder), _cache_identity(path, config))
        parking = Parking(budget, disk.waiting_bytes)

    def plain_piece(token: int) -> bytes:
        spoken = token >= 0 and token not in vocabulary.special_ids
        return vocabulary.piece(token) if spoken else b""

    slots = Slots(context, parking, disk, plain_piece)
    factory = ConstraintFactory(vocabulary, path)
    scheduler = Scheduler(
        context,
        vocabulary,
        slots,
        draft_tokens=config.draft_tokens,
        images=ImageStep(context, projector) if projector else None,
    )
    prompts = PromptBuilder(vocabulary, model.chat_template, model.tool_template, projector)
    return Loaded(
        model=model,
        context=context,
        slots=slots,
        parking=parking,
        disk=disk,
        scheduler=scheduler,
        prompts=prompts,
        constraints=ConstraintMaker(factory.make, factory.spell),
        draft_model=draft_model,
        embedder=Embedder(model, context) if config.embedding else None,
        prompt_lookup=config.prompt_lookup,
        projector=projector,
    )


def _load_companions(
    model: Model, context: Context, config: LoadConfig
) -> tuple[Projector | None, DraftModel | None]:
    """The other files that the settings name. Raises a `ModelLoadError`."""
    projector = draft_model = None
    if config.projector:
        projector = Projector(config.projector, model, config, batch_size=context.batch_size)
    try:
        if config.draft_model:
            draft_model = DraftModel(config.draft_model, model.vocabulary, config)
    except BaseException:
        if projector is not None:
            projector.close()
        raise
    return projector, draft_model


def _cache_identity(path: str, config: LoadConfig) -> str:
    """Changes with everything that makes saved states incompatible."""
    files = [_file_identity(each) for each in (path, config.projector) if each]
    shape = (config.kv_type, config.rope_scaling, config.rope_freq_base, config.rope_freq_scale)
    adapters = [(adapter.path, adapter.scale) for adapter in config.lora]
    return repr((files, shape, adapters))


def _file_identity(path: str) -> tuple[str, int, int]:
    status = Path(path).stat()
    return Path(path).name, status.st_size, status.st_mtime_ns
