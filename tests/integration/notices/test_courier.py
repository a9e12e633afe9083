"""From a fact in the ledger of a real backend to a message in somebody's hands, once, through crashes and bad days."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from commands.context import SYSTEM, Context
from commands.hosts.note_presence import NotePresence
from commands.notices.watch_calendar import watch_calendar
from domain.errors import Unavailable
from domain.hosts.host import Host
from domain.moments import moment_of
from infra.notices.channel import DeliveryFailed
from infra.notices.courier import Courier
from infra.notices.dates import ViewsDates
from infra.notices.subjects import ViewsSubjects
from infra.reading import every
from projections.issuers.issuers import ISSUERS, IssuerFilter
from tests.support.agent_edge import AgentLab
from tests.support.edge import open_lab


class Paper:
    """A way out; ``problem`` closes it."""

    name = "paper"

    def __init__(self) -> None:
        self.problem = ""
        self.taken: list[tuple[Any, list[Any]]] = []

    def recipients(self, notice):
        return [notice.team_id or "operators"]

    async def send(self, digest, notices):
        if self.problem:
            raise DeliveryFailed(self.problem)
        self.taken.append((digest, list(notices)))


@pytest.fixture
def lab(tmp_path):
    """A whole backend with its edge."""
    with open_lab(tmp_path) as made:
        yield made


@pytest.fixture
def paper():
    """A way out on paper."""
    return Paper()


def courier(lab, paper):
    """Return a courier of this backend."""
    backend = lab.backend
    subjects = ViewsSubjects(backend.views, backend.ledger)
    return Courier(backend.ledger, backend.views, backend.notices, subjects, [paper])


async def carry(lab, paper, minutes=6):
    """Let a courier work for some minutes, a round in each."""
    for _ in range(minutes):
        await courier(lab, paper).round()
        lab.clock.at += timedelta(minutes=1)


async def offline(lab, *names):
    """Enrol an agent on each host and let it fall silent."""
    agents = AgentLab(lab)
    for name in names:
        await agents.agent(name)
        outcome = await lab.backend.bus.execute(
            NotePresence(host_id=Host.id_for(name), heard=False, last_seen=lab.clock.at), Context(SYSTEM, "test")
        )
        await lab.backend.views.wait_for(outcome.position)


async def test_many_silent_agents_are_one_message_with_names(lab, paper):
    """Each host by its name, one message for the team, and never again."""
    names = [f"web{number}.shop.test" for number in range(1, 8)]
    await offline(lab, *names)
    await carry(lab, paper)
    await carry(lab, paper)

    told = [(digest.recipient, [one.sentence for one in notices]) for digest, notices in paper.taken]
    mine = [sentences for recipient, sentences in told if recipient == lab.team()]
    assert mine == [[f"The agent of {name} is silent." for name in names]]
    assert {"pending": 0, "waiting": 0, "given-up": 0, "sent": len(paper.taken)} == lab.backend.notices.figures()


async def test_a_closed_way_out_loses_nothing_and_repeats_nothing(lab, paper):
    """What could not be delivered is delivered later under the same id, also by a courier of another process."""
    paper.problem = "the mail server answered 451"
    await offline(lab, "web1.shop.test")
    await carry(lab, paper)
    (waiting,) = [one for one in lab.backend.notices.deliveries(state="waiting") if one.recipient == lab.team()]
    assert (waiting.problem, waiting.count) == ("the mail server answered 451", 1)

    paper.problem = ""
    await carry(lab, paper, minutes=30)
    assert [waiting.digest_id] == [one.digest_id for one, _ in paper.taken if one.recipient == lab.team()]


async def test_a_crash_before_the_note_repeats_the_message_under_its_id(lab, paper, monkeypatch):
    """At least once: whoever drops repeated ids sees it once."""
    await offline(lab, "web1.shop.test")

    noted = lab.backend.notices.sent

    def dies(digest):
        if digest.recipient == lab.team():
            raise Unavailable("killed", rule="test", fix="none")
        noted(digest)

    with monkeypatch.context() as killed:
        killed.setattr(lab.backend.notices, "sent", dies)
        for _ in range(3):
            with suppress(Unavailable):
                await courier(lab, paper).round()
            lab.clock.at += timedelta(minutes=1)
    await carry(lab, paper)

    ids = [digest.digest_id for digest, _ in paper.taken if digest.recipient == lab.team()]
    assert len(ids) > len(set(ids)) == 1


async def test_notices_over_http_stay_inside_the_team(lab, paper):
    """A team sees its own; the deliveries are for those who watch; a page is bounded."""
    await offline(lab, "web1.shop.test")
    await carry(lab, paper)
    async with lab.client("dev-anna") as anna, lab.client("dev-ben") as ben, lab.client("vera") as vera:
        mine = (await anna.get("/api/v1/notices", params={"kind": "agent-offline"})).json()
        theirs = (await ben.get("/api/v1/notices")).json()
        denied = await anna.get("/api/v1/notices/deliveries")
        seen = await vera.get("/api/v1/notices/deliveries")
        bad = await vera.get("/api/v1/notices", params={"cursor": "x"})

    assert ["The agent of web1.shop.test is silent."] == [one["sentence"] for one in mine["items"]]
    assert [] == [one for one in theirs["items"] if one["team_id"] != lab.team("pay")]
    assert (denied.status_code, seen.status_code, bad.status_code) == (403, 200, 422)
    assert {one["state"] for one in seen.json()["items"]} == {"sent"}


async def test_what_is_settled_is_listed_on_request_only(lab, paper):
    """A silent agent that is heard again needs nobody; whoever wants to know what was told asks for all of it."""
    await offline(lab, "web1.shop.test", "web2.shop.test")
    back = NotePresence(host_id=Host.id_for("web1.shop.test"), heard=True, last_seen=lab.clock.at)
    await lab.backend.bus.execute(back, Context(SYSTEM, "test"))
    await carry(lab, paper)
    async with lab.client("dev-anna") as anna:
        told = {}
        for asked in ("", "?limit=1", "?all=true", "?severity=info"):
            items = (await anna.get(f"/api/v1/notices{asked}")).json()["items"]
            told[asked] = [(one["kind"], one["sentence"].split()[3]) for one in items if "agent-" in one["kind"]]

    silent, back_again = (
        [("agent-offline", f"web{number}.shop.test") for number in (2, 1)],
        ("agent-back", "web1.shop.test"),
    )
    assert told == {
        "": silent[:1],
        "?limit=1": silent[:1],
        "?all=true": [back_again, *silent],
        "?severity=info": [back_again],
    }


async def test_the_calendar_raises_each_level_once_and_clears_it(lab, paper):
    """The root's CRL, whose key is offline, is told of long before it ends, with the command that renews it."""
    backend, dates = lab.backend, ViewsDates(lab.backend.views)
    root = next(row for row in every(backend.views, ISSUERS, IssuerFilter(kind="root")))
    assert await watch_calendar(backend.bus, dates, backend.clock) == 0

    lab.clock.at = moment_of(root["next_update_us"]) - timedelta(days=59)
    before = lab.position()
    for _ in range(3):
        await watch_calendar(backend.bus, dates, backend.clock)
        await backend.views.wait_for(lab.position())
    raised = [topic for topic in lab.topics(before) if topic == "sslclm.alarm.raised.v1"]
    await carry(lab, paper)
    sentences = [one for _, notices in paper.taken for one in notices if one.kind == "root-crl-due"]
    assert (len(sentences), len(raised)) == (1, len(set(_objects(lab, before))))
    assert "sslclm root-crl" in sentences[0].todo


