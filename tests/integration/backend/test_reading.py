"""The questions that handlers ask of read models, over real events and views."""

from __future__ import annotations

import pytest

from domain.certificates.certificate import Certificate
from domain.hosts.deployment import Deployment
from domain.hosts.targets import Endpoint, TargetSpec
from tests.support.backends import Clock, set_up
from tests.support.drafts import draft_of

HOST, TEAM = "host-1", "team-1"
WWW, API = (HOST, "/srv/tls/www"), (HOST, "/srv/tls/api")


@pytest.fixture
def backend(tmp_path):
    """A backend that was just set up."""
    made = set_up(tmp_path, Clock())
    yield made
    made.close()


def store(backend, *aggregates) -> None:
    """Append the pending events and wait for the views."""
    for aggregate in aggregates:
        backend.ledger.append_blocking(draft_of(aggregate))
    backend.views.wait_for_blocking(backend.ledger.head().position)


def certificate(number: str, now) -> Certificate:
    """An issued certificate."""
    made = Certificate.begin(
        Certificate.IssuanceStarted, stream_id=f"certificate-{number}", at=now, purpose="order", order_id=None,
        team_id=TEAM, host_id=HOST, profile_id=None, profile_version=None, issuer_id="issuer-1", serial=number,
        tbs_sha256="0" * 64, spki_sha256="0" * 64, dns_names=("www.shop.test",), ip_addresses=(), not_before=now,
        not_after=now,
    )  # fmt: skip
    made.issued(certificate="MIIB", fingerprint=number * 64, at=now)
    return made


def served(certificate_id: str, place, now) -> Deployment:
    """A proven deployment of a certificate in a place."""
    endpoint = Endpoint(address="127.0.0.1", port=443, server_name="www.shop.test")
    made = Deployment.plan(
        stream_id=f"deployment-{certificate_id}{place[1].replace('/', '-')}", order_id="order-1",
        certificate_id=certificate_id, host_id=place[0], team_id=TEAM, generation=1,
        target=TargetSpec(directory=place[1], endpoints=(endpoint,)), at=now,
    )  # fmt: skip
    made.report_served(evidence=(), previous=None, at=now)
    return made


def test_a_certificate_gives_way_place_by_place(backend):
    """What served two places is the last one in neither only after both have a successor."""
    now, reading = backend.clock(), backend.services.reading
    store(backend, certificate("a", now), certificate("b", now))
    store(backend, served("certificate-a", WWW, now), served("certificate-a", API, now))
    assert set(reading.places_of("certificate-a")) == {WWW, API}

    store(backend, served("certificate-b", WWW, now))
    assert reading.places_of("certificate-a") == [API]
    assert set(reading.served_from(WWW)) == {"certificate-a", "certificate-b"}
    assert reading.served_from(API) == ["certificate-a"]


def test_an_open_issuance_is_seen_until_it_ends(backend):
    """The issuances that wait for their end are those announced and neither issued nor failed."""
    now = backend.clock()
    half = certificate("c", now)
    announced, *ended = half.collect_events()
    opened = Certificate.replay([announced])
    assert opened is not None
    opened.pending_events.append(announced)
    store(backend, opened)
    assert [one.certificate_id for one in backend.services.reading.started_issuances()] == ["certificate-c"]

    opened.pending_events.extend(ended)
    store(backend, opened)
    assert backend.services.reading.started_issuances() == []
