"""Chats that look like real ones, for screenshots."""

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
    ("Three days in Lisbon", "Plan three days in Lisbon without a car.",
     "Day one: Alfama on foot, then the tram up to Graça."),
)  # fmt: skip
PINNED = ("Release notes, house style", "Turn these commits into release notes.",
          "Use the past tense and start each line with what changed for people.")  # fmt: skip


def add_samples(store: ConversationStore) -> int:
    """Store the sample chats; answers the id of the one that is worth showing."""
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
    return shown.id
