"""Set-up, restart, and what the backend does by itself."""

from __future__ import annotations

import asyncio
import base64
import shutil
import stat

import pytest
from cryptography import x509

from commands.issuers.keep_crls_fresh import keep_crls_fresh
from commands.ports.keystore import Secret
from domain.errors import AlreadyExists, InvalidInput, NotFound
from domain.issuers.issuer import Issuer
from infra.keystore.errors import SecretAltered
from infra.reading import every
from infra.server.own_certificate import OwnNames, own_identity
from infra.setup import initialise, publish_root_crl
from infra.upkeep.issuances import recover
from projections.issuers.issuers import ISSUERS, IssuerFilter
from tests.support.backends import PASSPHRASE, PLAN, Clock, files_in, reopen, set_up

NAMES = OwnNames(("clm.test",), ("127.0.0.1",))


@pytest.fixture
def clock():
    """One clock for ledger, issuers and handlers."""
    return Clock()


@pytest.fixture
def backend(tmp_path, clock):
    """A backend that was just set up."""
    made = set_up(tmp_path, clock)
    yield made
    made.close()


def numbers(backend) -> dict[str, int]:
    """Return the CRL number of each authority."""
    return {row["name"]: row["crl_number"] for row in every(backend.views, ISSUERS, IssuerFilter())}


def test_set_up_makes_three_authorities_with_crls(backend):
    """Root, issuing CA and agents' CA exist, each with its first CRL, and the chain of the ledger holds."""
    assert numbers(backend) == {"root": 1, "issuing": 1, "agents": 1}
    assert backend.evidence.verify().holds


def test_set_up_leaves_the_root_certificate_in_a_file(backend):
    """Beside the data, readable (0644), PEM, and exactly the root that the backend serves."""
    path = backend.files.root_certificate

    assert ("root-ca.pem", backend.files.data_dir) == (path.name, path.parent)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert path.read_bytes() == backend.root_pem()
    assert x509.load_pem_x509_certificate(path.read_bytes()).subject.rfc4514_string() == "CN=Test Root CA,O=Test"


def test_set_up_says_where_the_root_certificate_is(tmp_path, clock):
    """One of the lines that an operator reads names the file."""
    told = []
    made = asyncio.run(initialise(files_in(tmp_path), PLAN, PASSPHRASE, clock=clock, tell=told.append))
    made.close()

    assert [line for line in told if line.endswith(str(made.files.root_certificate))]


def test_the_use_of_the_roots_key_is_recorded_before_the_issuing_ca_exists(backend):
    """KeyUsed stands in the ledger before the certificate it was used for."""
    topics = [one.topic for entry in backend.ledger.entries(1) for one in entry.events]
    created = [place for place, topic in enumerate(topics) if topic == "sslclm.issuer.created.v1"]

    assert created[0] < topics.index("sslclm.issuer.key-used.v1") < created[1]


def test_set_up_happens_once(backend, tmp_path, clock):
    """A second set-up is refused and changes nothing."""
    before = backend.ledger.head()
    with pytest.raises(AlreadyExists):
        set_up(tmp_path, clock)

    assert backend.ledger.head() == before


def test_a_weak_passphrase_makes_nothing(tmp_path, clock, monkeypatch):
    """The passphrase is checked before a file is made."""
    monkeypatch.setattr("tests.support.backends.PASSPHRASE", Secret(b"short"))
    with pytest.raises(InvalidInput, match="passphrase"):
        set_up(tmp_path, clock)

    assert not files_in(tmp_path).data_dir.exists()


def test_a_running_backend_cannot_sign_as_the_root(backend, tmp_path, clock):
    """After a restart the root's key is nowhere in the process: asking for a signature finds no such issuer."""
    backend.close()
    again = reopen(tmp_path, clock)
    with pytest.raises(NotFound):
        asyncio.run(again.issuers.sign_crl(Issuer.id_for("root"), 9, clock.now, clock.now, ()))
    again.close()


def test_the_roots_crl_needs_the_passphrase(backend):
    """The ceremony opens the seal with the right passphrase only, and forgets the key afterwards."""
    before = backend.ledger.head()
    with pytest.raises(SecretAltered):
        asyncio.run(publish_root_crl(backend, Secret(b"another passphrase of good length")))
    assert backend.ledger.head() == before

    asyncio.run(publish_root_crl(backend, PASSPHRASE))
    assert numbers(backend)["root"] == 2
    with pytest.raises(NotFound):
        backend.issuers.chain(Issuer.id_for("root"))


def test_crls_are_renewed_at_half_of_their_time_and_once(backend, clock):
    """Nothing happens early; when it is time each authority whose key is at hand publishes one more, not two."""
    reading = backend.services.reading
    assert asyncio.run(keep_crls_fresh(backend.bus, reading)) == 0
    clock.go_on(days=4)

    assert asyncio.run(keep_crls_fresh(backend.bus, reading)) == 2
    backend.views.wait_for_blocking(backend.ledger.head().position)
    assert asyncio.run(keep_crls_fresh(backend.bus, reading)) == 0
    assert numbers(backend) == {"root": 1, "issuing": 2, "agents": 2}


def test_the_backend_renews_its_own_certificate(backend, clock):
    """The same certificate until two thirds of its life are over, then a new key and certificate without a person."""

    def served() -> bytes:
        return asyncio.run(own_identity(backend, NAMES)).chain_pem

    first = served()
    clock.go_on(days=30)
    assert served() == first

    clock.go_on(days=11)
    second = served()
    keys = [x509.load_pem_x509_certificate(pem).public_key() for pem in (first, second)]
    assert keys[0] != keys[1]
    assert "sslclm.certificate.issuance-started.v1" in {
        one.topic for entry in backend.ledger.entries(1) for one in entry.events
    }


def test_read_models_may_be_deleted(backend, tmp_path, clock):
    """They are made again from the ledger, equal to what they were."""
    before = list(every(backend.views, ISSUERS, IssuerFilter()))
    backend.close()
    files_in(tmp_path).views.unlink()
    again = reopen(tmp_path, clock)

    assert list(every(again.views, ISSUERS, IssuerFilter())) == before
    assert asyncio.run(recover(again)) == 0
    again.close()


def test_a_backup_without_the_kek_is_of_no_use(backend, tmp_path, clock):
    """The data directory alone opens nothing: the key-encryption key is not in it."""
    backend.close()
    kek = files_in(tmp_path).kek_file.read_bytes().strip()
    copy = tmp_path / "copy"
    shutil.copytree(tmp_path / "data", copy / "data")
    with pytest.raises((InvalidInput, NotFound, OSError)):
        reopen(copy, clock)

    found = [path for path in (copy / "data").iterdir() if kek in path.read_bytes()]
    assert found == []
    raw = base64.b64decode(kek)
    assert [path for path in (copy / "data").iterdir() if raw in path.read_bytes()] == []
