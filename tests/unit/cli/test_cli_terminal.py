"""Foreign text on a terminal: shown, never obeyed; documents for machines are plain ASCII."""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, datetime, timedelta, timezone

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.cli.text import safe, span, when

HOSTILE = "\x1b[2J\x1b]0;owned\x07[red]x[/red]\r\n\u202egnp\x9b31m:smile:"


def steering(text: str) -> set[str]:
    """Return what steers a terminal in a text, its line ends left out."""
    return {char for char in text if unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp"}} - {"\n"}


@given(st.text())
def test_nothing_steers(text):
    """Whatever the text, no control, format or separator character is left in it."""
    assert set() == steering(safe(text)) - {"\n"}
    assert "\n" not in safe(text)


@given(st.text(st.characters(categories=["L", "M", "N", "P", "S", "Zs"])))
def test_what_is_seen_stays_as_it_is(text):
    """Letters, marks, figures, punctuation and spaces of any script are not changed."""
    assert text == safe(text)


def test_a_hostile_host_in_a_list(fake):
    """Escape sequences, markup, overrides and emoji names of a row are shown as they were written."""
    row = {"name": HOSTILE, "host_id": "host-1", "state": HOSTILE, "safe_mode": False, "team_id": HOSTILE}
    fake.has("/hosts", row | {"agent_version": HOSTILE, "changed_at": HOSTILE})
    shown = fake("hosts", "list", expect=0).stdout

    assert set() == steering(shown)
    assert "[red]" in shown
    assert "\\x1b" in shown


def test_a_hostile_order_before_it_is_approved(fake, order):
    """What is about to be approved cannot be repainted by what it says."""
    order["subject"]["dns_names"] = [HOSTILE]
    order["requester"] = HOSTILE
    fake.has(f"/orders/{order['order_id']}", **order)
    shown = fake("approve", order["order_id"], input="n\n", expect=1)

    assert set() == steering(shown.output)
    assert "\\x1b[2J" in shown.stdout
    assert [] == fake.sent("POST", f"/orders/{order['order_id']}/approve")


@pytest.mark.parametrize(("columns", "widest"), [("80", 80), ("200", 200)])
def test_ids_stay_in_one_piece(fake, monkeypatch, columns, widest):
    """Through a pipe COLUMNS counts; where space is short, other columns give way to ids."""
    monkeypatch.setenv("COLUMNS", columns)
    ids = [f"{kind}-00000000-0000-4000-8000-000000000001" for kind in ("certificate", "issuer", "order")]
    at = "2027-01-01T00:00:00Z"
    certificate = {"dns_names": ["a" * 40 + ".shop.test"], "ip_addresses": [], "state": "superseded", "team_id": "shop"}
    fake.has("/certificates", certificate | {"certificate_id": ids[0], "not_after": at})
    issuer = {"name": "issuing", "issuer_id": ids[1], "kind": "issuing", "not_after": at, "next_update": at}
    fake.has("/issuers", issuer | {"crl_number": 12})
    order = {"subject": {"dns_names": [], "ip_addresses": []}, "state": "fulfilled", "team_id": "shop"}
    order |= {"profile_id": "shop-web", "requester_name": "Anna (team shop)", "requester": "p-1", "requested_at": at}
    fake.has("/orders", order | {"order_id": ids[2]})

    for command, its_id in zip(("list", "issuers", "orders"), ids, strict=True):
        shown = fake(command, expect=0).stdout
        assert its_id in shown
        assert "2027-01-01" in shown
        assert widest >= max(map(len, shown.splitlines()))


def test_a_hostile_problem(fake):
    """The server's sentences pass the same way, and are no markup."""
    content = {"detail": HOSTILE, "fix": HOSTILE, "correlation_id": HOSTILE}
    fake.answers["GET", "/hosts"] = httpx2.Response(409, json=content)
    shown = fake("hosts", "list", expect=1).stderr

    assert set() == steering(shown)
    assert 3 == shown.count("[red]x[/red]")


def test_a_hostile_history(fake, order):
    """Reasons that people typed are shown as text."""
    fake.has("/me", roles=[{"role": "ROLE_VIEWER", "team_id": None}])
    fake.has(f"/orders/{order['order_id']}", **order)
    told = {"position": 1, "at": "x", "topic": HOSTILE, "actor_name": HOSTILE, "actor": "", "role": "", "erased": False}
    fake.has(f"/audit/objects/{order['order_id']}", told | {"reason": HOSTILE})

    assert set() == steering(fake("show", order["order_id"], expect=0).stdout)


def test_machines_get_ascii(fake):
    """A document round-trips, and no character in it steers anything."""
    fake.has("/hosts", {"name": HOSTILE + "\x7f", "next": "é"})
    shown = fake("hosts", "list", "--json", expect=0).stdout

    assert shown.isascii()
    assert set() == steering(shown)
    assert HOSTILE + "\x7f" == json.loads(shown)["items"][0]["name"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.just("9999-12-31T23:59:59Z"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


MEMBERS = ("state", "subject", "targets", "requester", "requested_at", "approvers", "waived_rules", "certificates")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changed=st.dictionaries(st.sampled_from(MEMBERS), JSON, max_size=4))
def test_any_row_ends_in_an_exit_code(fake, order, changed):
    """Whatever the members of an object hold, it is shown or refused in one sentence, and nothing steers."""
    content = json.dumps({**order, **changed})
    fake.answers["GET", f"/orders/{order['order_id']}"] = httpx2.Response(200, text=content)
    shown = fake("show", order["order_id"])

    assert shown.exit_code in {0, 4}
    assert set() == steering(shown.output)


def test_a_time_without_end():
    """The last moment that a certificate can name is shown in every time zone."""
    east = timezone(timedelta(hours=14))

    assert "9999-12-31 23:59" in when("9999-12-31T23:59:59Z", datetime(2026, 1, 1, tzinfo=UTC), east)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (59, "59 s"), (-61, "1 min"), (3_600, "1 h"), (86_399, "23 h"), (5e6, "57 d")]
)
def test_spans_by_their_largest_unit(seconds, words):
    """A length of time is told by its largest whole unit."""
    assert words == span(seconds)
