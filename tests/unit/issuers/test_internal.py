"""The port's promises: one signature per prepared certificate, right key, right kind of issuer, verified."""

import asyncio
import pickle
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from commands.ports.issuers import RevokedSerial
from commands.ports.keystore import Secret
from domain.errors import AlreadyExists, InvalidInput, NotFound, Unavailable, WrongState
from infra.issuers import internal
from infra.issuers.internal import InternalIssuers
from infra.issuers.signers import PKCS8_FIELD, SoftwareSigner
from tests.support.authorities import AGENTS, NOON, TLS, new_spki, template

WANTED = template(new_spki(), "a.shop.test")
HOST = "host-1b4e28ba-2fa1-41d2-883f-0016d3cca427"
END = NOON + timedelta(days=30)


async def test_a_prepared_certificate_is_signed_once(hierarchy):
    """The second call with the same serial is refused."""
    prepared = hierarchy.issuers.prepare(WANTED)
    await hierarchy.issuers.sign(prepared)

    with pytest.raises(WrongState):
        await hierarchy.issuers.sign(prepared)


async def test_two_calls_at_once_give_one_certificate(hierarchy):
    """Racing calls with one serial: one signs, the other is refused."""
    prepared = hierarchy.issuers.prepare(WANTED)
    answers = await asyncio.gather(*[hierarchy.issuers.sign(prepared) for _ in range(2)], return_exceptions=True)

    assert sorted(type(answer).__name__ for answer in answers) == ["WrongState", "bytes"]


async def test_only_what_was_prepared_here_is_signed(hierarchy):
    """Altered bytes, another issuer's name and bytes of another process are refused."""
    prepared = hierarchy.issuers.prepare(WANTED)
    stranger = InternalIssuers([hierarchy.tls], hierarchy.keystore).prepare(WANTED)
    altered = replace(prepared, tbs=prepared.tbs.replace(b"a.shop.test", b"b.shop.test"))

    for given in (altered, replace(prepared, issuer_id=AGENTS), stranger):
        with pytest.raises(WrongState):
            await hierarchy.issuers.sign(given)


async def test_what_is_never_signed_is_forgotten(hierarchy, monkeypatch):
    """The memory of prepared certificates is bounded; the oldest go first."""
    monkeypatch.setattr(internal, "_MOST_PENDING", 3)
    prepared = [hierarchy.issuers.prepare(WANTED) for _ in range(4)]

    with pytest.raises(WrongState):
        await hierarchy.issuers.sign(prepared[0])
    for each in prepared[1:]:
        await hierarchy.issuers.sign(each)


def test_unknown_issuers_and_wrong_kinds(hierarchy):
    """The agents' CA signs no certificates for names, an issuing CA none for hosts, an unknown one nothing."""
    for issuer_id in ("issuer-unknown", AGENTS):
        with pytest.raises(NotFound):
            hierarchy.issuers.prepare(replace(WANTED, issuer_id=issuer_id))
    with pytest.raises(NotFound):
        hierarchy.issuers.prepare_agent(TLS, HOST, new_spki(), NOON, END)
    with pytest.raises(NotFound):
        hierarchy.issuers.chain("issuer-unknown")


async def test_agent_certificate(hierarchy):
    """A host's certificate names its stream as a URN, for client authentication only."""
    prepared = hierarchy.issuers.prepare_agent(AGENTS, HOST, new_spki(), NOON, END)
    certificate = x509.load_der_x509_certificate(await hierarchy.issuers.sign(prepared))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value

    assert list(names) == [x509.UniformResourceIdentifier(f"urn:sslclm:host:{HOST}")]
    assert [each.dotted_string for each in usage] == ["1.3.6.1.5.5.7.3.2"]


@pytest.mark.parametrize("algorithm", ["EC-P384", "RSA-2048", "Ed25519"])
def test_agents_use_p256(hierarchy, algorithm):
    """Other keys are refused for hosts."""
    with pytest.raises(InvalidInput):
        hierarchy.issuers.prepare_agent(AGENTS, HOST, new_spki(algorithm), NOON, END)


@pytest.mark.parametrize("host_id", ["", "host 1", "host-1\nx", "host-é", "h" * 65, "urn:x", "../x"])
def test_host_ids_are_checked(hierarchy, host_id):
    """What is no stream id does not go into a URN."""
    with pytest.raises(InvalidInput):
        hierarchy.issuers.prepare_agent(AGENTS, host_id, new_spki(), NOON, END)


async def test_an_issuer_can_be_added(hierarchy):
    """A record that comes later can be signed with; a second one of the same id is refused."""
    issuers = InternalIssuers([], hierarchy.keystore)
    issuers.add(hierarchy.tls)

    assert await issuers.sign(issuers.prepare(WANTED))
    assert issuers.chain(TLS) == (hierarchy.tls.certificate_der, hierarchy.root_der)
    with pytest.raises(AlreadyExists):
        issuers.add(hierarchy.tls)


class BrokenSigner:
    """A signer whose hardware answers nonsense."""

    def __init__(self, signer, answer):
        self.public_key, self._signer, self._answer = signer.public_key, signer, answer

    async def sign(self, data):
        """Sign something else, or answer rubbish."""
        return self._answer or await self._signer.sign(data + b"x")


