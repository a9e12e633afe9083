"""Errors as RFC 9457 problem documents: the one table from an error's class to an HTTP status.

::

    ClmError ──▶ STATUS (by class) ──▶ {"type", "title", "status", "detail", "fix", "rule", "correlation_id"}

Decided once: whatever is wrong *inside* a call (malformed JSON, unknown members, values) is 422; 400 is for a call
that lacks what every call must have, such as an idempotency key. What nobody expected is a 500 that says nothing.
"""

from __future__ import annotations

import difflib
import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from api.pages import problem_page
from api.ports import TokenRefused
from api.safeguard import CORRELATION, Called, Safeguard, correlation_id
from commands.ports.ledger import LedgerUnavailable, OutcomeUnknown
from domain.errors import (
    AlreadyExists,
    ClmError,
    Denied,
    IdempotencyMismatch,
    InvalidInput,
    NotFound,
    PolicyRefused,
    StepUpRequired,
    TooMany,
    Unauthenticated,
    Unavailable,
    WrongState,
)

LOG = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = {HTTPStatus.SERVICE_UNAVAILABLE: 2, HTTPStatus.TOO_MANY_REQUESTS: 60}
"""Status -> seconds after which asking again may help."""
_ERRORS_SHOWN = 5
_DETAIL_SHOWN = 1_000


class BadCall(ClmError):
    """The call lacks what every call of its kind must have."""

    rule = "bad-call"


class TooLarge(ClmError):
    """The body is larger than any honest one."""

    rule = "body-too-large"


class WrongMediaType(ClmError):
    """The body is of another kind than the endpoint reads."""

    rule = "media-type"


