"""Hosts, grants, profiles, issuers and the audit search: given events, when folded, then rows."""

from __future__ import annotations

import json
from typing import cast

import pytest

from domain.access.grant import Grant
from domain.base import Event
from domain.hosts.host import Host
from domain.issuers.issuer import Issuer
from domain.keys.key import Key
from domain.profiles.profile import Profile
from domain.profiles.spec import ProfileSpec
from projections.access.grants import GRANTS
from projections.audit.search import AUDIT, mentioned
from projections.base import EntryMetadata
from projections.hosts.hosts import HOSTS
from projections.issuers.issuers import ISSUERS
from projections.profiles.profiles import PROFILES
from tests.support.memoryledger import T0_US, at
from tests.support.story import certificate, order


def test_a_host_and_its_keys(folded):
    """The keys that count are those of the agent's present and former identity; a token's hash never gets here."""
    hosts = folded(HOSTS)
    host = Host.register(name="web.test", team_id="team-1", at=at())
    host.make_token(token_sha256="5" * 64, expires=at(600), at=at(1))
    rows = hosts(host)
    assert rows[host.id]["token_expires_us"] == T0_US + 600_000_000
    assert "5" * 64 not in json.dumps(rows)

    names = {"agent_version": "1.0", "platform": "linux"}
    host.enrol(token_sha256="5" * 64, certificate_id="certificate-1", spki_sha256="a" * 64, at=at(2), **names)
    host.renew_identity(
        certificate_id="certificate-2", spki_sha256="b" * 64, proven_spki_sha256=host.spki_sha256, at=at(3)
    )
    host.note_safe_mode(on=True, at=at(4))
    row = hosts(host)[host.id]
    assert (row["state"], row["safe_mode"], row["token_expires_us"]) == ("enrolled", True, None)
    assert (row["spki_sha256s"], row["certificate_id"]) == (["b" * 64, "a" * 64], "certificate-2")

    host.note_safe_mode(on=False, at=at(5))
    host.disable(at=at(6))
    row = hosts(host)[host.id]
    assert (row["state"], row["safe_mode"], row["spki_sha256s"]) == ("disabled", False, [])


def test_a_grant_until_it_is_withdrawn(folded):
    """A withdrawn grant stays, with its date, and is in force no more."""
    grants = folded(GRANTS)
    grant = Grant.give(
        stream_id="grant-1",
        provider="corp",
        subject_kind="group",
        subject="/devops",
        role="ROLE_DEVOPS",
        team_id="team-1",
        at=at(),
    )
    assert grants(grant)["grant-1"]["in_force"] is True

    grant.withdraw(at=at(5))
    row = grants(grant)["grant-1"]

    assert (row["in_force"], row["withdrawn_us"], row["granted_by"]) == (False, T0_US + 5_000_000, "p-alice")


def test_a_profile_counts_its_versions(folded):
    """A revision replaces the content and counts up; a retired profile keeps its last one."""
    spec = ProfileSpec(name="web", issuer_id="issuer-1", teams=("team-1",), max_validity=900)
    profile = Profile.define(spec=spec, author="p-adam", at=at())
    profile.revise(spec=spec.model_copy(update={"teams": ("team-1", "team-2")}), author="p-olga", at=at(1))
    profile.retire(at=at(2))

    (row,) = folded(PROFILES)(profile).values()

    assert (row["state"], row["number"], row["teams"]) == ("retired", 2, ["team-1", "team-2"])
    assert (row["created"], row["changed"], row["spec"]["max_validity"]) == (1, 3, 900)


def test_an_issuer_serves_its_latest_crl(folded):
    """A published CRL has the times that its number was drawn with; a number without a CRL changes nothing served."""
    issuers = folded(ISSUERS)
    issuer = _issuer()
    assert issuer.draw_crl_number(this_update=at(), next_update=at(86_400), at=at(1)) == 1
    row = issuers(issuer)["issuer-1"]
    assert (row["crl"], row["crl_number"], row["next_update_us"]) == ("", 0, None)

    issuer.record(Issuer.CrlPublished, at=at(2), number=1, entries=3, sha256="c" * 64, crl="MIIC")
    issuer.draw_crl_number(this_update=at(9), next_update=at(90_000), at=at(9))
    row = issuers(issuer)["issuer-1"]

    assert (row["crl"], row["crl_number"], row["crl_entries"], row["crl_position"]) == ("MIIC", 1, 3, 2)
    assert (row["this_update_us"], row["next_update_us"]) == (T0_US, T0_US + 86_400_000_000)
    assert [one["number"] for one in row["drawn"]] == [2]


def _issuer() -> Issuer:
    return Issuer.begin(
        Issuer.Created,
        stream_id="issuer-1",
        at=at(),
        name="issuing",
        kind="issuing",
        slug="issuing",
        chain=("PEM", "ROOT"),
        fingerprint="a" * 64,
        not_after=at(10**8),
        key_id="key-1",
        key_sealed=False,
        crl_url="http://ca.test/crl",
        aia_url="http://ca.test/aia",
    )


def test_each_event_is_one_audit_row(folded):
    """A row has who, what and which objects, and no body."""
    rows = folded(AUDIT)(order(hosts=("host-1", "host-2")), certificate())

    assert list(rows) == [1, 2]
    assert rows[1]["objects"] == ["team-1", "profile-1", "host-1", "host-2"]
    assert rows[2]["objects"][:-1] == ["order-1", "team-1", "host-1", "profile-1", "issuer-1"]
    assert rows[2]["objects"][-1:] == [Key.id_for("c" * 64)]
    assert (rows[2]["first_position"], rows[2]["actor"], rows[2]["command"]) == (1, "p-alice", "test")
    assert "shop.test" not in json.dumps(rows)


def test_an_event_mentions_each_object_once():
    """The ids that an event names are objects; ids of keys and empty ones are not."""
    wanted = order(csr="MIIB")
    wanted.approve_by_policy(at=at())
    wanted.accept_key(host_id=wanted.hosts()[0], certificate_id="certificate-1", spki_sha256="", csr_sha256="", at=at())

    assert mentioned(cast("Event", wanted.pending_events[-1])) == ["host-1", "certificate-1"]
    assert mentioned(cast("Event", _issuer().pending_events[0])) == []


@pytest.mark.parametrize("raw", [b"", b"\xff", b"[]", b'{"actor":7}', b'{"actor":', b"[" * 9_000, b'{"actor":null}'])
def test_metadata_may_be_anything(raw):
    """Metadata that is not ours has no words; it never stops a fold."""
    assert EntryMetadata(raw).text("actor") == ""


def test_lone_surrogates_are_replaced():
    """A word that no store takes is shown as what it is not, instead of stopping the fold."""
    assert EntryMetadata(b'{"actor":"\\ud800x"}').text("actor") == "?x"
