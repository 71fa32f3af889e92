"""A loaded MLX model and all that answers with it."""

from dataclasses import dataclass

from backends.chat.prompt import PromptBuilder
from backends.chat.prompt_lookup import PromptLookup
from backends.constraints.for_answer import ConstraintMaker
from backends.mlx.conversations import Conversations
from backends.mlx.drafting import Drafter, DraftModel
from backends.mlx.embedding import Embedder
from backends.mlx.folder import ModelFolder
from backends.mlx.model import Model
from backends.mlx.pace import Pace
from backends.mlx.sequence import KVSequence
from backends.mlx.vocabulary import Vocabulary


@dataclass
class Loaded:
    """What the engine puts together at a load."""

    folder: ModelFolder
    model: Model
    vocabulary: Vocabulary
    prompts: PromptBuilder
    constraints: ConstraintMaker
    conversations: Conversations
    pace: Pace
    context_length: int
    """Tokens that prompt and answer share."""
    outputs: int
    """Numbers in a row of outputs: the vocabulary, and what pads it."""
    slots: int
    draft_model: DraftModel | None
    draft_tokens: int
    prompt_lookup: bool
    embedder: Embedder | None
    """What embeds texts, where the model was loaded for that."""

    @property
    def goes_back(self) -> bool:
        """Whether an empty sequence could take tokens back once it has some."""
        return KVSequence(self.model, self.model.new_cache).can_go_back

    def drafter(self, sequence: KVSequence) -> Drafter | None:
        """What guesses ahead for an answer on this sequence."""
        if not sequence.can_go_back:  # wrong guesses could not be taken back
            return None
        if self.draft_model is not None:
            return self.draft_model.drafter(sequence)
        return PromptLookup() if self.prompt_lookup else None
