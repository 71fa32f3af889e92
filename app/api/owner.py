"""Whose what is that the server keeps: chats of the page, responses to go on from."""

from starlette.requests import Request

LOCAL = "local"
"""This computer itself, where it needs no token."""


def owner_of(request: Request) -> str:
    """Who asks: the id of the token, so that what is kept is seen with that token only."""
    token = request.scope["state"].get("token")
    return LOCAL if token is None or token.id == "own" else str(token.id)
