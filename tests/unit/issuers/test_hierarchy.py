"""Authorities: what their certificates say, and which are refused."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509

from domain.errors import InvalidInput, PolicyRefused
from infra.issuers.hierarchy import NameLimits, Parent, prepare_issuing, prepare_root
from infra.issuers.records import aia_url, crl_url
from infra.issuers.signers import SoftwareSigner, signed
from tests.support.authorities import BASE, plan

URLS = crl_url(BASE, "root"), aia_url(BASE, "root")


@pytest.fixture
def parent(hierarchy):
    """Name the root as a parent."""
    return Parent(hierarchy.root_der, *URLS)


def extensions_of(der):
    """Return the extensions by their class."""
    return {type(extension.value): extension for extension in x509.load_der_x509_certificate(der).extensions}


def test_authorities_say_that_they_are(hierarchy):
    """Critical basicConstraints with the path length, critical keyUsage with keyCertSign and cRLSign alone."""
    lengths = {hierarchy.root_der: 1, hierarchy.tls.certificate_der: 0, hierarchy.agents.certificate_der: 0}
    for der, length in lengths.items():
        found = extensions_of(der)
        usage = found[x509.KeyUsage]
        assert found[x509.BasicConstraints].value == x509.BasicConstraints(ca=True, path_length=length)
        assert found[x509.BasicConstraints].critical
        assert usage.critical
        assert (usage.value.key_cert_sign, usage.value.crl_sign, usage.value.digital_signature) == (True, True, False)


def test_an_issuing_ca_points_at_its_parent(hierarchy):
    """CRL and certificate of the root are found from the issuing CA's certificate; a root has no issuer to point at."""
    issuing, root = extensions_of(hierarchy.tls.certificate_der), extensions_of(hierarchy.root_der)

    assert issuing[x509.CRLDistributionPoints].value[0].full_name[0].value == URLS[0]
    assert issuing[x509.AuthorityInformationAccess].value[0].access_location.value == URLS[1]
    assert root[x509.CRLDistributionPoints].value[0].full_name[0].value == URLS[0]
    assert x509.AuthorityInformationAccess not in root


def test_the_agents_ca_stands_alone(hierarchy):
    """No certificate of the TLS tree signs for agents, and the other way round."""
    root, agents = (
        x509.load_der_x509_certificate(der) for der in (hierarchy.root_der, hierarchy.agents.certificate_der)
    )

    agents.verify_directly_issued_by(agents)
    with pytest.raises(ValueError, match="does not match"):
        agents.verify_directly_issued_by(root)


async def test_name_limits_are_critical(hierarchy, parent):
    """Limits permit what is named; of another kind of name nothing is left."""
    cases = {
        NameLimits(("shop.test",)): (1, ["0.0.0.0/0", "::/0"]),
        NameLimits((), ("192.0.2.0/24",)): (1, ["", "::/0"]),
        NameLimits(("shop.test",), ("192.0.2.0/24", "2001:db8::/32")): (3, []),
    }
    for limits, (permitted, excluded) in cases.items():
        made = prepare_issuing(plan("Limited", 30), parent, limits)
        der = await signed(made.tbs, made.signed_by, SoftwareSigner.from_pkcs8(hierarchy.root_key))
        found = extensions_of(der)[x509.NameConstraints]
        assert found.critical
        assert len(found.value.permitted_subtrees) == permitted
        assert [str(name.value) for name in found.value.excluded_subtrees or ()] == excluded


@pytest.mark.parametrize("limits", [NameLimits(), NameLimits(("a b",)), NameLimits((), ("192.0.2.1/24",))])
def test_useless_limits_are_refused(parent, limits):
    """Empty limits, bad names and networks with host bits are refused."""
    with pytest.raises(InvalidInput):
        prepare_issuing(plan("Limited", 30), parent, limits)


def test_an_authority_does_not_outlive_its_parent(parent):
    """The parent's end is the last possible one."""
    with pytest.raises(PolicyRefused) as refused:
        prepare_issuing(plan("Long", 3651), parent)
    assert refused.value.rule == "outlives-issuer"


def test_only_a_root_has_others_below_it(hierarchy, parent):
    """Issuing CAs, the agents' CA and a name-sake of the parent are refused."""
    for der in (hierarchy.tls.certificate_der, hierarchy.agents.certificate_der):
        with pytest.raises(InvalidInput):
            prepare_issuing(plan("Below", 30), replace(parent, certificate_der=der))
    with pytest.raises(InvalidInput):
        prepare_issuing(plan("Test Root", 30), parent)


@pytest.mark.parametrize("name", ["", "x" * 65, " padded", "line\nbreak", "nul\0"])
def test_names_of_authorities(name):
    """An authority's name is 1 to 64 printable characters."""
    with pytest.raises(InvalidInput):
        prepare_root(plan(name, 30), URLS[0])


def test_an_authority_lasts(parent):
    """An end before the start is refused."""
    backwards = replace(plan("Backwards", 30), not_after=plan("x", 30).not_before - timedelta(seconds=1))
    with pytest.raises(InvalidInput):
        prepare_issuing(backwards, parent)


def test_the_new_key_is_masked(parent):
    """The private key is in no repr of what was prepared."""
    made = prepare_issuing(plan("New", 30), parent)

    assert "Secret(***)" in repr(made)
    assert made.key.reveal().hex() not in repr(made)


def test_times_from_2050_on():
    """From 2050 on a time is GeneralizedTime, before UTCTime (RFC 5280 section 4.1.2.5)."""
    tbs = prepare_root(plan("Long", 40 * 365), URLS[0]).tbs

    assert b"\x17\x0d261123120000Z\x18\x0f20661113120000Z" in tbs


@pytest.mark.parametrize("slug", ["", "a/b", "..", "A", "a b", "-a", "a-", "x" * 65])
def test_slugs_fit_into_addresses(slug):
    """A slug is a path segment for ever: lower case, digits and inner hyphens."""
    for make in (crl_url, aia_url):
        with pytest.raises(InvalidInput):
            make(BASE, slug)
