"""Set-up: the ledger, the certification authorities, the keys and the first grant, through the ordinary handlers.

The root's key signs only after its use is in the ledger, and is sealed under a passphrase afterwards; a running
server never loads it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate

from commands.access.give_grant import GiveGrant
from commands.base import Command, Outcome
from commands.context import SYSTEM, Context
from commands.issuers.create import CreateIssuer
from commands.issuers.publish_crl import PublishCrl
from commands.issuers.use_root_key import UseRootKey
from commands.ports.keystore import Secret
from domain.certificates.fingerprints import fingerprint
from domain.errors import AlreadyExists
from domain.issuers.issuer import Issuer
from infra.agents.task_signer import create_task_key
from infra.bootstrap import Backend, Files, compose, issuer_record, issuer_records
from infra.clock import utc_now
from infra.issuers.hierarchy import AuthorityPlan, Parent, PreparedAuthority, prepare_issuing, prepare_root
from infra.issuers.records import aia_url, crl_url
from infra.issuers.signers import PKCS8_FIELD, SoftwareSigner, signed
from infra.keystore.kek_file import LocalKekFile
from infra.keystore.sealed import check_passphrase, open_sealed, seal
from infra.ledger.drafts import genesis_draft
from infra.places import make_folder
from infra.reading import every
from infra.stores import stores_of
from projections.issuers.issuers import ISSUERS, IssuerFilter

ROOT, ISSUING, AGENTS = "root", "issuing", "agents"
ROOT_LABEL = "sslclm root CA key"
ROOT_CRL_SECONDS = 180 * 86_400


@dataclass(frozen=True, slots=True)
class SetupPlan:
    """What is made at set-up.

    ``origin``: the ledger's name for ever, e.g. the host name of the installation. ``organization`` stands in the CA
    names. ``admin_provider`` and ``admin_group`` claim the first ROLE_ADMIN. Lives are in days.
    """

    origin: str
    organization: str
    pki_url: str
    admin_provider: str
    admin_group: str
    root_days: int = 3_650
    issuing_days: int = 1_825


Told = Callable[[str], None]


async def initialise(
    files: Files, plan: SetupPlan, passphrase: Secret, *, clock: Callable[[], datetime] = utc_now, tell: Told = print
) -> Backend:
    """Make everything that a first start needs; returns the composed backend.

    Raises AlreadyExists where there is a ledger, and InvalidInput for a weak passphrase, before anything is made.
    """
    check_passphrase(passphrase)
    with closing(stores_of(files)) as stores:
        if stores.begun():
            where = files.database or files.data_dir
            raise AlreadyExists(f"{where} is set up already", rule="initialised", fix="run: sslclm serve")
    make_folder(files.data_dir)
    files.kek_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not files.kek_file.exists():
        LocalKekFile.create(files.kek_file)
    _make_stores(files, plan, clock)
    backend = compose(files, clock=clock)
    tell(f"ledger {plan.origin} begun in {files.data_dir}")
    await _authorities(backend, plan, passphrase, tell)
    _write_root_certificate(backend, tell)
    grant = GiveGrant(provider=plan.admin_provider, subject=plan.admin_group, role="ROLE_ADMIN")
    outcome = await as_system(backend, grant, "first-admin")
    tell(f"ROLE_ADMIN for {plan.admin_group} of {plan.admin_provider}, position {outcome.position}")
    return backend


async def as_system(backend: Backend, command: Command, purpose: str) -> Outcome:
    """Execute a command as the system itself and wait until the read models have seen it."""
    outcome = await backend.bus.execute(command, Context(SYSTEM, f"{purpose}:{uuid.uuid4()}", purpose=purpose))
    await backend.views.wait_for(outcome.position, timeout=30)
    return outcome


def _make_stores(files: Files, plan: SetupPlan, clock: Callable[[], datetime]) -> None:
    with closing(stores_of(files)) as stores:
        with closing(stores.keystore(clock)) as keystore:
            create_task_key(keystore)
        with stores.ledger(clock) as ledger:
            ledger.append_blocking(genesis_draft(uuid.uuid4().hex, plan.origin))


async def _authorities(backend: Backend, plan: SetupPlan, passphrase: Secret, tell: Told) -> None:
    now = backend.clock().replace(microsecond=0) - timedelta(minutes=5)
    far, near = now + timedelta(days=plan.root_days), now + timedelta(days=plan.issuing_days)
    root_plan = AuthorityPlan(f"{plan.organization} Root CA", plan.organization, now, far)
    prepared = prepare_root(root_plan, crl_url(plan.pki_url, ROOT))
    seal(backend.files.root_key, ROOT_LABEL, prepared.key, passphrase)
    root_signer = SoftwareSigner.from_pkcs8(prepared.key)
    root = await signed(prepared.tbs, prepared.signed_by, root_signer)
    await _record(backend, plan, ROOT, (root,), key_id=None, tell=tell)

    issuing_plan = AuthorityPlan(f"{plan.organization} Issuing CA", plan.organization, now, near)
    parent = Parent(root, crl_url(plan.pki_url, ROOT), aia_url(plan.pki_url, ROOT))
    prepared = prepare_issuing(issuing_plan, parent)
    use = UseRootKey(issuer_id=Issuer.id_for(ROOT), purpose="sign-issuing-ca", tbs_sha256=prepared.tbs_sha256)
    await as_system(backend, use, "setup")
    issuing = await signed(prepared.tbs, prepared.signed_by, root_signer)
    await _keep(backend, plan, ISSUING, (issuing, root), prepared, tell)

    agents_plan = AuthorityPlan(f"{plan.organization} Agents CA", plan.organization, now, near)
    prepared = prepare_root(agents_plan, crl_url(plan.pki_url, AGENTS), path_length=0)
    agents = await signed(prepared.tbs, prepared.signed_by, SoftwareSigner.from_pkcs8(prepared.key))
    await _keep(backend, plan, AGENTS, (agents,), prepared, tell)

    await _root_crl(backend, root_signer)
    for name in (ISSUING, AGENTS):
        await as_system(backend, PublishCrl(issuer_id=Issuer.id_for(name)), "setup")
    tell("CRLs of all authorities published")


def _write_root_certificate(backend: Backend, tell: Told) -> None:
    """Leave the root's certificate for clients: a file, so that nobody has to read it out of what was told."""
    path = backend.files.root_certificate
    path.write_bytes(backend.root_pem())
    path.chmod(0o644)  # it is public, whatever the umask; its folder is not
    tell(f"root certificate for clients (--ca-file): {path}")


