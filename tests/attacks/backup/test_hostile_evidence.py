"""Evidence of a loss that proves nothing, or was made up: nothing is believed, nothing changes."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from commands.access.create_team import CreateTeam
from commands.continuity.epoch import epochs_of
from domain.access.grant import Grant
from domain.base import Aggregate
from domain.certificates.certificate import Certificate
from domain.errors import InvalidInput, Unavailable
from domain.issuers.issuer import Issuer
from infra.backup import high_water
from infra.backup.finding import Evidence, look_for_loss
from infra.bootstrap import Backend, compose
from infra.ledger.export import export_ledger, import_ledger
from infra.ledger.sqlite import SqliteLedger
from infra.reading import every
from infra.setup import as_system
from infra.upkeep.epoch import keep_high_water
from projections.issuers.issuers import ISSUERS, IssuerFilter
from tests.support.drafts import draft_of
from tests.support.world import World, furnish


@pytest.fixture
def restored(vault):
    """Give a backend that was restored from an archive; the lab's own went on."""
    vault.take()
    backend = compose(vault.restore(), clock=vault.lab.clock)
    yield backend
    backend.close()


def refused(backend: Backend, evidence: Evidence) -> str:
    """Hand evidence in; returns the rule it breaks, having checked that nothing changed."""
    head = backend.ledger.head()
    with pytest.raises(InvalidInput) as found:
        asyncio.run(look_for_loss(backend, evidence))
    assert head == backend.ledger.head()
    assert backend.gate.hold() is None
    return found.value.rule


def forged_crl(backend: Backend, tmp_path, *, number: int = 99):
    """Write a CRL in our issuer's name by somebody else's key."""
    row = next(every(backend.views, ISSUERS, IssuerFilter(name="issuing")))
    name = x509.load_pem_x509_certificate(row["chain"][0].encode()).subject
    at = backend.clock()
    builder = x509.CertificateRevocationListBuilder(name, at, at + timedelta(days=7))
    crl = builder.add_extension(x509.CRLNumber(number), critical=False).sign(
        ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()
    )
    path = tmp_path / "forged.crl"
    path.write_bytes(crl.public_bytes(Encoding.DER))
    return path


def test_a_forged_crl_is_refused(restored, tmp_path):
    """A CRL in our name that our key did not sign would revoke whatever its maker likes."""
    assert refused(restored, Evidence(crls=(forged_crl(restored, tmp_path),))) == "evidence-foreign"


