"""``sslclm revoke``: what is sent for one and for many, and how their outcomes are told."""

from __future__ import annotations

import json

import pytest

ONE, TWO = (f"certificate-{number * 8}-0000-4000-8000-000000000000" for number in "12")
REVOKED = {"id": ONE, "position": 9, "state": "revoked", "at_latest": None, "order_id": None, "places": []}


def path(certificate: str) -> str:
    """Return where a certificate is revoked."""
    return f"/certificates/{certificate}/revoke"


def test_one_is_revoked_with_everything_that_was_asked(fake):
    """Spans become seconds, moments their UTC; what was not asked is not sent."""
    fake.has(path(ONE), method="POST", **REVOKED)
    options = ["--revocation-reason", "keyCompromise", "--replace", "first", "--by", "2h", "--remove"]
    fake("revoke", ONE, *options, "--invalidity-date", "2026-11-20T09:00:00+01:00", expect=0)
    fake.asked.clear()
    fake("revoke", ONE, expect=0)

    assert fake.body(path(ONE)) == {"revocation_reason": "unspecified", "reason": "", "replace": "no"}


def test_spans_and_moments_are_sent_as_the_server_wants_them(fake):
    """Two hours are 7200 seconds; a moment keeps its zone."""
    fake.has(path(ONE), method="POST", **REVOKED)
    fake("revoke", ONE, "--replace", "first", "--by", "2h", "--invalidity-date", "2026-11-20T08:00:00Z", expect=0)
    sent = fake.body(path(ONE))

    assert (sent["within"], sent["invalidity_date"]) == (7_200, "2026-11-20T08:00:00Z")


def test_a_plan_says_what_it_waits_for(fake):
    """The order, the deadline, and what becomes of each place."""
    place = {"deployment_id": "deployment-1", "state": "removal-refused", "detail": "no disabler"}
    plan = {"state": "planned", "order_id": "order-7", "at_latest": "2026-11-24T12:00:00Z", "places": [place]}
    fake.has(path(ONE), method="POST", **REVOKED | plan)
    told = fake("revoke", ONE, "--replace", "first", expect=0, env={"COLUMNS": "80"}).stdout.splitlines()

    assert told == [
        f"{ONE}: planned",
        "  revoked when order-7 serves, at the latest 2026-11-24 12:00 (in 1 d)",
        "  deployment-1: removal-refused no disabler",
    ]


def test_several_are_several_commands(fake):
    """Each has its own idempotency key under the run's; one that is refused stops no other; the exit code is 1."""
    fake.has(path(ONE), method="POST", **REVOKED)
    fake.refuses(
        "POST", path(TWO), 409, "the certificate is revoked", fix="look at its history", rule="certificate-state"
    )
    result = fake("revoke", TWO, ONE, "--idempotency-key", "incident-7", "--json", expect=1)
    rows = json.loads(result.stdout)
    keys = [fake.sent("POST", path(one))[0].headers["Idempotency-Key"] for one in (ONE, TWO)]

    assert [(row["id"], row["state"]) for row in rows] == [(TWO, "refused"), (ONE, "revoked")]
    assert rows[0]["rule"] == "certificate-state"
    assert keys == [f"incident-7:{ONE}", f"incident-7:{TWO}"]


@pytest.mark.parametrize("words", [("--by", "soon"), ("--invalidity-date", "yesterday")])
def test_what_cannot_be_read_is_wrong_usage(fake, words):
    """Nothing is sent then."""
    fake("revoke", ONE, *words, expect=2)

    assert fake.asked == []
