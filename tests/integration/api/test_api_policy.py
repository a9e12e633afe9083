"""Policy at the edge: the table of a day, and what a request would come to; nothing is recorded by asking."""

from __future__ import annotations

import pytest

from tests.support.edge import csr_pem


async def explain(lab, who: str, **changes: object):
    """Ask what an order would come to."""
    async with lab.client(who) as client:
        return await client.post("/api/v1/policy/explain", json={**lab.order(), **changes})


def said(answer) -> dict[str, str]:
    """Return the verdict of each rule."""
    return {row["rule"]: row["verdict"] for row in answer.json()["rules"]}


@pytest.mark.parametrize(
    ("day", "rule"), [("2026-03-14", "398-days"), ("2026-03-15", "200-days"), ("2029-03-15", "47-days")]
)
async def test_the_rules_of_a_day(lab, vera, day, rule):
    """One maximum for the public is in force, with its source and its last day."""
    answer = (await vera.get("/api/v1/policy/rules", params={"on": day})).json()

    assert day == answer["on"]
    found = [row for row in answer["items"] if row["rule"].endswith("-days")]
    assert [f"public-trust-{rule}"] == [row["rule"] for row in found]
    assert "CA/B" in found[0]["citation"]


async def test_no_day_is_today(lab, vera):
    """Without a day, that of the backend's clock."""
    assert lab.clock().date().isoformat() == (await vera.get("/api/v1/policy/rules")).json()["on"]


@pytest.mark.parametrize("query", [{"on": "yesterday"}, {"on": "2026-02-30"}, {"day": "2026-01-01"}])
async def test_a_day_that_is_none_is_refused(vera, query):
    """A date that is none, and a parameter that is none, are said to be."""
    assert 422 == (await vera.get("/api/v1/policy/rules", params=query)).status_code


async def test_asking_records_nothing(lab):
    """What would conform is told so, rule by rule, and the ledger stays as it is."""
    await explain(lab, "dev-anna")
    before = lab.position()
    answer = await explain(lab, "dev-anna")

    assert (200, "conforms") == (answer.status_code, answer.json()["outcome"])
    assert {"passes", "not-in-force"} == set(said(answer).values())
    assert lab.position() == before


@pytest.mark.parametrize(
    ("changes", "outcome", "rule", "verdict"),
    [
        ({"validity": 10_000_000}, "refused", "validity-hard-maximum", "refuses"),
        ({"csr": csr_pem("www.other.example")}, "refused", "names-inside-profile", "refuses"),
    ],
)
async def test_the_outcome_of_a_request(lab, changes, outcome, rule, verdict):
    """It says what the request itself would come to, and by which rule."""
    answer = await explain(lab, "dev-anna", **changes)

    assert outcome == answer.json()["outcome"]
    assert verdict == said(answer)[rule]


async def test_a_request_that_would_wait_for_a_person(lab):
    """A profile with manual approval is told as such."""
    await lab.define("asked", "shop", approval="manual")
    answer = await explain(lab, "dev-anna", **lab.order(profile="asked"))

    assert ("waits", "waits") == (answer.json()["outcome"], said(answer)["approval-required"])


async def test_nobody_asks_for_another_team(lab):
    """A team that is not theirs does not exist for whoever asks, and the refusal is on the record."""
    before = lab.position()
    answer = await explain(lab, "dev-ben")

    assert 404 == answer.status_code
    assert lab.position() > before


async def test_what_is_no_request_is_a_problem(lab):
    """Bad input answers as the request itself would."""
    assert 422 == (await explain(lab, "dev-anna", csr="nonsense")).status_code
    assert 422 == (await explain(lab, "dev-anna", csr=None)).status_code