@pytest.mark.parametrize(
    "content", [b"", b"x", b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----", b"\x30" * 99]
)
def test_what_is_no_crl_is_refused(restored, tmp_path, content):
    """Whatever its bytes are."""
    path = tmp_path / "some.crl"
    path.write_bytes(content)

    assert refused(restored, Evidence(crls=(path,))) == "evidence-unreadable"


def test_a_missing_file_is_told(restored, tmp_path):
    """Neither a CRL nor an export that is not there."""
    assert refused(restored, Evidence(crls=(tmp_path / "none",))) == "evidence-unreadable"
    assert refused(restored, Evidence(exports=(tmp_path / "none",))) == "evidence-unreadable"


def exported(backend: Backend, path) -> list[bytes]:
    """Export a ledger; returns the lines."""
    with path.open("wb") as out:
        export_ledger(backend.ledger, out)
    return path.read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize("damage", ["cut", "edited", "gzip cut", "nothing"])
def test_an_export_that_does_not_verify_is_refused(vault, restored, tmp_path, damage):
    """The chain has to hold to its last line before anything in it is read as true."""
    asyncio.run(as_system(vault.lab.backend, CreateTeam(name=f"later-{damage.replace(' ', '-')}"), "test"))
    path = tmp_path / "export.jsonl"
    lines = exported(vault.lab.backend, path)
    whole = b"".join(lines)
    damaged = {
        "cut": b"".join(lines[:-1]),
        "edited": whole.replace(b'"stream_version":1', b'"stream_version":2', 1),
        "gzip cut": gzip.compress(whole)[:-20],
        "nothing": b"",
    }
    path.write_bytes(damaged[damage])

    assert refused(restored, Evidence(exports=(path,))) == "evidence-unreadable"


def test_an_export_of_another_ledger_is_refused(restored, tmp_path, tmp_path_factory):
    """A history that does not begin as ours says nothing about ours."""
    other = World(tmp_path_factory.mktemp("other"))
    furnish(other)
    path = tmp_path / "other.jsonl"
    with path.open("wb") as out:
        export_ledger(other.ledger, out)

    assert refused(restored, Evidence(exports=(path,))) == "evidence-foreign"


def test_evidence_that_is_not_newer_changes_nothing(restored, tmp_path):
    """Our own export and our own CRLs are no loss."""
    path, crl = tmp_path / "same.jsonl", tmp_path / "same.crl"
    exported(restored, path)
    row = next(every(restored.views, ISSUERS, IssuerFilter(name="issuing")))
    crl.write_bytes(base64.b64decode(row["crl"]))

    assert asyncio.run(look_for_loss(restored, Evidence((crl,), (path,)))) is None
    assert epochs_of(restored.services) is None


def test_the_high_water_mark_sees_an_old_restore(vault, restored, tmp_path):
    """Nobody hands anything in: the file on another disk knows of more than the ledger, and the backend is held."""
    mark = tmp_path / "mark.json"
    asyncio.run(as_system(vault.lab.backend, CreateTeam(name="after-the-archive"), "test"))
    asyncio.run(keep_high_water(vault.lab.backend, mark))
    asyncio.run(keep_high_water(restored, mark))
    hold = restored.gate.hold()

    assert hold is not None
    assert hold.loss.lost is not None
    assert hold.loss.lost.position == vault.lab.position() > hold.loss.kept.position
    with pytest.raises(Unavailable):
        asyncio.run(as_system(restored, CreateTeam(name="refused"), "test"))
    assert json.loads(mark.read_text())["head"]["position"] == vault.lab.position()


@pytest.mark.parametrize("content", [b"{}", b"", b'{"format":"sslclm-high-water/1"', b"[]" * 1_000_000])
def test_a_broken_mark_is_refused_with_its_name(restored, tmp_path, content):
    """It is not taken for "nothing was lost"."""
    mark = tmp_path / "mark.json"
    mark.write_bytes(content)

    assert refused(restored, Evidence(mark=mark)) == "high-water"


def test_the_mark_of_another_ledger_is_refused(restored, tmp_path):
    """A wrong file in the setting is told, not obeyed."""
    mark = tmp_path / "mark.json"
    high_water.write(mark, high_water.present(restored).model_copy(update={"ledger_id": "0" * 32}))

    assert refused(restored, Evidence(mark=mark)) == "high-water"


def continued(backend: Backend, tmp_path, *aggregates: Aggregate) -> Path:
    """Export a copy of the ledger that somebody continued as they like; its chain holds."""
    with (tmp_path / "base.jsonl").open("wb") as out:
        export_ledger(backend.ledger, out)
    path = tmp_path / "continued.jsonl"
    with SqliteLedger(tmp_path / "copy.sqlite", clock=backend.clock) as copy, path.open("wb") as out:
        import_ledger(tmp_path / "base.jsonl", copy)
        for aggregate in aggregates:
            copy.append_blocking(draft_of(aggregate))
        export_ledger(copy, out)
    return path


def self_made(backend: Backend) -> Certificate:
    """Return a certificate "of ours" that another key signed."""
    key, at = ec.generate_private_key(ec.SECP256R1()), backend.clock()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "evil.shop.test")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 0x1234, at, at + timedelta(days=9))
    der = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
    told: dict[str, object] = {
        "purpose": "order",
        "order_id": None,
        "team_id": None,
        "host_id": None,
        "profile_id": None,
    }
    told |= {"profile_version": None, "tbs_sha256": "0" * 64, "spki_sha256": "0" * 64, "dns_names": ()}
    issuer_id = Issuer.id_for("issuing")
    certificate = Certificate.begin(
        Certificate.IssuanceStarted,
        stream_id=Certificate.id_for(issuer_id, "1234"),
        at=at, issuer_id=issuer_id, serial="1234", ip_addresses=(), not_before=at, not_after=at, **told,
    )  # fmt: skip
    certificate.issued(certificate=base64.b64encode(der).decode(), fingerprint="0" * 64, at=at)
    return certificate


def test_a_continued_export_with_a_forged_certificate_is_refused(restored, tmp_path):
    """A chain without signatures can be continued by anybody; a certificate must be signed by our issuer."""
    path = continued(restored, tmp_path, self_made(restored))

    assert refused(restored, Evidence(exports=(path,))) == "evidence-forged"


def test_a_continued_export_gives_nobody_a_right(restored, tmp_path):
    """A grant in the part that we do not have is a loss to look at, and is never taken over."""
    grant = Grant.give(provider="development", subject_kind="group", subject="/evil", role="ROLE_ADMIN", team_id=None,
                       stream_id="grant-00000000-0000-4000-8000-00000000abcd", at=restored.clock())  # fmt: skip
    loss = asyncio.run(look_for_loss(restored, Evidence(exports=(continued(restored, tmp_path, grant),))))

    assert loss is not None
    assert (loss.revocations, loss.certificates) == ((), ())
    assert "/evil" not in loss.content().decode()
