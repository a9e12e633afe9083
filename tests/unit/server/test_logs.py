"""One line of JSON a record, and no secret in any of them: canaries are planted in every place a record has."""

from __future__ import annotations

import io
import json
import logging

import pytest
from pydantic import SecretStr

from commands.ports.keystore import Secret
from infra.logs import JsonFormatter, begin_request, configure

CANARY = "canary-7f3a9b2c"
JWS = "eyJhbGciOiJFUzI1NiJ9." + "eyJzdWIiOiJhIn0" + ".c2lnbmF0dXJl"
KEY = "-----BEGIN PRIVATE KEY-----\n" + CANARY + "\n-----END PRIVATE KEY-----"


@pytest.fixture
def log():
    """Return a logger that writes through the formatter, and what it wrote."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logger = logging.Logger("test")  # noqa: LOG001 - outside the tree, so that no other test sees it
    logger.addHandler(handler)
    return logger, stream


def test_a_record_is_one_line_of_json(log):
    """Line ends inside a message stay inside the string."""
    logger, stream = log
    logger.warning("two\nlines %s", "x\u2028y", extra={"host": "host-1", "size": 3})

    [line] = stream.getvalue().splitlines()
    record = json.loads(line)
    assert (record["level"], record["message"]) == ("warning", "two\nlines x\u2028y")
    assert (record["host"], record["size"]) == ("host-1", 3)
    assert record["time"].endswith("+00:00")


@pytest.mark.parametrize(
    ("message", "arguments", "extra"),
    [
        ("%s", (Secret(CANARY.encode()),), {}),
        ("%s %r", (SecretStr(CANARY), SecretStr(CANARY)), {}),
        ("headers: Authorization: Bearer %s", (CANARY,), {}),
        ("%s", ([(b"cookie", CANARY.encode())],), {}),
        ("%s", ({"authorization": f"Basic {CANARY}", "cookie": f"a={CANARY}"},), {}),
        ("got Bearer %s", (CANARY,), {}),
        ("key %s", (KEY,), {}),
        ("truncated %s", (KEY[:45],), {}),
        ("x", (), {"password": CANARY, "Cookie": CANARY, "nested": {"client_secret": CANARY, "l": [Secret(b"x")]}}),
        ("x", (), {"headers": [("set-cookie", CANARY), ("authorization", CANARY)]}),
        ("x", (), {"headers": [(b"cookie", CANARY.encode())]}),
        ("x", (), {"token": CANARY, "value": SecretStr(CANARY)}),
    ],
)
def test_secrets_are_masked(message, arguments, extra, log):
    """By type, by name, and by what they look like in text."""
    logger, stream = log
    logger.warning(message, *arguments, extra=extra)

    assert CANARY not in stream.getvalue()
    assert json.loads(stream.getvalue())


def test_a_json_web_token_is_masked_anywhere(log):
    """Tokens come in error messages of libraries, too, and in tracebacks."""
    logger, stream = log
    failure = ValueError(f"bad token {JWS}")
    logger.error("refused %s", JWS, exc_info=failure)

    assert JWS not in stream.getvalue()
    assert "ValueError: bad token ***" in json.loads(stream.getvalue())["exception"]


def test_a_request_has_its_id_on_every_line(log):
    """The id is the server's own, and applications find it in their scope."""
    logger, stream = log
    scope: dict[str, dict[str, str]] = {"state": {}}
    begin_request(scope)
    logger.warning("x")

    assert json.loads(stream.getvalue())["request_id"] == scope["state"]["request_id"]


def test_configuring_replaces_what_was_there():
    """The root has one handler and the level that was asked for."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    stream = io.StringIO()
    try:
        configure("warning", stream)
        logging.getLogger("uvicorn.error").error("from a library")
        logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")  # strangers cause it at will
        logging.getLogger("anything").info("not shown")
    finally:
        root.handlers[:], root.level = before

    assert [json.loads(line)["logger"] for line in stream.getvalue().splitlines()] == ["uvicorn.error"]
