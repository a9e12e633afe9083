"""The OpenAPI 3.1 document: endpoints read their bodies themselves, so what they read is said here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema

from api.problems import MEDIA_TYPE

_REFERENCE = "#/components/schemas/{model}"
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "fresh for every new command; the same again repeats its answer instead of doing it twice",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
    "example": "6f1c0f3e-2a9b-4f0e-8a3c-0d7b8c1a5e11",
}
_WHILE = {
    "name": "Min-Ledger-Position",
    "in": "header",
    "description": "wait until the answer contains this position (read your own writes)",
    "schema": {"type": "string", "pattern": "^[0-9]{1,15}$"},
}
_PROBLEM = {
    "description": "a problem document (RFC 9457)",
    "content": {MEDIA_TYPE: {"schema": {"$ref": _REFERENCE.format(model="Problem")}}},
}


class Problem(BaseModel):
    """A problem document (RFC 9457); ``rule`` is stable, ``detail`` and ``fix`` are for people."""

    type: str = Field(examples=["https://clm.example/problems/names-inside-profile"])
    title: str
    status: int
    detail: str
    fix: str
    rule: str
    correlation_id: str


class _Reads(dict[str, Any]):
    """A requestBody that knows the model it refers to: the document's schemas are collected from the routes."""

    def __init__(self, model: type[BaseModel]) -> None:
        content = {"application/json": {"schema": {"$ref": _REFERENCE.format(model=model.__name__)}}}
        required = any(field.is_required() for field in model.model_fields.values())
        super().__init__(required=required, content=content)
        self.model = model


def command(answers: Mapping[int, type[BaseModel]], body: type[BaseModel] | None = None) -> dict[str, Any]:
    """Return the options of a route that takes a command: answers by status, and what it reads."""
    extra: dict[str, Any] = {"parameters": [_KEY]} | (reads(body) if body is not None else {})
    first, *others = answers
    return {
        "status_code": first,
        "response_model": answers[first],
        "responses": {one: {"model": answers[one]} for one in others} | _problems(400, 409, 413, 415),
        "openapi_extra": extra,
    }


def reads(body: type[BaseModel]) -> dict[str, Any]:
    """Return what a route that reads its JSON body itself has to say of it."""
    return {"requestBody": _Reads(body)}


def read(answer: type[BaseModel] | None, *, one: bool = False, media_type: str = "") -> dict[str, Any]:
    """Return the options of a route that reads: a page, ``one`` object with an ETag, or text of a media type."""
    responses = _problems(404, 409) | ({304: {"description": "not modified"}} if one else {})
    if media_type:
        responses[200] = {"description": "as it is", "content": {media_type: {"schema": {"type": "string"}}}}
    return {"response_model": answer, "responses": responses, "openapi_extra": {"parameters": [_WHILE]}}


def _problems(*more: int) -> dict[int | str, dict[str, Any]]:
    return dict.fromkeys((401, 403, 422, 503, *more), _PROBLEM)


def bodies_of(routes: Iterable[Any]) -> Iterator[type[BaseModel]]:
    """Yield the models of what routes read themselves, those of included routers too."""
    for route in routes:
        router = getattr(route, "original_router", None)
        if router is not None:
            yield from bodies_of(router.routes)
        body = (getattr(route, "openapi_extra", None) or {}).get("requestBody")
        if isinstance(body, _Reads):
            yield body.model


def _merged(document: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    for path, operations in more["paths"].items():
        document["paths"].setdefault(path, {}).update(operations)
    schemas = more.get("components", {}).get("schemas", {})
    document.setdefault("components", {}).setdefault("schemas", {}).update(schemas)
    return document


def install_openapi(app: FastAPI, lean: APIRouter) -> None:
    """Complete the document with the bodies that endpoints read and the ways to authenticate.

    ``lean``: routes that are served without the framework's wrapping; what they say of themselves is described, too.
    """
    plain = app.openapi

    def complete() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = _merged(plain(), get_openapi(title=app.title, version=app.version, routes=lean.routes))
            bodies = dict.fromkeys(bodies_of((*lean.routes, *app.routes)))
            chosen = [(body, "validation") for body in (*bodies, Problem)]
            _, schemas = models_json_schema(chosen, ref_template=_REFERENCE)  # type: ignore[arg-type] # literal widened
            components = document.setdefault("components", {})
            components["schemas"] = {**schemas["$defs"], **components.get("schemas", {})}
            components["securitySchemes"] = {
                "bearer": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "__Host-sslclm"},
            }
            document["security"] = [{"bearer": []}, {"session": []}]
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = complete  # type: ignore[method-assign] # FastAPI's documented way to extend the document
