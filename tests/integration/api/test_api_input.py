"""Bad input: a stable problem document each time, never a 500, and a ledger that grows by refusals at most."""

from __future__ import annotations

import json

import pytest

from api.calls import BODY_MAX

pytestmark = pytest.mark.usefixtures("only_refusals")
ORDERS = "/api/v1/orders"
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe",
        b'{"name": "a", "name": NaN}',
        b'{"team_id": "\\ud800"}',
        b'{"a":' * 200_000,
        b"[" * 100_000,
        b'{"team_id": 1, "profile_id": true}',
        b'{"team_id": "t", "profile_id": "p", "csr": "x", "validity": 1e400}',
        b'{"team_id": "t", "profile_id": "p", "csr": "x", "validity": 9999999999999999999999}',
    ],
)
async def test_a_body_that_is_no_order_is_a_422(lab, anna, body):
    """The members in question are named; what was sent is not repeated."""
    answer = await anna.post(ORDERS, content=body, headers=JSON | lab.key())

    assert (422, "invalid-input") == (answer.status_code, answer.json()["rule"])
    assert "application/problem+json" == answer.headers["content-type"]
    assert set(answer.json()) == {"type", "title", "status", "detail", "fix", "rule", "correlation_id"}


async def test_unknown_members_are_refused_by_name(lab, anna):
    """A misspelt member is an error, not a silent default."""
    answer = await anna.post(ORDERS, json=lab.order(dns_name=["www.shop.test"]), headers=lab.key())

    assert (422, True) == (answer.status_code, "dns_name" in answer.json()["detail"])


@pytest.mark.parametrize(
    "csr",
    ["", "x", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "\0", "x" * 65_537],
)
async def test_a_csr_that_is_none_is_a_422(lab, anna, csr):
    """The parser of foreign bytes never gives a 500."""
    answer = await anna.post(ORDERS, json=lab.order(csr=csr), headers=lab.key())

    assert 422 == answer.status_code


@pytest.mark.parametrize(
    "change",
    [
        {"team_id": "team-\0"},
        {"team_id": "x" * 100_000},
        {"profile_id": ""},
        {"profile_id": "order-1"},
        {"dns_names": ["ü.shop.test"]},
        {"dns_names": ["a" * 64 + ".shop.test"]},
        {"dns_names": [f"n{number}.shop.test" for number in range(101)]},
        {"ip_addresses": ["127.0.0.1/8"]},
        {"validity": 1},
        {"targets": [{"host_id": "h", "spec": {"directory": "../etc"}}]},
    ],
)
async def test_members_that_cannot_be_are_refused(lab, anna, change):
    """Every odd value is a 4xx with a rule."""
    answer = await anna.post(ORDERS, json=lab.order() | change, headers=lab.key())

    assert answer.status_code in {404, 422}
    assert answer.json()["rule"]


async def test_a_refused_member_is_told_with_what_is_allowed(lab, anna, adam):
    """The detail names the member and, where there is a list, the values; it speaks of no library."""
    grant = {"provider": "development", "subject_kind": "group", "subject": "/x", "role": "ROLE_BOSS"}
    host = "host-00000000-0000-4000-8000-000000000001"
    target = {"host_id": host, "spec": {"directory": "/etc/tls", "endpoints": []}}
    wish = lab.order() | {"csr": None, "targets": [target], "key_algorithm": "EC"}
    told = [
        (await who.post(path, json=body, headers=lab.key())).json()["detail"]
        for who, path, body in ((adam, "/api/v1/grants", grant), (anna, ORDERS, wish), (adam, "/api/v1/teams", {}))
    ]

    assert "role: must be 'ROLE_" in told[0]
    assert "key_algorithm: must be 'RSA-" in told[1] or "key_algorithm: must be 'EC-" in told[1]
    assert "targets.0.spec.endpoints: needs at least 1" in told[1]
    assert "name: is missing" == told[2]


@pytest.mark.parametrize("media_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"])
async def test_only_json_is_read(lab, anna, media_type):
    """Another content type is a 415: a form from a foreign page is never taken for a command."""
    headers = {"Content-Type": media_type} | lab.key()
    answer = await anna.post(ORDERS, content=json.dumps(lab.order()), headers=headers)

    assert (415, "media-type") == (answer.status_code, answer.json()["rule"])


async def test_a_body_over_the_limit_is_a_413(lab, anna):
    """The reading stops at the limit, whatever length was declared."""

    async def pieces():
        for _ in range(20):
            yield b"x" * (BODY_MAX // 10)

    answer = await anna.post(ORDERS, content=pieces(), headers=JSON | lab.key())

    assert (413, "body-too-large") == (answer.status_code, answer.json()["rule"])


@pytest.mark.parametrize("key", [None, "", "ü", "a" * 256, "a\tb"])
async def test_a_command_needs_an_idempotency_key(lab, anna, key):
    """Without one nobody could safely repeat a call whose answer got lost."""
    headers = {} if key is None else {"Idempotency-Key": key.encode("latin-1")}
    answer = await anna.post(ORDERS, json=lab.order(), headers=headers)

    assert (400, "idempotency-key-missing") == (answer.status_code, answer.json()["rule"])


async def test_a_key_of_another_request_is_refused(lab, adam):
    """The key says "the same call again"; another body under it is a mistake."""
    key = lab.key()
    await adam.post("/api/v1/teams", json={"name": "shop"}, headers=key)  # taken already: a refusal consumes no key
    refused = await adam.post("/api/v1/hosts", json={"name": "x y", "team_id": lab.team()}, headers=key)

    assert 422 == refused.status_code


@pytest.mark.parametrize(
    "cursor", ["x", "AAAA", "ü", "W10", "WyJob3N0cyIsIm5hbWUiLCJhIiwiYiJd", "x" * 1_025, "'; DROP TABLE orders --"]
)
async def test_a_forged_cursor_is_a_422(anna, cursor):
    """A cursor grants nothing and is read strictly."""
    answer = await anna.get(ORDERS, params={"cursor": cursor})

    assert 422 == answer.status_code


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=x", "unknown=1", "state=odd", "mine=perhaps", "cursor[]=1", "limit=5&odd"],
)
async def test_odd_queries_are_refused(anna, query):
    """Unknown parameters are refused by name: nobody believes in a filter that does nothing."""
    answer = await anna.get(f"{ORDERS}?{query}")

    assert (422, "invalid-input") == (answer.status_code, answer.json()["rule"])


@pytest.mark.parametrize("position", ["x", "-1", "1.5", "9" * 16, " "])
async def test_a_position_is_a_number(anna, position):
    """``Min-Ledger-Position`` is read strictly."""
    answer = await anna.get(ORDERS, headers={"Min-Ledger-Position": position})

    assert (422, "position") == (answer.status_code, answer.json()["rule"])


async def test_a_position_that_never_comes_is_a_503(lab, anna, monkeypatch):
    """Waiting ends, with Retry-After."""
    wait_for = type(lab.edge.views).wait_for
    monkeypatch.setattr(type(lab.edge.views), "wait_for", lambda views, at: wait_for(views, at, timeout=0.01))

    answer = await anna.get(ORDERS, headers={"Min-Ledger-Position": "999999"})

    assert (503, "2") == (answer.status_code, answer.headers["Retry-After"])
