"""Tries a GBNF grammar in a process that may crash or hang.

llama.cpp's parser overflows its stack on deep nesting and never returns from some left
recursions; no check of the text finds them all. So the child compiles the grammar and computes
one mask with it, within limits of time and memory.
"""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Sequence

from backends.errors import BackendError, BadRequest
from backends.llamacpp.candidates import Candidates
from backends.llamacpp.library import log, native
from backends.llamacpp.vocabulary import Vocabulary
from backends.llamacpp.vocabulary_only import open_vocabulary

FLAG = "--grammar-check"
"""Makes the frozen program run `main`."""
CHECK_SECONDS = 5.0
"""For compiling a grammar and its first mask."""

_START_SECONDS = 60.0
"""For the child to start and to read the vocabulary, on a slow disk."""
_REFUSED, _TOO_SLOW, _NO_MODEL = 3, 4, 5
"""Exit statuses."""
_NO_WINDOW = 0x0800_0000 if sys.platform == "win32" else 0  # CREATE_NO_WINDOW
_RULE = re.compile(rb"^[ \t]*([A-Za-z0-9-]+)[ \t]*::=", re.MULTILINE)


def check_in_child(grammar: str, model_path: str, seconds: float = CHECK_SECONDS) -> None:
    """Try `grammar` with the vocabulary of the model at `model_path` in a new process.

    Raises:
        BadRequest: it is not valid, or crashes llama.cpp, or is too slow.
    """
    try:
        child = subprocess.run(
            [*_command(), str(seconds), model_path],
            input=grammar.encode(),
            capture_output=True,
            timeout=_START_SECONDS + seconds,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            creationflags=_NO_WINDOW,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BadRequest("The grammar could not be checked in time. Try again.") from None
    words = child.stderr.decode("utf-8", "replace").strip()
    match child.returncode:
        case 0:
            return
        case 3:
            raise BadRequest(f"The grammar is not valid: {_reason(words)}.", words[:2000])
        case 4:
            raise BadRequest(
                "The grammar is too slow to follow, or recurs without end. Avoid rules that "
                "begin with themselves, long lists of alternatives, and many * in a row.",
                f"more than {seconds:g} s",
            )
        case 5:
            raise BadRequest("The grammar could not be checked: the model file is gone.", words)
        case status:
            raise BadRequest(
                "The grammar makes llama.cpp crash. Avoid deep nesting and rules that begin "
                "with themselves.",
                f"exit status {status}\n{words[-2000:]}",
            )


def _reason(words: str) -> str:
    """llama.cpp's own explanation, if it gave one."""
    marker = "error parsing grammar: "
    lines = [line.split(marker, 1)[1] for line in words.splitlines() if marker in line]
    if lines:
        reason = lines[0][:200].rstrip()
        # It shows the text behind the fault, which may begin with a line break, or be empty.
        return f"{reason} the end of a line" if reason.endswith(" at") else reason
    if "left recursion" in words:
        return "a rule begins with itself"
    return "check that there is a rule named root, and that all rules are defined"


def _command() -> list[str]:
    if getattr(sys, "frozen", False):
        return [sys.executable, FLAG]
    return [sys.executable, "-P", "-m", __name__]


# In the child


def main(words: Sequence[str]) -> int:
    """Check the grammar on standard input; `words` are the limit in seconds and the model."""
    seconds, model_path = float(words[0]), words[1]
    grammar = sys.stdin.buffer.read()
    try:
        vocabulary = open_vocabulary(model_path)
    except BackendError:
        return _NO_MODEL
    alarm = threading.Timer(seconds, os._exit, [_TOO_SLOW])
    alarm.daemon = True
    alarm.start()
    log.clear()
    valid = _compiles(grammar, vocabulary)
    sys.stderr.write("\n".join(log.tail(5)))
    sys.stderr.flush()
    # Nothing is worth freeing, and the alarm must not go off during a slow exit.
    os._exit(0 if valid else _REFUSED)


def _compiles(grammar: bytes, vocabulary: Vocabulary) -> bool:
    """Compile the grammar and compute a mask; a hang behind any rule happens here, not later."""
    sampler = native.llama_sampler_init_grammar(vocabulary.handle, grammar, b"root")
    if not sampler:
        return False
    Candidates(vocabulary.size).apply(sampler)
    # Entering a rule is what hangs; with each of them as the root, all are entered.
    for rule in dict.fromkeys(_RULE.findall(grammar)):
        native.llama_sampler_free(
            native.llama_sampler_init_grammar(vocabulary.handle, grammar, rule)
        )
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
