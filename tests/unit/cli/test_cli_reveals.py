"""Reveals at the command line: what a second person reads before they decide, and a list that fits a terminal."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest


def uid(kind: str, number: int = 1) -> str:
    """Return an id."""
    return f"{kind}-00000000-0000-4000-8000-{number:012d}"


REVEAL = uid("reveal")
READ = ("www.shop.test", "shop", "the box takes keys by hand", "Olga", "ab" * 32)


@pytest.fixture
def row() -> dict[str, Any]:
    """Return a reveal as the server shows it."""
    return {
        **dict.fromkeys(("approver", "approved_until", "rejecter", "authorised_at", "form")),
        "reveal_id": REVEAL, "certificate_id": uid("certificate"), "key_id": uid("key"), "team_id": uid("team"),
        "state": "waiting", "team_name": "shop", "dns_names": ["www.shop.test"], "ip_addresses": [],
        "requester": "p-2", "requester_name": "Olga (security operations)", "approver_name": "",
        "requested_at": "2026-11-23T11:00:00Z", "request_sha256": "ab" * 32,
        "reason": "the box takes keys by hand", "reason_erased": False,
    }  # fmt: skip


def test_names_owner_and_reason_stand_before_the_question(fake, row):
    """Nobody approves ids: what is shown comes first, then the question; a no does nothing."""
    fake.has(f"/reveals/{REVEAL}", **row)
    shown = fake("reveal", "approve", REVEAL, expect=1, input="n\n", env={"COLUMNS": "100"})

    assert [] == [words for words in READ if words not in shown.stdout]
    assert "Let them see this key?" in shown.stderr
    assert fake.sent("POST", f"/reveals/{REVEAL}/approve") == []


def test_machines_get_what_was_approved(fake, row):
    """The document of an approval has the reveal beside it."""
    fake.has(f"/reveals/{REVEAL}", **row)
    fake.answers["POST", f"/reveals/{REVEAL}/approve"] = httpx2.Response(200, json={"id": REVEAL, "position": 9})
    told = json.loads(fake("reveal", "approve", REVEAL, "--yes", "--json", expect=0).stdout)

    assert told == {"id": REVEAL, "position": 9, "reveal": row}
    assert json.loads(fake("reveal", "show", REVEAL, "--json", expect=0).stdout) == row


@pytest.mark.parametrize("command", [("reveal", "show"), ("show",)])
def test_an_erased_reason_is_said_to_be_erased(fake, row, command):
    """It is not shown as if nobody had given one."""
    fake.has(f"/reveals/{REVEAL}", **{**row, "reason": "", "reason_erased": True})

    assert "(erased)" in fake(*command, REVEAL, expect=0).stdout


@pytest.mark.parametrize("columns", ["80", "100", "160"])
def test_the_list_is_readable_at_every_width(fake, row, columns):
    """Name, whole id, state, requester and time stand there; one that was redeemed is used."""
    fake.has("/reveals", {**row, "state": "authorised", "authorised_at": "2026-11-23T11:30:00Z"})
    shown = fake("reveal", "list", "--state", "used", expect=0, env={"COLUMNS": columns}).stdout

    words = ("www.shop.test", REVEAL, "used", "shop", "Olga", "2026-11-23", "1 h ago")
    assert [] == [one for one in words if one not in shown]
    assert "authorised" not in shown
    assert fake.sent("GET", "/reveals")[0].url.params["state"] == "authorised"
