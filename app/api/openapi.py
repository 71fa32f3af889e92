"""`openapi.json`: the operations described by their own types (OpenAPI 3.1)."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app import __version__
from app.api.operations import Dialect, Operation
from app.api.streams import json_response

_LINES = ("corral", "ollama")
"""Dialects whose streams are lines of JSON; those of the others are server-sent events."""


def with_documentation(dialects: Sequence[Dialect]) -> list[Dialect]:
    """The dialects, the first one with an operation that describes all of them."""
    document: dict[str, Any] = {}

    async def describe(_: Request) -> Response:
        if not document:
            document.update(openapi_document(dialects))
        return json_response(document)

    own = Operation(
        "GET", "/openapi.json", describe, "chat", "What this server can be asked.", documented=False
    )
    first, *others = dialects
    return [replace(first, operations=(*first.operations, own)), *others]


def openapi_document(dialects: Sequence[Dialect]) -> dict[str, Any]:
    """The description of all documented operations."""
    listed = [(each, op) for each in dialects for op in each.operations if op.documented]
    kinds = [kind for _, op in listed for kind in (op.request, op.response, op.stream) if kind]
    schemas, components = msgspec.json.schema_components(
        kinds, ref_template="#/components/schemas/{name}"
    )
    by_kind = {id(kind): schema for kind, schema in zip(kinds, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for dialect, op in listed:
        path = re.sub(r":\w+\}", "}", op.path)
        paths.setdefault(path, {})[op.method.lower()] = _described(dialect, op, path, by_kind)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Corral",
            "version": __version__,
            "description": "The local server of Corral, in the dialects of OpenAI, Anthropic, "
            "Ollama and LM Studio.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
        },
    }


def _described(
    dialect: Dialect, op: Operation, path: str, by_kind: dict[int, dict[str, Any]]
) -> dict[str, Any]:
    name = re.sub(r"\W+", "_", f"{op.method.lower()}{path}").strip("_")
    answers: dict[str, Any] = {}
    if op.response is not None:
        answers["application/json"] = {"schema": by_kind[id(op.response)]}
    if op.stream is not None:
        kind = "application/x-ndjson" if dialect.name in _LINES else "text/event-stream"
        answers[kind] = {"schema": {"type": "string"}}
    described: dict[str, Any] = {
        "operationId": name,
        "summary": op.summary,
        "tags": [dialect.name],
        "responses": {
            "200": {"description": "The answer.", **({"content": answers} if answers else {})},
            "default": {"description": "An error, in the dialect's own form."},
        },
        "security": [] if op.scope is None else [{"bearer": []}, {"key": []}, {}],
    }
    if parameters := re.findall(r"\{(\w+)\}", path):
        described["parameters"] = [
            {"name": each, "in": "path", "required": True, "schema": {"type": "string"}}
            for each in parameters
        ]
    if op.request is not None:
        schema = by_kind[id(op.request)]
        described["requestBody"] = {"required": True, "content": {op.body: {"schema": schema}}}
    return described
