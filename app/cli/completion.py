"""`corral completion`: what makes a shell complete Corral's words.

Each script is made of the parser's own words. Names of models are asked for while completing, by
`corral ls --ids`.
"""

import sys
from argparse import Namespace
from collections.abc import Callable, Mapping

from app.cli.parser import build_parser
from app.cli.word_tree import Option, Word, word_tree


def completion(arguments: Namespace) -> int:
    """Print the script for a shell."""
    sys.stdout.write(_SCRIPTS[arguments.shell](word_tree(build_parser())))
    return 0


def _candidates(word: Word) -> list[str]:
    """What may follow a word."""
    below = [name for each in word.words for name in each.names]
    flags = [flag for option in word.options for flag in option.flags]
    places = [choice for option in word.options if not option.flags for choice in option.choices]
    return [*below, *places, *flags]


def _wants_model(word: Word) -> bool:
    return any(not option.flags and option.metavar == "MODEL" for option in word.options)


def _cases(tree: Word) -> list[tuple[str, str, bool]]:
    """For each path: the words that may follow, and whether a model's name may."""
    named = [("", tree)]
    for word in tree.words:
        for name in word.names:
            named.append((name, word))
            named += [(f"{name} {last}", each) for each in word.words for last in each.names]
    return [(path, " ".join(_candidates(word)), _wants_model(word)) for path, word in named]


def _choices(tree: Word) -> list[tuple[str, str]]:
    """Options that take one of a few words, whichever command they belong to."""
    found: dict[str, str] = {}
    for word in tree.every():
        for option in word.options:
            if option.choices:
                found.update((flag, " ".join(option.choices)) for flag in option.flags)
    return sorted(found.items())


def _posix_cases(tree: Word, indent: str) -> str:
    lines = []
    for path, words, models in _cases(tree):
        more = " $(corral ls --ids 2>/dev/null)" if models else ""
        lines.append(f'{indent}"{path}") words="{words}{more}" ;;')
    return "\n".join(lines)


def _posix_choices(tree: Word, indent: str) -> str:
    return "\n".join(f'{indent}{flag}) words="{words}" ;;' for flag, words in _choices(tree))


def _posix_groups(tree: Word) -> str:
    """Commands that have commands of their own, as a pattern."""
    names = [name for word in tree.words if word.words for name in word.names]
    return "|".join(names)


def _bash(tree: Word) -> str:
    return f"""\
# Completion of corral for bash. To use it:  source <(corral completion bash)
_corral() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}"
    local path="" words=""
    (( COMP_CWORD > 1 )) && path="${{COMP_WORDS[1]}}"
    case "$path" in
        {_posix_groups(tree)}) (( COMP_CWORD > 2 )) && path="$path ${{COMP_WORDS[2]}}" ;;
    esac
    case "$previous" in
{_posix_choices(tree, "        ")}
    *)
    case "$path" in
{_posix_cases(tree, "        ")}
    esac ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -o bashdefault -F _corral corral
"""


def _zsh(tree: Word) -> str:
    return f"""\
#compdef corral
# Completion of corral for zsh. To use it:  source <(corral completion zsh)
_corral() {{
    local path_="" list="" words_=""
    (( CURRENT > 2 )) && path_="${{words[2]}}"
    case "$path_" in
        {_posix_groups(tree)}) (( CURRENT > 3 )) && path_="$path_ ${{words[3]}}" ;;
    esac
    case "${{words[CURRENT-1]}}" in
{_posix_choices(tree, "        ").replace(" words=", " list=")}
    *)
    case "$path_" in
{_posix_cases(tree, "        ").replace(" words=", " list=")}
    esac ;;
    esac
    compadd -- ${{=list}}
    [[ -z "${{words[CURRENT]}}" || "${{words[CURRENT]}}" == -* ]] || _files
}}
if [[ "$funcstack[1]" == _corral ]]; then _corral "$@"; else compdef _corral corral; fi
"""


def _fish(tree: Word) -> str:
    lines = [
        "# Completion of corral for fish. To use it:  corral completion fish | source",
        "complete -c corral -f",
    ]
    top = " ".join(name for word in tree.words for name in word.names)
    for word in tree.words:
        lines += _fish_word(word, f"not __fish_seen_subcommand_from {top}", "")
        said = f"__fish_seen_subcommand_from {' '.join(word.names)}"
        for each in word.words:
            lines += _fish_word(each, said, f"{said}; and ")
    return "\n".join(lines) + "\n"


def _fish_word(word: Word, when: str, above: str) -> list[str]:
    """The lines of one command, which may be written `when` that holds."""
    text = _fish_text(word.help)
    lines = [f"complete -c corral -n {_fish_text(when)} -a {name} -d {text}" for name in word.names]
    said = _fish_text(f"{above}__fish_seen_subcommand_from {' '.join(word.names)}")
    if _wants_model(word):
        lines.append(f"complete -c corral -n {said} -a '(corral ls --ids 2>/dev/null)'")
    return [
        *lines,
        *(f"complete -c corral -n {said} {_fish_option(each)}" for each in word.options),
    ]


def _fish_option(option: Option) -> str:
    flags = [
        f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in option.flags
    ]
    if option.choices:
        flags += ["-x"] * bool(option.flags) + ["-a", _fish_text(" ".join(option.choices))]
    elif option.metavar in ("FILE", "PATH"):
        flags.append("-r -F")
    elif option.metavar and option.flags:
        flags.append("-x")
    return " ".join([*flags, "-d", _fish_text(option.help)])


def _fish_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _powershell(tree: Word) -> str:
    cases = "\n".join(
        f"        '{path}' = @('{words}', ${str(models).lower()})"
        for path, words, models in _cases(tree)
    )
    choices = "\n".join(f"        '{flag}' = '{words}'" for flag, words in _choices(tree))
    groups = ", ".join(f"'{name}'" for name in _posix_groups(tree).split("|"))
    return f"""\
# Completion of corral for PowerShell. To use it:
#   corral completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName corral -ScriptBlock {{
    param($current, $ast, $position)
    $cases = @{{
{cases}
    }}
    $choices = @{{
{choices}
    }}
    $said = @($ast.CommandElements | ForEach-Object {{ $_.ToString() }} |
        Where-Object {{ $_ -ne $current }})
    $path = if ($said.Count -gt 1) {{ $said[1] }} else {{ '' }}
    if (@({groups}) -contains $path -and $said.Count -gt 2) {{ $path = "$path $($said[2])" }}
    $previous = $said[-1]
    if ($choices.ContainsKey($previous)) {{
        $words = $choices[$previous] -split ' '
    }} elseif ($cases.ContainsKey($path)) {{
        $words = $cases[$path][0] -split ' '
        if ($cases[$path][1]) {{ $words += @(corral ls --ids 2>$null) }}
    }} else {{
        $words = @()
    }}
    $words | Where-Object {{ $_ -like "$current*" }} | ForEach-Object {{
        [System.Management.Automation.CompletionResult]::new($_)
    }}
}}
"""


_SCRIPTS: Mapping[str, Callable[[Word], str]] = {
    "bash": _bash,
    "zsh": _zsh,
    "fish": _fish,
    "powershell": _powershell,
}