STATUS: Mapping[type[ClmError], HTTPStatus] = {
    BadCall: HTTPStatus.BAD_REQUEST,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    TokenRefused: HTTPStatus.UNAUTHORIZED,
    StepUpRequired: HTTPStatus.UNAUTHORIZED,
    Denied: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    WrongState: HTTPStatus.CONFLICT,
    AlreadyExists: HTTPStatus.CONFLICT,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    WrongMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    PolicyRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    IdempotencyMismatch: HTTPStatus.UNPROCESSABLE_ENTITY,
    TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Error class -> status; the nearest class of an error decides, and an error without a row is nobody's: 500."""

_CHALLENGES: Mapping[type[ClmError], str] = {
    Unauthenticated: 'Bearer realm="sslclm"',
    TokenRefused: 'Bearer realm="sslclm", error="invalid_token"',
    # RFC 9470 section 3: which act it is stands in the problem document.
    StepUpRequired: 'Bearer realm="sslclm", error="insufficient_user_authentication", max_age="300"',
}


_ALWAYS: Mapping[str, tuple[str, str]] = {
    # One sentence for what is not there and for what is not theirs: nobody learns which it was.
    NotFound.rule: ("there is no such object, or none that you may see", "check the id, and the team you act for"),
    # The cause may name files; it stands in the log.
    "ledger-unavailable": ("the ledger does not take entries; nothing was changed", "try again later"),
    "outcome-unknown": ("it may be recorded, or not", "repeat the call with the same idempotency key: it is done once"),
}
"""Rule -> detail and fix, where the error's own words would tell too much."""

_SAID = {
    "missing": "is missing",
    "extra_forbidden": "there is no such member",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "too_short": "needs at least {min_length}",
    "too_long": "takes at most {max_length}",
}
"""Kind of a pydantic error -> what is said of the member; the kind's own context fills it in."""


def status_of(error: type[ClmError]) -> HTTPStatus:
    """Return the status of an error class."""
    found = next((STATUS[kind] for kind in error.__mro__ if kind in STATUS), None)
    return found or HTTPStatus.INTERNAL_SERVER_ERROR


def problem_response(error: ClmError, request: Request) -> Response:
    """Return the problem document of an error."""
    status = status_of(type(error))
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        return unexpected(error, request)
    headers = {}
    challenge = next((_CHALLENGES[kind] for kind in type(error).__mro__ if kind in _CHALLENGES), None)
    if challenge is not None:
        headers["WWW-Authenticate"] = challenge
    if status in RETRY_AFTER:
        headers["Retry-After"] = str(RETRY_AFTER[status])
    return _response(request, _document_of(error, request), headers)


def problem_of(error: Exception, request: Request) -> dict[str, Any]:
    """Return the problem document of whatever ended one item of a call; what nobody expected is logged."""
    if isinstance(error, LedgerUnavailable | OutcomeUnknown):
        error = _no_ledger(error, request)
    if isinstance(error, ClmError) and status_of(type(error)) is not HTTPStatus.INTERNAL_SERVER_ERROR:
        return _document_of(error, request)
    return _unexpected_document(error, request)


def unexpected(error: Exception, request: Request) -> Response:
    """Log what nobody expected, with the correlation id, and answer a 500 that says nothing."""
    return _response(request, _unexpected_document(error, request))


def _unexpected_document(error: Exception, request: Request) -> dict[str, Any]:
    LOG.error("unexpected error", exc_info=error, extra={CORRELATION: correlation_id(request.scope)})
    fix = "try again; if it stays, give the correlation id to whoever runs this backend"
    return _document(request, HTTPStatus.INTERNAL_SERVER_ERROR, "internal-error", "something went wrong here", fix)


def _no_ledger(error: Exception, request: Request) -> Unavailable:
    LOG.error("the ledger takes no entries", exc_info=error, extra={CORRELATION: correlation_id(request.scope)})
    rule = "outcome-unknown" if isinstance(error, OutcomeUnknown) else "ledger-unavailable"
    return Unavailable(str(error), rule=rule, fix=_ALWAYS[rule][1])


def _document_of(error: ClmError, request: Request) -> dict[str, Any]:
    detail, fix = _ALWAYS.get(error.rule, (error.message, error.fix))
    return _document(request, status_of(type(error)), error.rule, detail, fix)


def _document(request: Request, status: HTTPStatus, rule: str, detail: str, fix: str) -> dict[str, Any]:
    edge = getattr(request.app.state, "edge", None)
    return {
        "type": f"{edge.public_url if edge else ''}/problems/{rule}",
        "title": status.phrase,
        "status": int(status),
        "detail": detail[:_DETAIL_SHOWN],
        "fix": fix,
        "rule": rule,
        "correlation_id": correlation_id(request.scope),
    }


def _response(request: Request, document: dict[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        return problem_page(document, headers)  # somebody looks at it in a browser
    return Response(json.dumps(document), document["status"], headers, MEDIA_TYPE)


def invalid(errors: Sequence[Mapping[str, Any]], members: Sequence[str] = ()) -> InvalidInput:
    """Return what pydantic found as one error: it names the members, and never repeats what was sent.

    ``members``: those that there are; the nearest is suggested in place of an unknown one.
    """
    shown = [
        f"{'.'.join(str(part)[:64] for part in _place(one)) or 'body'}: {_said(one)}{_near(one, members)}"
        for one in errors
    ]
    more = [f"and {len(shown) - _ERRORS_SHOWN} more"] if len(shown) > _ERRORS_SHOWN else []
    detail = "; ".join([*shown[:_ERRORS_SHOWN], *more])
    return InvalidInput(detail, fix="see /api/openapi.json for the members and their form")


_SEE = {True: "see /api/openapi.json", False: "addresses stand in the certificates that name them"}
"""Whether an application has a document of its addresses -> where to look for them."""


def _place(error: Mapping[str, Any]) -> Sequence[object]:
    """Return where a member stands; that it came in the query needs not be said."""
    place: Sequence[object] = error["loc"]
    return place[1:] if len(place) > 1 and place[0] == "query" else place


def _near(error: Mapping[str, Any], members: Sequence[str]) -> str:
    if error["type"] != "extra_forbidden" or len(error["loc"]) != 1:
        return ""
    close = difflib.get_close_matches(str(error["loc"][0])[:64], members, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _said(error: Mapping[str, Any]) -> str:
    """Return what is wrong with a member: the commonest in our words, with the values that are allowed."""
    words = _SAID.get(error["type"])
    return words.format(**error.get("ctx", {})) if words else str(error["msg"])


def install_problem_handlers(app: FastAPI, *, called: Called | None = None) -> None:
    """Let an application answer every error with a problem document, and every answer carry the safe headers.

    ``called`` hears of every answered call. Without an edge in ``app.state``, ``type`` is relative to the application.
    """

    async def on_rule(request: Request, error: Exception) -> Response:
        assert isinstance(error, ClmError)
        return problem_response(error, request)

    async def on_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return problem_response(invalid(error.errors()), request)

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        status = HTTPStatus(error.status_code)
        rule = status.phrase.lower().replace(" ", "-")
        document = _document(request, status, rule, status.description or status.phrase, _SEE[bool(app.openapi_url)])
        return _response(request, document)

    async def on_ledger(request: Request, error: Exception) -> Response:
        return problem_response(_no_ledger(error, request), request)

    app.add_exception_handler(ClmError, on_rule)
    for refusal in (LedgerUnavailable, OutcomeUnknown):
        app.add_exception_handler(refusal, on_ledger)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(HTTPException, on_http)
    app.add_middleware(Safeguard, on_unexpected=unexpected, called=called)
