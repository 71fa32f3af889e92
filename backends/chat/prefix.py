"""How much of a prompt is in the KV cache already."""

from collections.abc import Callable, Sequence


def common_prefix(first: list[int], second: list[int]) -> int:
    """Number of leading tokens that two lists share. Lists: slices of other kinds never agree."""
    same, reach = 0, min(len(first), len(second))
    while same < reach:  # comparing slices runs in C; halving finds the place
        middle = (same + reach + 1) // 2
        if first[same:middle] == second[same:middle]:
            same = middle
        else:
            reach = middle - 1
    return same


def keep_cached_ids(
    cached: list[int], prompt: list[int], piece: Callable[[int], bytes]
) -> list[int]:
    """`prompt`, with the cached tokens wherever they spell the same text.

    A model may spell a word with other tokens than the tokenizer would. Its own answer, tokenized
    again for the next turn, then differs from what is in the cache although the text is the same;
    keeping the generated ids keeps the cache, and is what the model has really said. Tokens that
    stand for no text, such as control tokens, must agree by id.
    """
    kept = common_prefix(cached, prompt)
    old, new = kept, kept
    while old < len(cached) and new < len(prompt):
        if cached[old] == prompt[new]:
            old, new = old + 1, new + 1
        elif step := _same_text(cached, old, prompt, new, piece):
            old, new = old + step[0], new + step[1]
        else:
            break
    return [*cached[:old], *prompt[new:]]


def _same_text(
    cached: Sequence[int],
    old: int,
    prompt: Sequence[int],
    new: int,
    piece: Callable[[int], bytes],
) -> tuple[int, int] | None:
    """The shortest stretches from `old` and `new` on that spell the same text."""
    left, right = piece(cached[old]), piece(prompt[new])
    i, j = old + 1, new + 1
    while left and right and left != right:
        if left.startswith(right) and j < len(prompt) and piece(prompt[j]):
            right += piece(prompt[j])
            j += 1
        elif right.startswith(left) and i < len(cached) and piece(cached[i]):
            left += piece(cached[i])
            i += 1
        else:
            return None
    return (i - old, j - new) if left and right else None
