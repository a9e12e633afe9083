"""Who gets through where: every route, every role, own team and another's, as literal rows.

Harm prevented: a new route without a right, a right that reaches too far, a list that shows another team's objects.
"""

from __future__ import annotations

import asyncio

import pytest

from api.agent.apps import agent_app, pki_app
from api.routes import ROUTES, Public
from tests.support.edge import csr_pem
from tests.support.routes import served
from tests.support.shop_objects import shop_objects

PERSONAS = ("vera", "dev-anna", "dev-ben", "sec-olga", "adam", "ci-shop")
"""Viewer, DevOps of the object's team, DevOps of another, SecOps, Admin, a pipeline of the object's team."""

ALL, OWN, WATCH, OPS, DEPLOY, SEC = "......", "..-...", ".xx..x", "xxx..x", "x.-...", "xxx.xx"
TAKE = "x--.x-"
EACH = "x....."
NOBODY = "xxxxxx"
"""``.`` gets through, ``x`` is refused (403), ``-`` is told that there is no such object (404).

EACH: whoever has the right anywhere gets through; what it does not reach is refused item by item."""

EXPECTED = {
    ("GET", "/api/v1/me"): ALL,
    ("GET", "/api/v1/teams"): ALL,
    ("POST", "/api/v1/teams"): OPS,
    ("GET", "/api/v1/teams/{team_id}"): OWN,
    ("POST", "/api/v1/teams/{team_id}/contact"): DEPLOY,
    ("GET", "/api/v1/grants"): WATCH,
    ("POST", "/api/v1/grants"): OPS,
    ("POST", "/api/v1/grants/{grant_id}/withdraw"): OPS,
    ("GET", "/api/v1/profiles"): ALL,
    ("POST", "/api/v1/profiles"): OPS,
    ("GET", "/api/v1/profiles/{profile_id}"): OWN,
    ("POST", "/api/v1/profiles/{profile_id}/retire"): OPS,
    ("GET", "/api/v1/policy/rules"): ALL,
    ("POST", "/api/v1/policy/explain"): DEPLOY,
    ("GET", "/api/v1/policy/breaches"): ALL,
    ("GET", "/api/v1/policy/preview"): ALL,
    ("GET", "/api/v1/issuers"): ALL,
    ("GET", "/api/v1/issuers/{issuer_id}"): ALL,
    ("GET", "/api/v1/hosts"): ALL,
    ("POST", "/api/v1/hosts"): DEPLOY,
    ("GET", "/api/v1/hosts/{host_id}"): OWN,
    ("POST", "/api/v1/hosts/{host_id}/token"): DEPLOY,
    ("POST", "/api/v1/hosts/{host_id}/disable"): DEPLOY,
    ("GET", "/api/v1/deployments"): ALL,
    ("GET", "/api/v1/deployments/{deployment_id}"): OWN,
    ("POST", "/api/v1/deployments/{deployment_id}/retry"): DEPLOY,
    ("POST", "/api/v1/deployments/{deployment_id}/remove"): DEPLOY,
    ("GET", "/api/v1/orders"): ALL,
    ("POST", "/api/v1/orders"): DEPLOY,
    ("POST", "/api/v1/orders/bulk"): EACH,
    ("GET", "/api/v1/orders/{order_id}"): OWN,
    ("POST", "/api/v1/orders/{order_id}/approve"): SEC,
    ("POST", "/api/v1/orders/{order_id}/reject"): SEC,
    ("POST", "/api/v1/orders/{order_id}/cancel"): DEPLOY,
    ("POST", "/api/v1/orders/{order_id}/resume"): DEPLOY,
    ("GET", "/api/v1/certificates"): ALL,
    ("GET", "/api/v1/certificates/{certificate_id}"): OWN,
    ("GET", "/api/v1/certificates/{certificate_id}/chain"): OWN,
    ("POST", "/api/v1/certificates/{certificate_id}/revoke"): DEPLOY,
    ("POST", "/api/v1/certificates/{certificate_id}/renew"): DEPLOY,
    ("GET", "/api/v1/renewals"): ALL,
    ("POST", "/api/v1/certificates/{certificate_id}/call-off-revocation"): DEPLOY,
    ("POST", "/api/v1/certificates/bulk-revoke"): EACH,
    ("POST", "/api/v1/certificates/import"): "x.-.x.",
    ("GET", "/api/v1/transfers"): ALL,
    ("POST", "/api/v1/certificates/{certificate_id}/transfer/offer"): DEPLOY,
    ("POST", "/api/v1/certificates/{certificate_id}/transfer/withdraw"): DEPLOY,
    ("POST", "/api/v1/certificates/{certificate_id}/transfer/accept"): TAKE,
    ("POST", "/api/v1/certificates/{certificate_id}/transfer/refuse"): TAKE,
    ("GET", "/api/v1/clock"): WATCH,
    ("POST", "/api/v1/clock/confirm"): OPS,
    ("GET", "/api/v1/recovery"): WATCH,
    ("POST", "/api/v1/recovery/propose"): OPS,
    ("POST", "/api/v1/recovery/confirm"): OPS,
    ("GET", "/api/v1/keys"): ALL,
    ("GET", "/api/v1/keys/{key_id}"): OWN,
    ("POST", "/api/v1/certificates/{certificate_id}/reveals"): OPS,
    ("GET", "/api/v1/reveals"): ALL,
    ("GET", "/api/v1/reveals/{reveal_id}"): OWN,
    ("POST", "/api/v1/reveals/{reveal_id}/approve"): SEC,
    ("POST", "/api/v1/reveals/{reveal_id}/reject"): OPS,
    ("POST", "/api/v1/reveals/{reveal_id}/redeem"): NOBODY,
    ("GET", "/api/v1/audit/events"): WATCH,
    ("GET", "/api/v1/audit/objects/{object_id}"): WATCH,
    ("GET", "/api/v1/audit/keys/{key_id}/accesses"): WATCH,
    ("GET", "/api/v1/audit/certificates/{certificate_id}/accesses"): WATCH,
    ("GET", "/api/v1/activity"): ALL,
    ("GET", "/api/v1/notices"): ALL,
    ("GET", "/api/v1/notices/deliveries"): WATCH,
    ("GET", "/api/v1/audit/export"): WATCH,
    ("GET", "/api/v1/audit/verify"): WATCH,
}
VERDICTS = {403: "x", 404: "-"}


