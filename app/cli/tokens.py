"""`corral token`: who else may use the local server."""

import sys
import time
from argparse import Namespace

from app.cli.parts import Parts
from app.cli.rendering import print_json, table
from app.core.errors import AppError, NotFoundError


def ls(arguments: Namespace) -> int:
    """List the tokens, without their secrets."""
    with Parts() as parts:
        tokens = parts.tokens.all()
        if parts.tokens.problem is not None:
            raise parts.tokens.problem
    if arguments.json:
        keys = ("id", "name", "scopes", "created")
        print_json([{key: getattr(token, key) for key in keys} for token in tokens])
        return 0
    if not tokens:
        sys.stdout.write("There are no tokens. Make one with: corral token new NAME\n")
        return 0
    rows = [
        (
            token.id,
            token.name,
            ", ".join(token.scopes),
            time.strftime("%Y-%m-%d", time.localtime(token.created)),
        )
        for token in tokens
    ]
    sys.stdout.write(table(("ID", "NAME", "ALLOWS", "MADE"), rows) + "\n")
    return 0


def new(arguments: Namespace) -> int:
    """Make a token; the secret is printed this once."""
    with Parts() as parts:
        token, secret = parts.tokens.issue(arguments.name, arguments.scope or ["chat"])
    if arguments.json:
        print_json({"id": token.id, "name": token.name, "scopes": token.scopes, "token": secret})
        return 0
    sys.stderr.write("Keep it now: it is never shown again.\n")
    sys.stdout.write(f"{secret}\n")
    return 0


def revoke(arguments: Namespace) -> int:
    """Make a token invalid, by its id or by a name that only one has."""
    with Parts() as parts:
        tokens = parts.tokens.all()
        ids = [token.id for token in tokens if token.id == arguments.token]
        ids = ids or [token.id for token in tokens if token.name == arguments.token]
        if not ids:
            raise NotFoundError(
                f"There is no token {arguments.token}", hint="List them with “corral token ls”."
            )
        if len(ids) > 1:
            raise AppError(
                f"{len(ids)} tokens are called {arguments.token}",
                f"They are {', '.join(ids)}.",
                "Name one of these.",
            )
        gone = parts.tokens.revoke(ids[0])
    sys.stdout.write(f"Revoked: {gone.id} ({gone.name})\n")
    return 0
