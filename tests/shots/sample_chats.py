"""Chats that look like real ones, for screenshots."""

from dataclasses import dataclass

from app.core.conversation_store import ConversationStore
from backends.types import Usage

MODEL = "starter/SmolLM2-135M-Instruct.Q4_1"
QUESTION = (
    "I have a sorted list of timestamps. How do I find the first one after midnight without "
    "looking at every entry?"
)
REASONING = (
    "The list is sorted, so a binary search is the natural answer. bisect_right skips entries "
    "that are equal to the limit; bisect_left would include them. I should show both."
)
ANSWER = """\
### Use bisect

The list is sorted, so a binary search needs only $O(\\log n)$ steps: about \
$\\log_2 10^6 \\approx 20$ for a million entries.

```python
from bisect import bisect_right

def first_after(stamps: list[float], t: float) -> int | None:
    \"\"\"Index of the first stamp later than t.\"\"\"
    i = bisect_right(stamps, t)
    return i if i < len(stamps) else None
```

- `bisect_right` skips entries equal to *t*; `bisect_left` would include them.
- Add new entries with `insort` so that the list stays sorted.

| Approach | Steps | When it is right |
|---|---|---|
| Plain loop | $n$ | under a hundred entries |
| bisect | $\\log_2 n$ | sorted and in memory |
"""
OTHERS = (
    ("Window functions in SQL", "What is the difference between RANK and DENSE_RANK?",
     "RANK leaves gaps after ties, while DENSE_RANK numbers them without gaps."),
    ("Le subjonctif, quand ?", "Quand faut-il employer le subjonctif ?",
     "Après « il faut que », toujours : il faut que tu viennes."),
    ("Cover letter, half as long", "Make this letter half as long.",
     "Here is a version of 148 words that keeps every fact."),
    ("Why bread dough tears", "Why does my dough tear when I stretch it?",
     "The gluten was not developed yet; let it rest and fold it again."),
)  # fmt: skip
LISBON = (
    ("Plan three days in Lisbon without a car.",
     "Day one: Alfama on foot, then the tram up to Graça."),
    ("And the second day? We like tiles and we like to eat.",
     "Day two belongs to the tiles:\n\n"
     "- **Morning:** the Museu Nacional do Azulejo, a short ride by bus from Santa Apolónia.\n"
     "- **Noon:** grilled sardines in one of the small places of Madragoa.\n"
     "- **Evening:** the view from São Pedro de Alcântara, then Bairro Alto."),
    ("The third day should be by the water.",
     "Take the train along the river to Belém, walk from the tower to the monastery, and come "
     "back by the ferry from Trafaria. It takes an hour more and shows the whole town from the "
     "water."),
    ("Give me the last day as JSON: place and hours.",
     "Here is the third day; the hours hold the ways between the places.\n\n```json\n[\n"
     '  {"place": "Torre de Belém", "hours": 1.5},\n'
     '  {"place": "Mosteiro dos Jerónimos", "hours": 2},\n'
     '  {"place": "Ferry from Trafaria", "hours": 1}\n]\n```'),
)  # fmt: skip
"""A chat that has outgrown the context: of the last answer the model knew it from the third
question on."""
LISBON_NOTE = "The answer may not fulfil all of the schema: uniqueItems cannot be enforced."
PINNED = ("Release notes, house style", "Turn these commits into release notes.",
          "Use the past tense and start each line with what changed for people.")  # fmt: skip


@dataclass(frozen=True)
class Samples:
    """Ids of the chats that are worth showing."""

    shown: int
    outgrown: int


def add_samples(store: ConversationStore) -> Samples:
    """Store the sample chats."""
    outgrown = add_outgrown(store)
    for title, question, answer in (*reversed(OTHERS), PINNED):
        conversation = store.create(title=title, model_id=MODEL, preset_id="general")
        asked = store.append(conversation.id, "user", question, None)
        store.append(conversation.id, "assistant", answer, asked.id, model=MODEL)
    store.update(conversation.id, pinned=True)
    shown = store.create(title="First entry after midnight", model_id=MODEL, preset_id="coder")
    asked = store.append(shown.id, "user", QUESTION, None)
    usage = Usage(
        prompt_tokens=84, completion_tokens=312, time_to_first_token=0.38, tokens_per_second=42.6
    )
    first = store.append(shown.id, "assistant", "Use a loop.", asked.id, model=MODEL)
    assert first.version == 1
    store.append(
        shown.id,
        "assistant",
        ANSWER,
        asked.id,
        reasoning=REASONING,
        model=MODEL,
        finish_reason="stop",
        usage=usage,
    )
    store.update(shown.id, draft="")
    return Samples(shown.id, outgrown)


def add_outgrown(store: ConversationStore) -> int:
    """Store the chat that is longer than the model's context."""
    conversation = store.create(title="Three days in Lisbon", model_id=MODEL, preset_id="general")
    parent = None
    asked: list[int] = []
    for question, answer in LISBON:
        asked.append(store.append(conversation.id, "user", question, parent).id)
        parent = store.append(conversation.id, "assistant", answer, asked[-1], model=MODEL).id
    assert parent is not None
    store.update_message(parent, first_kept=asked[2], notes=(LISBON_NOTE,))
    return conversation.id
