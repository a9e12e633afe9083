"""Who accessed, and watching: which question is asked, how answers look, and how a lost server is found again."""

from __future__ import annotations

import json

import httpx2
import pytest

from tests.unit.cli.conftest import problem, uid

AT = "2026-11-23T11:59:58Z"


def touch(position: int, **told) -> dict:
    """Return one access as the server tells it."""
    return {
        "position": position, "at": AT, "access": "signing", "what": "CA key signs a certificate", "refused": False,
        "rule": "", "topic": "sslclm.certificate.issuance-started.v1", "purpose": "order", "actor": "p-1",
        "actor_name": "Anna", "role": "ROLE_DEVOPS", "client_address": "192.0.2.7", "reason": "", "erased": False,
        "approvals": [{"position": 3, "by": "p-2", "name": "Olga"}], **told,
    }  # fmt: skip


def happening(position: int, **told) -> dict:
    """Return one event as the server tells it."""
    return {
        "position": position, "at": AT, "what": "certificate issued", "object": "www.shop.test", "actor": "p-1",
        "actor_name": "Anna", "role": "ROLE_DEVOPS", "access": None, "rule": "", **told,
    }  # fmt: skip


def page(position: int, *items: dict) -> httpx2.Response:
    """Return an answer of the activity."""
    return httpx2.Response(200, json={"items": list(items), "position": position})


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        (uid("certificate"), f"/audit/certificates/{uid('certificate')}/accesses"),
        (uid("key"), f"/audit/keys/{uid('key')}/accesses"),
        (uid("issuer"), f"/audit/keys/{uid('issuer')}/accesses"),
        ("1F:2e", "/audit/certificates/1F2e/accesses"),
        ("a" * 64, f"/audit/certificates/{'a' * 64}/accesses"),
    ],
)
def test_the_right_question_is_asked(fake, given, asked):
    """Ids, serials and hashes lead to the certificate's or the key's accesses; the table tells who, why and whence."""
    fake.answers["GET", asked] = httpx2.Response(
        200, json={"subject": "key-1", "items": [touch(9)], "next_cursor": None, "position": 9, "until": 9}
    )
    shown = fake("who-accessed", given, expect=0, env={"COLUMNS": "200"}).stdout

    for told in ("Anna", "ROLE_DEVOPS", "192.0.2.7", "CA key signs", "approved by Olga at 3"):
        assert told in shown


def test_a_hash_may_be_the_keys(fake):
    """64 hex digits that are no certificate's are asked for as the public key's."""
    fake.answers["GET", f"/audit/keys/{'b' * 64}/accesses"] = httpx2.Response(
        200, json={"subject": "key-1", "items": [], "next_cursor": None, "position": 9, "until": 9}
    )
    assert "Nobody" in fake("who-accessed", "b" * 64, expect=0).stdout
    assert "no such object" in fake("who-accessed", "b" * 40, expect=1).stderr
    for strange in ("../teams", "key-1", "www.shop.test", ""):
        fake("who-accessed", strange, expect=2)


def test_events_come_as_lines(fake):
    """One line an event for people, its position first; a JSON document for machines; Ctrl-C is the ordinary end."""
    refused = happening(8, what="refused", rule="four-eyes", access="refused", actor_name="", actor="p-9")
    answers = [page(7), page(8, happening(7), refused), KeyboardInterrupt()]
    fake.answers["GET", "/activity"] = list(answers)
    shown = fake("watch", expect=0)
    lines = shown.stdout.splitlines()
    fake.answers["GET", "/activity"] = list(answers)
    documents = [json.loads(line) for line in fake("watch", "--json", expect=0).stdout.splitlines()]

    assert lines == [
        "7  2026-11-23 11:59:58  certificate issued: www.shop.test  (Anna)",
        "8  2026-11-23 11:59:58  refused by rule four-eyes: www.shop.test  (p-9)",
    ]
    assert [one["position"] for one in documents] == [7, 8]
    assert shown.stderr == "Watching; Ctrl-C ends it.\n"


def test_a_server_that_was_away_is_followed_on(fake):
    """Restarts cost pauses that grow, never an event: the next question begins where the last answer ended."""
    away = httpx2.ConnectError("refused")
    fake.answers["GET", "/activity"] = [
        page(5), page(7, happening(6), happening(7)), away, httpx2.Response(503, json={}), away,
        page(8, happening(8)), page(8), KeyboardInterrupt(),
    ]  # fmt: skip
    shown = fake("watch", "--json", expect=0)
    after = [one.url.params.get("after") for one in fake.sent("GET", "/activity")]

    assert [json.loads(line)["position"] for line in shown.stdout.splitlines()] == [6, 7, 8]
    assert after == [None, "5", "7", "7", "7", "7", "8", "8"]
    assert fake.pauses == [1.0, 2.0, 4.0, 1.0]
    assert "trying again from position 7" in shown.stderr
    assert "nothing was missed since position 7" in shown.stderr


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (problem(401, "the session is over"), 3),
        (problem(422, "the ledger ends at position 3", rule="position-ahead"), 1),
        (httpx2.ConnectError("refused"), 4),
    ],
)
def test_what_waiting_does_not_mend_ends_it(fake, answer, code):
    """A session that is over, another ledger, and a server that was never there end the command with their code."""
    fake.answers["GET", "/activity"] = answer
    fake("watch", "--since", "9", expect=code)


def test_foreign_words_are_shown_and_never_obeyed(fake):
    """Names, rules and reasons of other people steer no terminal, neither in the table nor among the lines."""
    hostile = "\x1b[2J[red]x[/red]\u202egnp"
    fake.answers["GET", "/activity"] = [
        page(7),
        page(8, happening(8, object=hostile, rule=hostile)),
        KeyboardInterrupt(),
    ]
    fake.answers["GET", f"/audit/keys/{uid('key')}/accesses"] = httpx2.Response(
        200,
        json={
            "subject": "key-1",
            "items": [touch(9, reason=hostile, actor_name=hostile)],
            "next_cursor": None,
            "position": 9,
            "until": 9,
        },
    )
    shown = fake("watch", expect=0).stdout + fake("who-accessed", uid("key"), expect=0).stdout

    assert "[red]x[/red]" in shown
    assert not {"\x1b", "\u202e"} & set(shown)