def test_every_served_route_has_a_row(lab):
    """A route that nobody thought about fails here, on every listener."""
    apps = (lab.app, agent_app(lab.edge), pki_app(lab.edge))
    found = [route for app in apps for route in served(app.routes)]

    assert set(ROUTES) == set(found)
    assert len(found) == len(set(found))


def test_every_right_has_its_row_of_roles():
    """Every route of the interface that asks for a right is walked below."""
    asking = {route for route, row in ROUTES.items() if not isinstance(row, Public)}

    assert set(EXPECTED) == {route for route in asking if route[1].startswith("/api/")}


@pytest.fixture(scope="module")
def objects(lab):
    """Return ids of team shop's objects, by the name of the path's parameter, and bodies for commands."""
    return asyncio.run(shop_objects(lab))


def body_of(lab, path):
    """Return a body that is well formed; whether the act then succeeds is not the question here."""
    bodies = {
        "/api/v1/teams": {"name": "again"},
        "/api/v1/clock/confirm": {"right": "wall", "reason": "it is"},
        "/api/v1/recovery/propose": {"loss_sha256": "0" * 64, "reason": "a drill"},
        "/api/v1/recovery/confirm": {"loss_sha256": "0" * 64, "reason": "a drill"},
        "/api/v1/grants": {"provider": "development", "subject": "x", "role": "ROLE_VIEWER"},
        "/api/v1/profiles": {"name": "bad", "issuer_id": "issuer-0", "teams": [], "max_validity": 300},
        "/api/v1/certificates/import": {"team_id": lab.team(), "files": [{"name": "x", "content": ""}]},
        "/api/v1/hosts": {"name": "not a name", "team_id": lab.team()},
        "/api/v1/policy/explain": lab.order("www.shop.test", csr=csr_pem("www.shop.test")),
        "/api/v1/orders": lab.order("www.shop.test", csr=csr_pem("www.shop.test"), ip_addresses=["not one"]),
    }
    if path.endswith("/approve"):
        return {"request_sha256": "0" * 64}
    if path.endswith(("/reject", "/reveals")):
        return {"reason": "no"}
    if path.endswith("/contact"):
        return {"address": "shop@shop.test"}
    if path.endswith("/transfer/offer"):
        return {"team": "shop"}
    return bodies.get(path, {})


