"""Rights that somebody takes: by rewriting a role, by a machine, by a pattern instead of a name."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("role", ["ROLE_SEC_OPS", "ROLE_ADMIN"])
async def test_nobody_lifts_themselves(lab, olga, anna, role):
    """A member of a role rewriting the role: SEC_OPS cannot grant or withdraw the grave roles, DEVOPS nothing."""
    wish = {"provider": "development", "subject": "/sslclm/sec-ops", "role": role}
    async with lab.client("adam") as adam:
        grave = [
            one["grant_id"] for one in (await adam.get("/api/v1/grants", params={"role": "ROLE_ADMIN"})).json()["items"]
        ]

    answers = [await one.post("/api/v1/grants", json=wish, headers=lab.key()) for one in (olga, anna)]
    taken = await olga.post(f"/api/v1/grants/{grave[0]}/withdraw", headers=lab.key())

    assert [403, 403, 403] == [one.status_code for one in (*answers, taken)]
    assert "grave-grant" == answers[0].json()["rule"]


@pytest.mark.parametrize("kind", ["client", "group"])
async def test_a_machine_is_never_grave(lab, adam, kind):
    """Whatever is granted to it or its group, a machine holds neither SEC_OPS nor ADMIN."""
    subject = "ci-pay" if kind == "client" else "/teams/pay/pipelines"
    wish = {"provider": "development", "subject_kind": kind, "subject": subject, "role": "ROLE_ADMIN"}
    given = await adam.post("/api/v1/grants", json=wish, headers=lab.key())
    async with lab.client("ci-pay") as pipeline:
        answer = await pipeline.get("/api/v1/grants")

    assert ({"client": 422, "group": 201}[kind], 403) == (given.status_code, answer.status_code)


@pytest.mark.parametrize("subject", ["/teams/*", "/teams/pay", "/TEAMS/pay/devops", "/teams/pay/devops/", ".*"])
async def test_a_grant_is_no_pattern(lab, adam, subject):
    """Globs in identity templates: group names are compared exactly, case-sensitive, whole."""
    wish = {"provider": "development", "subject": subject, "role": "ROLE_DEVOPS", "team_id": lab.team("shop")}
    given = await adam.post("/api/v1/grants", json=wish, headers=lab.key())
    async with lab.client("dev-ben") as ben:
        roles = (await ben.get("/api/v1/me")).json()["roles"]

    assert 201 == given.status_code
    assert lab.team("shop") not in [one["team_id"] for one in roles]
