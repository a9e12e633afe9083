"""Exit codes and sentences: what scripts branch on and what people read when something goes wrong."""

from __future__ import annotations

import subprocess
import sys

import httpx2
import pytest

from tests.support.sources import ROOT

DETAIL, FIX, CORRELATION = "the name is outside the profile", "ask for another name", "c-123"


@pytest.mark.parametrize(
    ("status", "code"), [(400, 1), (401, 3), (403, 1), (404, 1), (409, 1), (422, 1), (429, 1), (500, 4), (503, 4)]
)
def test_a_problem_is_told_in_the_servers_words(fake, status, code):
    """Sentence, fix and correlation id stand on standard error, and nothing on standard output."""
    fake.refuses("GET", "/hosts", status, DETAIL, fix=FIX, correlation_id=CORRELATION)
    for arguments in (("hosts", "list"), ("hosts", "list", "--json")):
        shown = fake(*arguments, expect=code)

        assert "" == shown.stdout
        assert all(one in shown.stderr for one in (DETAIL, FIX, CORRELATION))


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(502, text="<html>bad gateway</html>"),
        httpx2.Response(200, text="<html>hello</html>"),
        httpx2.Response(302, headers={"Location": "https://elsewhere.test/"}),
        httpx2.Response(500, json=["not", "a", "problem"]),
        httpx2.Response(503, json={"detail": {"not": "text"}, "fix": 7}),
        httpx2.Response(500, content=b"x" * 1_000_000),
        httpx2.ConnectError("connection refused"),
        httpx2.ReadTimeout("too slow"),
        httpx2.RemoteProtocolError("what is this"),
    ],
    ids=str,
)
def test_a_broken_server_is_exit_code_4(fake, answer):
    """Whatever a server or the way to it does, one sentence comes out of it, and no stack trace."""
    fake.answers["GET", "/hosts"] = answer
    shown = fake("hosts", "list", expect=4)

    assert shown.stderr.startswith("sslclm: ")
    assert len(shown.stderr) < 1_000


@pytest.mark.parametrize("body", [{}, {"items": 1}, {"items": [{}], "next_cursor": None, "position": 1}, []])
def test_an_answer_of_another_shape_is_exit_code_4(fake, body):
    """JSON that is not what the interface says is the server's fault, told in one sentence."""
    fake.answers["GET", "/hosts"] = httpx2.Response(200, json=body)
    shown = fake("hosts", "list", expect=4)

    assert "another version" in shown.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "../../auth/logout"), ("show", "order-1"), ("show", "zz"), ("show", "ab" * 30), ("approve", "x"),
        ("cancel", "order-../x"), ("audit", "object", "a/b"), ("audit", "object", "a?b"), ("list", "--expiring", "x"),
        ("reject", "order-1"), ("nonsense",), ("hosts", "list", "--token", "t"), ("whoami", "--server", "http://a.test"),
        ("whoami", "--server", "https://user@a.test"), ("whoami", "--ca-file", "/nonexistent"),
        ("teams", "add", "x", "--idempotency-key", "a\nb"), ("deployments", "retry", "host-1"),
        ("audit", "search", "--since", "yesterday"), ("login", "--ca-sha256", "abc", "--server", "https://a.test"),
    ],
)  # fmt: skip
def test_wrong_usage_is_exit_code_2_and_sends_nothing(fake, arguments):
    """What cannot be meant is refused before anything is sent."""
    fake(*arguments, expect=2)

    assert [] == fake.asked


def test_nobody_signed_in_is_exit_code_3(fake):
    """Without a session, or without a server, the message says how to sign in."""
    assert "sslclm login" in fake("list", "--server", "https://other.test", expect=3).stderr
    (fake.folder / "session.json").unlink()
    assert "sslclm login" in fake("list", expect=3).stderr
    assert [] == fake.asked


def test_an_interrupt_is_one_line(fake):
    """Ctrl-C ends a command with one line and exit code 130."""
    fake.answers["GET", "/hosts"] = KeyboardInterrupt()
    shown = fake("hosts", "list", expect=130)

    assert "sslclm: interrupted" == shown.stderr.strip()


def test_a_reader_that_goes_away(tmp_path):
    """``sslclm … | head`` ends without a stack trace."""
    command = f"{sys.executable} -m scripts.sslclm --help | true"
    clean = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["/bin/sh", "-c", command], cwd=ROOT, env=clean, capture_output=True, timeout=60, check=True)

    assert b"" == done.stderr


def test_help_tells_the_exit_codes(fake):
    """The codes stand in the help of the program and of each command."""
    for arguments in (("--help",), ("request", "--help"), ("hosts", "token", "--help")):
        shown = " ".join(fake(*arguments, expect=0).stdout.split())

        assert "5 accepted, but not issued yet" in shown.replace("│ ", "").replace(" │", "")


def test_hints_lead_to_the_next_command(fake):
    """A name in place of an id, an option before the command, and no server: each says what to type."""
    assert "sslclm list --name www.shop.test" in fake("renew", "www.shop.test", expect=2).stderr
    assert "--json goes behind the command" in fake("--json", "list", expect=2).stderr
    assert "--ca-file" in fake("list", "--server", "https://other.test", expect=3).stderr
