"""The port that waits for a sign-in: one answer counts, everybody else is turned away."""

from __future__ import annotations

import threading

import httpx2
import pytest

from api.cli.errors import Misused, SignedOut
from api.cli.loopback import Attempt, Loopback
from api.cli.trust import base_url


@pytest.fixture
def waiting():
    """Return a listener that waits, and the code that it gets, in a list."""
    with Loopback(Attempt()) as loopback:
        got = []
        ticks = iter(range(1_000))
        thread = threading.Thread(target=lambda: got.append(loopback.wait(900, lambda: float(next(ticks)))))
        thread.start()
        yield loopback, got
        if thread.is_alive():
            visit(loopback, f"code=last&state={loopback.attempt.state}")
        thread.join(10)


def visit(loopback: Loopback, query: str, path: str = "/callback", host: str = "") -> int:
    """Call the listener as a browser does; 0 where nobody answers any more."""
    headers = {"Host": host} if host else {}
    url = f"http://127.0.0.1:{loopback.server_port}{path}?{query}"
    try:
        return httpx2.get(url, headers=headers, trust_env=False, timeout=2).status_code
    except httpx2.TransportError:
        return 0


def test_the_challenge_of_rfc_7636():
    """The S256 challenge is that of RFC 7636 appendix B."""
    attempt = Attempt(verifier="dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")

    assert "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" == attempt.challenge()


def test_attempts_are_fresh_and_keep_their_secrets():
    """No two attempts share a verifier or a state, and neither is in what is printed of one."""
    one, other = Attempt(), Attempt()

    assert not {one.verifier, one.state} & {other.verifier, other.state}
    assert one.verifier not in repr(one) + one.url("https://clm.test", "http://127.0.0.1:1/callback", provider="p")


def test_only_the_answer_to_this_attempt_counts(waiting):
    """Foreign states, doubled members, missing codes, other paths and other host names change nothing."""
    loopback, got = waiting
    state = loopback.attempt.state
    for query in (
        "",
        "code=x",
        "code=x&state=wrong",
        f"state={state}",
        f"code=x&code=y&state={state}",
        "state=é&code=x",
    ):
        assert 400 == visit(loopback, query)
    assert 404 == visit(loopback, f"code=x&state={state}", path="/favicon.ico")
    assert 404 == visit(loopback, f"code=x&state={state}", host="evil.test")
    assert [] == got


def test_the_page_does_not_repeat_the_code(waiting):
    """The browser gets a page that may not load anything, without what was in the address."""
    loopback, _ = waiting
    query = f"code=the-code&state={loopback.attempt.state}"
    answer = httpx2.get(f"{loopback.redirect_uri}?{query}", trust_env=False, timeout=5)

    assert "close this window" in answer.text
    assert "the-code" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_nobody_comes():
    """After the time that was given the sign-in ends with what to do."""
    ticks = iter((0.0, 301.0))
    with Loopback(Attempt()) as loopback, pytest.raises(SignedOut, match="nobody signed in within 300 seconds"):
        loopback.wait(300, lambda: next(ticks))


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("clm.test", "https://clm.test"), ("https://CLM.test:8443/", "https://clm.test:8443"),
        ("https://[::1]:8443", "https://[::1]:8443"), ("https://clm.test/clm/", "https://clm.test/clm"),
    ],
)  # fmt: skip
def test_bases(given, base):
    """However a server is written, it is kept under one name."""
    assert base == base_url(given)


@pytest.mark.parametrize(
    "given", ["http://clm.test", "", "https://", "https://u:p@clm.test", "https://a.test?x", "ftp://a"]
)
def test_no_bases(given):
    """Plain http and addresses that are no base are refused."""
    with pytest.raises(Misused, match="https"):
        base_url(given)
