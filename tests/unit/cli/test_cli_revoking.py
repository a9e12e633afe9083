"""``sslclm revoke``: what is sent for one and for many, and how their outcomes are told."""

from __future__ import annotations

import json

import httpx2
import pytest

ONE, TWO = (f"certificate-{number * 8}-0000-4000-8000-000000000000" for number in "12")
BULK = "/certificates/bulk-revoke"
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


def bulk(*items):
    """Return the answer of a bulk call."""
    counts = {"done": 0, "refused": 0, "failed": 0}
    return {"items": [{"index": index, **one} for index, one in enumerate(items)], "counts": counts, "position": 9}


def test_several_are_one_call_and_several_outcomes(fake):
    """One that is refused stops no other; the exit code is 1."""
    why = {"detail": "the certificate is revoked", "fix": "look at its history", "rule": "certificate-state"}
    fake.has(BULK, method="POST", **bulk({"status": 409, "problem": why}, {"status": 200, "answer": REVOKED}))
    result = fake("revoke", TWO, ONE, TWO, "--idempotency-key", "incident-7", "--json", expect=1)
    rows = json.loads(result.stdout)
    [request] = fake.sent("POST", BULK)

    assert [(row["id"], row["state"]) for row in rows] == [(TWO, "refused"), (ONE, "revoked")]
    assert rows[0]["rule"] == "certificate-state"
    assert [one["certificate_id"] for one in fake.body(BULK)["items"]] == [TWO, ONE]
    assert request.headers["Idempotency-Key"] == "incident-7"


def test_a_file_names_them_too(fake, tmp_path):
    """The first word of each line; what stands behind it is for people."""
    (tmp_path / "ids").write_text(f"{ONE}  www.shop.test\n\n# why\n{TWO}\n")
    fake.has(BULK, method="POST", **bulk(*[{"status": 200, "answer": REVOKED}] * 2))
    fake("revoke", "--file", str(tmp_path / "ids"), expect=0)

    assert [one["certificate_id"] for one in fake.body(BULK)["items"]] == [ONE, TWO]


def test_what_is_not_answered_is_unknown_and_said(fake):
    """A hundred a call; where the second is lost, its certificates are unknown, and the key to repeat with is told."""
    many = [f"certificate-{number:08d}-0000-4000-8000-000000000000" for number in range(150)]
    first = httpx2.Response(200, json=bulk(*[{"status": 200, "answer": REVOKED}] * 100))
    fake.answers["POST", BULK] = [first, httpx2.ConnectError("gone")]
    result = fake("revoke", *many, "--idempotency-key", "incident-8", "--json", expect=4)
    states = [row["state"] for row in json.loads(result.stdout)]

    assert states == ["revoked"] * 100 + ["unknown"] * 50
    assert "--idempotency-key incident-8" in " ".join(result.stderr.split())


def test_no_certificate_is_wrong_usage(fake):
    """Neither an id nor a file."""
    fake("revoke", expect=2)

    assert fake.asked == []


@pytest.mark.parametrize("words", [("--by", "soon"), ("--invalidity-date", "yesterday")])
def test_what_cannot_be_read_is_wrong_usage(fake, words):
    """Nothing is sent then."""
    fake("revoke", ONE, *words, expect=2)

    assert fake.asked == []
