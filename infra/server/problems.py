"""Answers that the server itself gives, before an application sees the request: RFC 9457 problem documents."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True, slots=True)
class Problem:
    """One refusal: HTTP status, stable rule name, what is wrong and what mends it."""

    status: HTTPStatus
    rule: str
    detail: str
    fix: str

    def response(self) -> bytes:
        """Return the whole HTTP/1.1 response; the connection is closed after it."""
        body = json.dumps(
            {
                "type": f"urn:sslclm:problem:{self.rule}",
                "title": self.status.phrase,
                "status": int(self.status),
                "detail": self.detail,
                "rule": self.rule,
                "fix": self.fix,
            }
        ).encode()
        head = (
            f"HTTP/1.1 {int(self.status)} {self.status.phrase}\r\n"
            f"content-type: application/problem+json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        return head.encode() + body


def malformed() -> Problem:
    """Return the answer to what is not HTTP/1.1 (RFC 9112)."""
    return Problem(HTTPStatus.BAD_REQUEST, "malformed-request", "This is not an HTTP/1.1 request.", "Send HTTP/1.1.")


def bad_client_cert() -> Problem:
    """Return the answer to a load balancer whose ``Client-Cert`` header cannot be read."""
    fix = "Let the load balancer set one Client-Cert header as RFC 9440 section 2.2 says."
    return Problem(HTTPStatus.BAD_REQUEST, "client-cert-header", "The Client-Cert header cannot be read.", fix)


def too_slow(part: str, seconds: float) -> Problem:
    """Return the answer to a request whose ``head`` or ``body`` did not arrive in time."""
    detail = f"The request's {part} did not arrive within {seconds:g} seconds."
    return Problem(HTTPStatus.REQUEST_TIMEOUT, "request-too-slow", detail, "Send the whole request without pauses.")


def head_too_large(limit: int) -> Problem:
    """Return the answer to request line and headers over the limit (octets)."""
    detail = f"Request line and headers are larger than {limit} bytes."
    fix = "Send fewer or shorter headers."
    return Problem(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "head-too-large", detail, fix)


def body_too_large(limit: int) -> Problem:
    """Return the answer to a body over the limit (octets)."""
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    return Problem(status, "body-too-large", f"The body is larger than {limit} bytes.", "Divide it into several calls.")
