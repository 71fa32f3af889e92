"""`corral doctor`: look at everything that Corral depends on, and say what to do."""

import sys
from argparse import Namespace

from app.cli.doctor_checks import CHECKS, Finding, State
from app.cli.parts import Parts
from app.cli.rendering import print_json, without_controls
from app.core.errors import AppError

_MARKS: dict[State, str] = {"ok": "ok ", "note": " ! ", "problem": "NO "}


def doctor(arguments: Namespace) -> int:
    """Make all checks, one after the other; 1 where something does not work."""
    findings: list[Finding] = []
    with Parts() as parts:
        for name, check in CHECKS.items():
            if name == "network" and arguments.offline:
                continue
            try:
                finding = check(parts)
            except AppError as error:
                finding = Finding(name, "problem", str(error), error.hint)
            findings.append(finding)
            if not arguments.json:
                _print(finding)
    if arguments.json:
        print_json(findings)
    return 1 if any(each.state == "problem" for each in findings) else 0


def _print(finding: Finding) -> None:
    text = f"{_MARKS[finding.state]} {finding.check}: {finding.found}\n"
    if finding.advice:
        text += f"     {finding.advice}\n"
    sys.stdout.write(without_controls(text))
    sys.stdout.flush()