def _objects(lab, after):
    entries = lab.backend.ledger.entries(after + 1)
    return [one.stream_id for entry in entries for one in entry.events if one.topic == "sslclm.alarm.raised.v1"]


async def test_an_issuer_that_ends_is_told_a_year_before(lab):
    """Five years of life: a warning with a year to go, alarms later; nothing before."""
    backend, dates = lab.backend, ViewsDates(lab.backend.views)
    row = next(row for row in every(backend.views, ISSUERS, IssuerFilter(kind="issuing")))
    kinds = []
    for days in (400, 360, 80):
        lab.clock.at = moment_of(row["not_after_us"]) - timedelta(days=days)
        before = lab.position()
        await watch_calendar(backend.bus, dates, backend.clock)
        await backend.views.wait_for(lab.position())
        entries = backend.ledger.entries(before + 1) if lab.position() > before else []
        kinds.append([one.state for entry in entries for one in entry.events if b"issuer-ending" in one.state])

    assert [len([one for one in each if row["issuer_id"].encode() in one]) for each in kinds] == [0, 1, 1]


async def test_a_courier_stops_when_it_is_told_to(lab, paper):
    """Nothing keeps the process from ending."""
    stop = asyncio.Event()
    running = asyncio.create_task(courier(lab, paper).run(stop))
    await asyncio.sleep(0)
    stop.set()
    await asyncio.wait_for(running, 20)
