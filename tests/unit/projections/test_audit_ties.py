"""What an event is about: keys found by certificates, certificates by keys, teams while they own, approvals by act."""

from __future__ import annotations

from domain.audit.reading import AuditReading
from domain.issuers.issuer import Issuer
from domain.keys.key import Key
from domain.keys.reveal import Reveal
from projections.audit.search import AUDIT
from tests.support.memoryledger import at
from tests.support.story import accept, certificate, deployment, order

SPKI = "c" * 64
KEY = Key.id_for(SPKI)


def introduced() -> Key:
    """Return the key of the stories' certificates, made in the key store."""
    return Key.introduce(
        spki_sha256=SPKI, algorithm="EC-P256", team_id="team-1", made="server", host_id=None, at=at(), stored_as="k-1"
    )


def concerned(rows: dict, subject: str) -> list[str]:
    """Return the topics of what concerns a subject, in order."""
    found = [row for _, row in sorted(rows.items()) if subject in (row["stream_id"], *row["objects"])]
    return [row["topic"].removeprefix("sslclm.").removesuffix(".v1") for row in found]


def test_a_certificate_has_the_history_of_its_order_its_key_and_its_deployment(folded):
    """One question by the certificate's id finds all of it, also what came before there was a certificate."""
    wanted, key, made = order(), introduced(), certificate()
    wanted.approve_by_policy(at=at())
    accept(wanted)
    plan = deployment()
    fold = folded(AUDIT)
    fold(wanted, key, made)
    fold(plan)
    plan.report_failed(stage="reload", detail="no", rolled_back=True, served_now=None, at=at(2))
    key.record(Key.CopyDestroyed, at=at(3), cause="installed")
    wanted.target_served(deployment_id=plan.id, all_targets=frozenset((plan.id,)), at=at(4))
    rows = fold(plan, key, wanted)

    assert concerned(rows, made.id) == [
        "order.requested", "order.approved", "order.key-accepted", "key.introduced", "certificate.issuance-started",
        "deployment.planned", "deployment.failed", "key.copy-destroyed", "order.target-served", "order.fulfilled",
    ]  # fmt: skip
    assert concerned(rows, KEY) == concerned(rows, made.id)


def test_two_certificates_of_one_order_are_told_apart(folded):
    """What was decided on the order is part of both histories; what happened to one is not part of the other's."""
    wanted, one, two = order(hosts=("host-1", "host-2")), certificate(1), certificate(2)
    wanted.approve_by_policy(at=at())
    accept(wanted, one.id, host="host-1")
    accept(wanted, two.id, host="host-2")
    one.issued(certificate="AA", fingerprint="a" * 64, at=at(1))
    rows = folded(AUDIT)(wanted, one, two)

    assert "order.requested" in concerned(rows, one.id)
    assert "order.requested" in concerned(rows, two.id)
    assert "certificate.issued" not in concerned(rows, two.id)
    assert concerned(rows, two.id).count("order.key-accepted") == 1


def test_a_touch_of_a_key_is_one_of_each_of_its_certificates(folded):
    """A key that two certificates share: what is done to it later concerns both."""
    key = introduced()
    fold = folded(AUDIT)
    fold(key, certificate(1, order_id=None), certificate(2, order_id=None))
    key.note_seen(cause="reveal", by_id="reveal-1", at=at(5))
    rows = fold(key)

    assert concerned(rows, "certificate-1")[-1] == "key.seen"
    assert concerned(rows, "certificate-2")[-1] == "key.seen"


