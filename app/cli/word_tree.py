"""The parser as a tree of words, for whatever is made of it: completion and the manual."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Option:
    """An option or a word in its place."""

    flags: tuple[str, ...]
    """Empty for a word in its place."""
    metavar: str
    """Empty where it takes no value."""
    choices: tuple[str, ...]
    help: str
    required: bool


@dataclass(frozen=True)
class Word:
    """A command, or the program itself."""

    path: tuple[str, ...]
    """Such as ("server", "start"); empty for the program."""
    aliases: tuple[str, ...]
    """Other names of the last word."""
    help: str
    options: tuple[Option, ...]
    words: tuple["Word", ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What it may be called: the last word of its path, then its aliases."""
        return (*self.path[-1:], *self.aliases)

    def every(self) -> Iterator["Word"]:
        """This word and all below it."""
        yield self
        for word in self.words:
            yield from word.every()


def word_tree(parser: argparse.ArgumentParser) -> Word:
    """All words of a parser; what is suppressed in its help is left out."""
    return _word(parser, (), (), parser.description or "")


def _word(
    parser: argparse.ArgumentParser, path: tuple[str, ...], aliases: tuple[str, ...], text: str
) -> Word:
    options: list[Option] = []
    words: list[Word] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            words += _words(action, path)
        elif action.help != argparse.SUPPRESS:
            options.append(_option(action))
    return Word(path, aliases, text, tuple(options), tuple(words))


def _words(
    action: "argparse._SubParsersAction[argparse.ArgumentParser]", path: tuple[str, ...]
) -> Iterator[Word]:
    helps = {each.dest: each.help or "" for each in action._choices_actions}
    names: dict[int, list[str]] = {}
    for name, parser in action.choices.items():
        names.setdefault(id(parser), []).append(name)
    for name, parser in action.choices.items():
        first, *others = names[id(parser)]
        if name == first:
            yield _word(parser, (*path, name), tuple(others), helps.get(name, ""))


def _option(action: argparse.Action) -> Option:
    takes = action.nargs != 0
    choices = tuple(map(str, action.choices)) if action.choices else ()
    metavar = action.metavar if isinstance(action.metavar, str) else ""
    if takes and not metavar:
        metavar = "|".join(choices) or action.dest.upper()
    return Option(
        tuple(action.option_strings),
        metavar if takes else "",
        choices,
        action.help or "",
        action.required,
    )
