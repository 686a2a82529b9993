"""The OpenAPI document: what FastAPI reads off the routes, and the problems that every request may meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from leadgen.entrypoints.http import problems
from leadgen.entrypoints.http.access import PUBLIC
from leadgen.entrypoints.http.problems import Problem

_ALWAYS = (400, 422, 500, 503)
_GUARDED = (401, 403, 429)
_RETRY = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string"}}}
_HEADERS: Mapping[str, Any] = {
    "401": {"WWW-Authenticate": {"schema": {"type": "string"}}},
    "429": _RETRY,
    "503": _RETRY,
}


_REPLAYED = ("/v1/phone-lookups", "/v1/leads")
"""What names a lead without having its id in the path."""


def document(app: FastAPI) -> dict[str, Any]:
    """The document, made once."""
    if app.openapi_schema is None:
        made = get_openapi(
            title="leadgen",
            version=version("leadgen"),
            description="Finds the phone numbers of leads.",
            routes=app.routes,
        )
        schemas = made["components"]["schemas"]
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        _, problem = models_json_schema(
            [(Problem, "serialization")], ref_template="#/components/schemas/{model}"
        )
        schemas |= problem["$defs"]
        for path, method, operation in _operations(made):
            _add_problems(path, method, operation)
        app.openapi_schema = made
    return app.openapi_schema


def _operations(made: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in made["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def _add_problems(path: str, method: str, operation: dict[str, Any]) -> None:
    statuses = set(_ALWAYS) | (set() if path in PUBLIC else set(_GUARDED))
    if "{" in path:
        statuses.add(404)
    if method != "get":
        statuses |= {404, 409} if path in _REPLAYED else {409}
    if "/leads/{" in path and method in {"patch", "delete"}:
        statuses.add(412)
    if "requestBody" in operation:
        statuses |= {413, 415}
    for status in sorted(statuses):
        operation["responses"][str(status)] = {
            "description": problems.title_of(status),
            "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            **({"headers": _HEADERS[str(status)]} if str(status) in _HEADERS else {}),
        }
