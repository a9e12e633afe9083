"""What a monitor scrapes: parsed by Prometheus' own parser, bounded in labels, cheap, and for those who may."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from infra.upkeep.loop import Reaction, Upkeep
from projections.certificates.inventory import INVENTORY

LABELS = {
    "topic",
    "reason",
    "step",
    "room",
    "method",
    "status",
    "le",
    "reaction",
    "state",
    "team",
    "kind",
    "rule",
    "issuer",
}
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-|p-[0-9a-f]{8}|@")


async def scrape(lab, who: str = "vera") -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return every sample by name and labels."""
    async with lab.client(who) as client:
        answer = await client.get("/metrics")
    assert (200, "text/plain; version=0.0.4; charset=utf-8") == (answer.status_code, answer.headers["content-type"])
    families = text_string_to_metric_families(answer.text)
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def value(samples, name: str, **labels: str) -> float:
    """Return one sample."""
    return samples[name, tuple(sorted(labels.items()))]


async def order(lab) -> None:
    """Have a certificate issued, and the kept figures forgotten."""
    async with lab.client("dev-anna") as anna:
        answer = await anna.post("/api/v1/orders", json=lab.order(), headers=lab.key())
    assert 201 == answer.status_code
    await lab.backend.views.wait_for(lab.position())
    forget(lab)


def forget(lab) -> None:
    """Let the next scrape count anew."""
    lab.backend.metrics._figures._until = float("-inf")


async def test_the_figures_follow_what_happens(lab):
    """One more certificate is one more, everywhere that it counts."""
    await order(lab)
    before = await scrape(lab)
    await order(lab)
    after = await scrape(lab)

    def more(name: str, **labels: str) -> float:
        return value(after, name, **labels) - value(before, name, **labels)

    assert 1 == more("sslclm_certificates", state="issued")
    assert 1 == more("sslclm_certificates_issued_total")
    assert 1 == more("sslclm_ledger_events_total", topic="certificate.issued")
    assert 1 == more("sslclm_orders", state="fulfilled")
    assert 1 == more("sslclm_http_requests_total", room="orders", method="POST", status="2xx")
    assert lab.position() == value(after, "sslclm_ledger_head_position") == value(after, "sslclm_views_position")
    assert 0 == value(after, "sslclm_views_lag_events")
    assert 0 == value(after, "sslclm_issuances_open")
    assert 29 < value(after, "sslclm_next_expiry_days", team="shop") <= 30
    assert 0 <= value(after, "sslclm_crl_age_seconds", issuer="issuing")


async def test_labels_hold_no_id_and_nobody(lab):
    """Labels are of a known few, and their values neither ids nor people."""
    await order(lab)
    samples = await scrape(lab)

    assert {name for _, labels in samples for name, _ in labels} <= LABELS
    assert not [labels for _, labels in samples if any(ID.search(text) for _, text in labels)]


async def test_paths_that_are_none_are_one_label(lab):
    """A scanner's thousand paths and invented methods are one value each."""
    async with lab.client() as client:
        for number in range(20):
            await client.request(f"BREW{number}", f"/no/such/{number}")
    samples = await scrape(lab)

    rooms = {dict(labels)["room"] for name, labels in samples if name == "sslclm_http_requests_total"}
    methods = {dict(labels)["method"] for name, labels in samples if name == "sslclm_http_requests_total"}
    assert "none" in rooms
    assert not [room for room in rooms if "such" in room or room.isdigit()]
    assert methods <= {"GET", "POST", "other"}


async def test_scraping_often_counts_no_more_often(lab, monkeypatch):
    """The read models are counted once in fifteen seconds, whoever scrapes how often."""
    asked = []
    real = lab.backend.views.tally
    monkeypatch.setattr(
        lab.backend.views.__class__, "tally", lambda _s, model, *a, **k: asked.append(model) or real(model, *a, **k)
    )
    forget(lab)
    for _ in range(5):
        await scrape(lab)

    assert 1 == asked.count(INVENTORY)


async def test_a_reaction_that_stops_is_seen(lab):
    """Rounds are counted, failures apart; the time of the last success stands still when the loop does."""

    async def fine() -> None:
        """Do nothing, well."""

    async def broken() -> None:
        raise ValueError("not well")

    loop = Upkeep(
        lab.backend.ledger,
        (Reaction("fine", fine), Reaction("broken", broken)),
        lab.clock,
        lab.backend.metrics.records,
    )
    for reaction in loop.reactions:
        await loop._react(reaction)
    samples = await scrape(lab)

    assert 1 == value(samples, "sslclm_upkeep_rounds_total", reaction="fine")
    assert 0 == value(samples, "sslclm_upkeep_rounds_total", reaction="broken")
    assert 1 == value(samples, "sslclm_upkeep_failures_total", reaction="broken")
    then = value(samples, "sslclm_upkeep_last_success_timestamp_seconds", reaction="fine")
    lab.clock.forward(600)
    assert then == value(await scrape(lab), "sslclm_upkeep_last_success_timestamp_seconds", reaction="fine")
    assert then == (lab.clock() - timedelta(seconds=600)).timestamp()


@pytest.mark.parametrize(
    ("who", "status"), [("vera", 200), ("sec-olga", 200), ("adam", 200), ("dev-anna", 403), (None, 401)]
)
async def test_figures_are_not_for_everybody(lab, who, status):
    """Auditors and operators; a team's own people do not see how others fare."""
    async with lab.client(who) as client:
        assert status == (await client.get("/metrics")).status_code


def test_only_columns_are_counted(lab):
    """What is no column of the model is never part of a statement."""
    with pytest.raises(ValueError, match="no such columns"):
        lab.backend.views.tally(INVENTORY, ("state; DROP TABLE x",))
