"""TeX formulas in \\(…\\) and \\[…\\], as many models write them, for markdown-it.

`mdit_py_plugins.texmath` reads them too but copies the rest of the text at every backslash,
which takes minutes on hostile input; these rules look for each closing mark once.
"""

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

MAX_FORMULA = 4_000
"""Characters; a longer one is shown as its source."""


def bracket_math_plugin(parser: MarkdownIt) -> None:
    """Add the two inline forms and the form on lines of its own."""
    parser.inline.ruler.before("escape", "bracket_math_inline", _inline)
    parser.block.ruler.before("fence", "bracket_math_block", _block, {"alt": ["paragraph"]})


def _inline(state: StateInline, silent: bool) -> bool:
    opening = state.src[state.pos : state.pos + 2]
    if opening not in (r"\(", r"\["):
        return False
    closing = r"\)" if opening == r"\(" else r"\]"
    end = state.src.find(closing, state.pos + 2, state.pos + 2 + MAX_FORMULA)
    if end < 0 or not state.src[state.pos + 2 : end].strip():
        return False
    if not silent:
        token = state.push("math_inline", "math", 0)
        token.content = state.src[state.pos + 2 : end]
        token.markup = opening
    state.pos = end + 2
    return True


def _block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    begin = state.bMarks[start] + state.tShift[start]
    if not state.src.startswith(r"\[", begin):
        return False
    formula: list[str] = []
    length = 0
    for line in range(start, end):
        first = begin + 2 if line == start else state.bMarks[line]
        text = state.src[first : state.eMarks[line]]
        closing = text.find(r"\]")
        length += len(text)
        if closing >= 0:
            if text[closing + 2 :].strip():
                return False
            formula.append(text[:closing])
            break
        if (not text.strip() and line != start) or length > MAX_FORMULA:
            return False
        formula.append(text)
    else:
        return False
    if silent:
        return True
    token = state.push("math_block", "math", 0)
    token.content = "\n".join(formula)
    token.map = [start, line + 1]
    token.block = True
    state.line = line + 1
    return True