@pytest.mark.parametrize("answer", [None, b"", b"rubbish", bytes(72)])
async def test_a_bad_signature_never_leaves(hierarchy, answer):
    """What does not verify is refused as unavailable, and the serial is used up all the same."""
    good = SoftwareSigner.from_keystore(hierarchy.keystore, hierarchy.tls.key_id)
    issuers = InternalIssuers([hierarchy.tls], hierarchy.keystore, signer_for=lambda _: BrokenSigner(good, answer))
    prepared = issuers.prepare(WANTED)

    with pytest.raises(Unavailable) as refused:
        await issuers.sign(prepared)
    assert refused.value.rule == "signer-broken"
    with pytest.raises(WrongState):
        await issuers.sign(prepared)


def test_a_key_that_is_not_the_certificates_is_refused(hierarchy):
    """A restored key store of another ledger is found before anything is announced."""
    record = replace(hierarchy.tls, key_id=hierarchy.agents.key_id)

    with pytest.raises(Unavailable) as refused:
        InternalIssuers([record], hierarchy.keystore).prepare(WANTED)
    assert refused.value.rule == "issuer-key-mismatch"


def test_a_missing_or_unreadable_key(hierarchy):
    """A key that is not there or is no key is an error of the domain, which says nothing of its bytes."""
    hierarchy.keystore.put("key-bad", PKCS8_FIELD, Secret(b"CANARY"))
    for key_id, error in (("key-none", NotFound), ("key-bad", Unavailable)):
        with pytest.raises(error) as refused:
            InternalIssuers([replace(hierarchy.tls, key_id=key_id)], hierarchy.keystore).prepare(WANTED)
        assert "CANARY" not in repr(refused.value) + repr(refused.value.__cause__)


@pytest.mark.parametrize(
    "url",
    [
        "https://pki.example/0.crl",
        "ldap://pki.example/x",
        "pki.example",
        "",
        "http:///x",
        "http://pki.example",
        "http://u:p@pki.example/x",
        "http://pki.example/x y",
    ],
)
def test_addresses_are_plain_http(hierarchy, url):
    """A CRL behind TLS could need itself to be fetched."""
    with pytest.raises(InvalidInput):
        InternalIssuers([replace(hierarchy.tls, crl_url=url)], hierarchy.keystore)


def test_a_broken_chain_is_refused(hierarchy):
    """A chain that is empty, in the wrong order, foreign, cut off before the root or no chain of CAs is refused."""
    own, root, foreign = hierarchy.tls.certificate_der, hierarchy.root_der, hierarchy.agents.certificate_der
    for chain in ((), (root, own), (own, foreign), (own,), (root,), (own[:-1], root), (b"", root)):
        with pytest.raises(InvalidInput) as refused:
            InternalIssuers([replace(hierarchy.tls, chain_der=chain)], hierarchy.keystore)
        assert refused.value.rule == "issuer-chain"


async def test_a_leaf_is_no_issuer(hierarchy):
    """A record with a leaf's certificate is refused, though its chain is in order."""
    leaf = await hierarchy.issuers.sign(hierarchy.issuers.prepare(WANTED))
    record = replace(hierarchy.tls, certificate_der=leaf, chain_der=(leaf, *hierarchy.tls.chain_der))

    with pytest.raises(InvalidInput):
        InternalIssuers([record], hierarchy.keystore)


async def test_no_way_to_the_private_key(hierarchy):
    """No repr shows a CA key and neither signer nor issuers can be pickled with one."""
    await hierarchy.issuers.sign(hierarchy.issuers.prepare(WANTED))
    signer = SoftwareSigner.from_keystore(hierarchy.keystore, hierarchy.tls.key_id)
    secret = hierarchy.keystore.get(hierarchy.tls.key_id, PKCS8_FIELD).reveal()

    assert repr(signer) == "SoftwareSigner(***)"
    assert secret.hex() not in repr(hierarchy.issuers) + repr(vars(hierarchy.issuers))
    for what in (signer, hierarchy.issuers):
        with pytest.raises((TypeError, AttributeError)):
            pickle.dumps(what)


@pytest.mark.parametrize("key", [ec.generate_private_key(ec.SECP521R1()), rsa.generate_private_key(65537, 2048)])
def test_weak_or_unusual_ca_keys_are_refused(key):
    """CA keys are P-256, P-384 or RSA from 3072 bits on."""
    secret = Secret(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))

    with pytest.raises(InvalidInput):
        SoftwareSigner.from_pkcs8(secret)


async def test_revocation_list_of_an_issuer(hierarchy):
    """Number, times, serials, reasons and the distribution point are what was asked for."""
    revoked = [RevokedSerial("ab12", NOON, "keyCompromise"), RevokedSerial("7", NOON)]
    der = await hierarchy.issuers.sign_crl(TLS, 41, NOON, END, revoked)
    found = x509.load_der_x509_crl(der)

    assert found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 41
    assert (found.last_update_utc, found.next_update_utc) == (NOON, END)
    assert [entry.serial_number for entry in found] == [0xAB12, 7]
    assert [len(entry.extensions) for entry in found] == [1, 0]
    point = found.extensions.get_extension_for_class(x509.IssuingDistributionPoint)
    assert point.critical
    assert point.value.full_name[0].value == hierarchy.tls.crl_url
