"""`corral login` and `corral logout`: the person's account on the hub."""

import getpass
import sys
from argparse import Namespace

from app.cli.parts import Parts
from app.core.hub_account import Account
from app.core.keys import KeyPlace


def login(arguments: Namespace) -> int:
    """Ask for an access token, have the hub check it, and keep it; `--status` only tells."""
    with Parts() as parts:
        if arguments.status:
            account = parts.account.verify()
            sys.stdout.write(f"{_words(account) if account else 'Not logged in.'}\n")
            return 0 if account else 1
        token = _asked_for() if sys.stdin.isatty() else sys.stdin.readline()
        place: KeyPlace = "file" if arguments.in_file else "keyring"
        sys.stdout.write(f"{_words(parts.account.log_in(token, place))}\n")
        return 0


def logout(arguments: Namespace) -> int:
    """Forget the token that `login` keeps."""
    del arguments
    with Parts() as parts:
        parts.account.log_out()
        left = parts.account.current()
        sys.stdout.write(
            "Logged out. HF_TOKEN in the environment is still in force.\n"
            if left
            else "Logged out.\n"
        )
        return 0


def _asked_for() -> str:
    return getpass.getpass("Access token of the hub (hf_…), not shown while you type: ")


def _words(account: Account) -> str:
    where = {
        "environment": "by HF_TOKEN in the environment",
        "keyring": "the token is in the password store",
        "file": "the token is in a file that only you can read",
    }
    return f"Logged in as {account.name}; {where.get(account.source, '')}."