def test_a_reveal_names_who_approved_it(folded):
    """From the authorisation on, the rows of a reveal and of the key say whose approval they rest on, and where."""
    reveal = Reveal.request(
        stream_id="reveal-1", key_id=KEY, certificate_id="certificate-1", spki_sha256=SPKI, team_id="team-1",
        requester="p-olga", at=at(),
    )  # fmt: skip
    reveal.approve(approver="p-omar", request_sha256=reveal.request_sha256, at=at(1))
    reveal.record(
        Reveal.Authorised,
        at=at(2),
        key_id=KEY,
        certificate_id="certificate-1",
        request_sha256=reveal.request_sha256,
        form="aes-256",
    )
    key, fold = introduced(), folded(AUDIT)
    fold(key, certificate(), reveal)
    key.note_seen(cause="reveal", by_id="reveal-1", at=at(2))
    told = {row["topic"]: row for row in fold(key).values()}

    assert told["sslclm.reveal.requested.v1"]["approvals"] == []
    for later in ("sslclm.reveal.authorised.v1", "sslclm.key.seen.v1"):
        assert (told[later]["access"], told[later]["certificate_id"]) == ("reveal", "certificate-1")
        assert [one["by"] for one in told[later]["approvals"]] == ["p-omar"]


def test_a_team_is_told_while_it_owns(folded):
    """Both sides are told of the move; what comes later is the new owner's alone, deployments and keys alike."""
    fold = folded(AUDIT)
    made, key, plan = certificate(order_id=None), introduced(), deployment()
    made.issued(certificate="AA", fingerprint="a" * 64, at=at(1))
    fold(key, made, plan)
    made.offer_ownership(team_id="team-2", offered_by="p-a", at=at(2))
    made.accept_ownership(accepter="p-b", at=at(3))
    key.move(team_id="team-2", at=at(3))
    fold(made, key)
    made.revoke(reason="superseded", at=at(4))
    key.compromise(certificate_id=made.id, at=at(4))
    plan.report_failed(stage="probe", detail="no", rolled_back=True, served_now=None, at=at(5))
    rows = fold(made, key, plan)
    told = [(row["topic"].split(".")[2], row["teams"]) for row in rows.values()]

    assert told[:4] == [
        ("introduced", ["team-1"]),
        ("issuance-started", ["team-1"]),
        ("issued", ["team-1"]),
        ("planned", ["team-1"]),
    ]
    assert told[4:] == [
        ("ownership-offered", ["team-2", "team-1"]),
        ("ownership-moved", ["team-2", "team-1"]),
        ("owner-moved", ["team-2", "team-1"]),
        ("revoked", ["team-2"]),
        ("compromised", ["team-2"]),
        ("failed", ["team-2"]),
    ]


def test_a_look_is_no_teams_business(folded):
    """That auditors look at a team's certificate is not told to the team; it is found by the certificate."""
    look = AuditReading.note(
        stream_id="auditreading-1", view="object", filter_sha256="0" * 64, object_id="certificate-1", at=at()
    )
    rows = folded(AUDIT)(certificate(), look)

    assert rows[2]["teams"] == []
    assert (rows[2]["access"], rows[2]["certificate_id"], rows[2]["key_id"]) == ("read", "certificate-1", KEY)


def test_a_ca_key_is_found_by_what_it_signed(folded):
    """The signing of a certificate and of a CRL are accesses of the issuer and of its key."""
    issuer = Issuer.begin(
        Issuer.Created, stream_id="issuer-1", at=at(), name="issuing", kind="issuing", slug="issuing", chain=("PEM",),
        fingerprint="a" * 64, not_after=at(9), key_id="ca-1", key_sealed=False, crl_url="", aia_url="",
    )  # fmt: skip
    fold = folded(AUDIT)
    fold(issuer)
    issuer.draw_crl_number(this_update=at(), next_update=at(9), at=at(1))
    rows = fold(certificate(), issuer)

    for subject in ("issuer-1", "ca-1"):
        assert concerned(rows, subject) == ["issuer.created", "certificate.issuance-started", "issuer.crl-numbered"]
    assert rows[2]["key_id"] == KEY


def test_a_key_that_is_certified_again_and_again_stays_cheap(folded):
    """Its own events stand in the history of its first certificates only: a row never grows with every new one."""
    key, fold = introduced(), folded(AUDIT)
    rows = fold(key, *(certificate(number) for number in range(1, 41)))
    (first,) = (row for row in rows.values() if row["stream_id"] == KEY)

    assert 16 == sum(one.startswith("certificate-") for one in first["objects"])
    assert 41 == len(concerned(rows, KEY))