async def _keep(
    backend: Backend, plan: SetupPlan, name: str, chain: tuple[bytes, ...], prepared: PreparedAuthority, tell: Told
) -> None:
    """Store an authority's key first, then record the authority, then let this process sign as it."""
    key_id = f"ca-{uuid.uuid4()}"
    backend.keystore.put(key_id, PKCS8_FIELD, prepared.key)
    await _record(backend, plan, name, chain, key_id=key_id, tell=tell)
    issuer_id = Issuer.id_for(name)
    backend.issuers.add(next(one for one in issuer_records(backend.views) if one.issuer_id == issuer_id))


async def _record(
    backend: Backend, plan: SetupPlan, name: str, chain: tuple[bytes, ...], *, key_id: str | None, tell: Told
) -> None:
    certificates = [load_der_x509_certificate(der) for der in chain]
    command = CreateIssuer(
        name=name,
        kind=name,
        slug=name,
        chain=tuple(certificate.public_bytes(Encoding.PEM).decode() for certificate in certificates),
        fingerprint=fingerprint(chain[0]),
        not_after=certificates[0].not_valid_after_utc,
        key_id=key_id,
        key_sealed=key_id is None,
        crl_url=crl_url(plan.pki_url, name),
        aia_url=aia_url(plan.pki_url, name),
    )
    outcome = await as_system(backend, command, "setup")
    subject = certificates[0].subject.rfc4514_string()
    tell(f"{subject}, SHA-256 {fingerprint(chain[0])}, position {outcome.position}")


async def publish_root_crl(backend: Backend, passphrase: Secret) -> Outcome:
    """Unseal the root's key for one CRL, on the record; the ceremony that keeps the root's CRL fresh."""
    key = open_sealed(backend.files.root_key, ROOT_LABEL, passphrase)
    return await _root_crl(backend, SoftwareSigner.from_pkcs8(key))


async def _root_crl(backend: Backend, signer: SoftwareSigner) -> Outcome:
    """Sign the root's CRL; drawing its number is the record that stands before the key is used."""
    row = next(every(backend.views, ISSUERS, IssuerFilter(kind=ROOT)))
    backend.issuers.add(issuer_record(row), signer)
    try:
        command = PublishCrl(issuer_id=row["issuer_id"], valid_seconds=ROOT_CRL_SECONDS)
        return await as_system(backend, command, "root-crl")
    finally:
        backend.issuers.forget(row["issuer_id"])