def refused(path, answer):
    """Tell a refusal by right from an unknown id inside a body, which is a 404 too."""
    if path == "/api/v1/profiles" and answer.status_code == 404:
        return "."
    return VERDICTS.get(answer.status_code, ".")


@pytest.mark.parametrize(("method", "path"), sorted(EXPECTED))
async def test_every_role_meets_exactly_its_row(lab, objects, method, path):
    """Each role gets as far as its row says, and every refusal is a fact in the ledger."""
    lab.clock.forward(61)  # the limit on recorded refusals counts by the minute
    verdicts, recorded = "", ""
    for persona in PERSONAS:
        head = lab.position()
        async with lab.client(persona) as client:
            body = {"json": body_of(lab, path), "headers": lab.key()} if method == "POST" else {}
            answer = await client.request(method, path.format(**objects), **body)
        verdict = refused(path, answer)
        verdicts += verdict
        recorded += "r" if "sslclm.access.refused.v1" in lab.topics(head) else "."
        assert answer.status_code < 500

    assert EXPECTED[method, path] == verdicts
    assert verdicts.replace("x", "r").replace("-", "r") == recorded


@pytest.mark.parametrize(("method", "path"), sorted(EXPECTED))
async def test_nobody_and_somebody_without_a_role_get_nowhere(lab, objects, method, path):
    """401 without a proof of identity, 403 without a role, whatever is asked."""
    lab.clock.forward(61)
    answers = []
    for name in (None, "nora"):
        async with lab.client(name) as client:
            body = {"json": body_of(lab, path), "headers": lab.key()} if method == "POST" else {}
            answers.append(await client.request(method, path.format(**objects), **body))

    assert [401, 403] == [one.status_code for one in answers]
    assert ["unauthenticated", "no-role"] == [one.json()["rule"] for one in answers]


@pytest.mark.parametrize(
    "path", sorted(path for method, path in EXPECTED if method == "GET" and EXPECTED[method, path] == OWN)
)
async def test_what_belongs_to_others_looks_like_nothing(lab, objects, path):
    """The answer for another team's object and for no object at all differ in nothing but the correlation id."""
    lab.clock.forward(61)
    async with lab.client("dev-ben") as ben:
        theirs = (await ben.get(path.format(**objects))).json()
        none = (await ben.get(path.format(**dict.fromkeys(objects, "order-00000000")))).json()

    assert {**none, "correlation_id": ""} == {**theirs, "correlation_id": ""}


@pytest.mark.parametrize(
    "room", ["teams", "profiles", "hosts", "deployments", "orders", "certificates", "keys", "reveals"]
)
async def test_lists_show_nothing_of_another_team(lab, objects, room):
    """Team pay's DevOps sees what is team pay's, whatever filter they try."""
    async with lab.client("dev-ben") as ben, lab.client("dev-anna") as anna:
        mine = (await anna.get(f"/api/v1/{room}")).json()["items"]
        theirs = (await ben.get(f"/api/v1/{room}")).json()["items"]
        filtered = (
            [] if room == "teams" else (await ben.get(f"/api/v1/{room}", params={"team": lab.team()})).json()["items"]
        )

    assert objects
    assert len(mine) > 0
    assert [] == [one for one in (*theirs, *filtered) if lab.team() in str(one)]
