"""Renewals at the command line: what is due, and a certificate renewed now."""

from __future__ import annotations

import json

import httpx2
import pytest

UNDER_WAY = "a successor is on its way already"


def uid(kind: str, number: int = 1) -> str:
    """Return an id."""
    return f"{kind}-00000000-0000-4000-8000-{number:012d}"


@pytest.fixture
def row():
    """Return a failing renewal as the server shows it."""
    return {
        "renewal_id": uid("renewal"), "certificate_id": uid("certificate"), "state": "failed", "team_id": uid("team"),
        "due_at": "2026-11-20T12:00:00Z", "expires_at": "2026-11-30T12:00:00Z", "next_at": "2026-11-23T13:00:00Z",
        "attempt": 3, "level": 2, "cause": "renewal", "order_id": uid("order"), "rule": "deployment-reload",
        "completed_by": None, "is_open": True, "dns_names": ["www.shop.test"], "ip_addresses": [],
        "created_position": 1, "changed_position": 9,
    }  # fmt: skip


@pytest.mark.parametrize("columns", ["80", "200"])
def test_the_list_says_what_is_wrong_and_what_comes_next(fake, row, columns):
    """Name, state, rule, attempt, next attempt, and that somebody must see to it."""
    fake.has("/renewals", row)
    shown = fake("renewals", "--due", "7", "--urgent", expect=0, env={"COLUMNS": columns}).output

    for words in ("www.shop.test", row["certificate_id"], "why: deployment-reload", "attempt 3", "its end is near"):
        assert words in shown
    for words in ("failed", "next 2026-11-23 (in 1 h)", "due 2026-11-20 (3 d ago)", "expires 2026-11-30 (in 7 d)"):
        assert words in shown
    (asked,) = fake.sent("GET", "/renewals")
    assert (asked.url.params["due_before"], asked.url.params["level"]) == ("2026-11-30T12:00:00Z", "1")


def test_only_what_is_open_is_listed_unless_all_or_a_state_is_asked_for(fake, row):
    """What is over does not stand before what is to be done."""
    fake.has("/renewals", row)
    for more in ((), ("--all",), ("--state", "completed")):
        fake("renewals", *more, expect=0)

    assert [one.url.params.get("open") for one in fake.sent("GET", "/renewals")] == ["true", None, None]


def test_one_that_waits_names_the_order_to_decide(fake, row):
    """Whoever reads that a person is needed can go on from there."""
    fake.has("/renewals", {**row, "state": "waiting", "rule": "approval-always"})
    shown = fake("renewals", expect=0, env={"COLUMNS": "80"}).stdout

    assert [] == [words for words in ("waiting", "why: approval-always", uid("order")) if words not in shown]


def test_json_is_the_servers_answer(fake, row):
    """Machines get the rows as they are."""
    fake.has("/renewals", row)

    assert json.loads(fake("renewals", "--json", expect=0).stdout)["items"] == [row]


def test_a_certificate_is_renewed(fake, order):
    """The order that brings the successor is told; waiting for its hosts is exit code 5."""
    path = f"/certificates/{uid('certificate')}/renew"
    answer = {"certificate_id": uid("certificate"), "order_id": uid("order"), "state": "approved", "position": 9}
    fake.answers["POST", path] = httpx2.Response(202, json=answer)
    target = {"host_id": uid("host"), "spec": {"directory": "/srv/tls", "endpoints": []}}
    fake.has(f"/orders/{uid('order')}", **{**order, "state": "approved", "targets": [target]})
    ended = fake("renew", uid("certificate"), "--together", "--reason", "moved", expect=5)

    assert fake.body(path) == {"together": True, "reason": "moved"}
    assert uid("order") in ended.output


def test_a_refusal_says_why(fake):
    """One that is on its way already is not ordered twice."""
    fake.refuses("POST", f"/certificates/{uid('certificate')}/renew", 409, UNDER_WAY, rule="renewal-under-way")

    assert UNDER_WAY in fake("renew", uid("certificate"), expect=1).output
