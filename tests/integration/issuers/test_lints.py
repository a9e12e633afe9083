"""Everything we sign is clean for the linters of the public CAs: zlint and pkilint."""

from datetime import timedelta

import pytest
from pkilint.bin import lint_crl, lint_pkix_cert, lint_pkix_signer_signee_cert_chain

from commands.ports.issuers import RevokedSerial
from infra.issuers.hierarchy import NameLimits
from tests.support.authorities import (
    AGENTS,
    BASE,
    LEAF_KEYS,
    NOON,
    TLS,
    make_hierarchy,
    new_spki,
    template,
)
from tests.support.zlint import zlint_findings, zlint_program

# pkilint's command line leaves its input file for the garbage collector to close.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")

LONG = ".".join(["a" * 60] * 3) + ".shop.test"
NAMES = {
    "one": (("a.shop.test",), ()),
    "wildcard": (("*.shop.test", "shop.test"), ()),
    "addresses": ((), ("192.0.2.7", "2001:db8::7")),
    "long": ((LONG,), ()),
    "international": (("xn--bcher-kva.shop.test",), ()),
    "many": (tuple(f"n{number}.shop.test" for number in range(100)), ()),
}


@pytest.fixture(scope="module")
def zlint():
    """Find or build zlint."""
    return zlint_program()


def assert_clean(zlint, folder, der, make):
    """Assert that neither linter finds an error or a warning in a certificate."""
    path = folder / "certificate.pem"
    path.write_bytes(make.pem(der))

    assert zlint_findings(zlint, path) == {}
    assert lint_pkix_cert.main(["lint", "-s", "WARNING", str(path)]) == 0


@pytest.mark.parametrize("algorithm", LEAF_KEYS)
async def test_leaves_of_every_key_type(zlint, hierarchy, make, tmp_path, algorithm):
    """A leaf is clean whatever its key: keyUsage follows the key type."""
    wanted = template(new_spki(algorithm), "a.shop.test", "b.shop.test", ip_addresses=("192.0.2.7",))

    der = await hierarchy.issuers.sign(hierarchy.issuers.prepare(wanted))

    assert_clean(zlint, tmp_path, der, make)


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
async def test_leaves_of_every_kind_of_name(zlint, hierarchy, make, tmp_path, names):
    """A leaf is clean whatever its names: wildcard, addresses alone, too long for a common name, A-labels."""
    dns_names, addresses = names
    wanted = template(new_spki(), *dns_names, ip_addresses=addresses)

    der = await hierarchy.issuers.sign(hierarchy.issuers.prepare(wanted))

    assert_clean(zlint, tmp_path, der, make)


async def test_agent_certificate(zlint, hierarchy, make, tmp_path):
    """A host's client certificate is clean."""
    host, end = "host-1b4e28ba-2fa1-41d2-883f-0016d3cca427", NOON + timedelta(days=30)
    prepared = hierarchy.issuers.prepare_agent(AGENTS, host, new_spki(), NOON, end)

    assert_clean(zlint, tmp_path, await hierarchy.issuers.sign(prepared), make)


async def test_authorities(zlint, make, tmp_path):
    """Root, issuing CA (with name constraints) and the agents' CA are clean."""
    limited = await make_hierarchy(NameLimits(("shop.test",), ("192.0.2.0/24",)))

    for der in (limited.root_der, limited.tls.certificate_der, limited.agents.certificate_der):
        assert_clean(zlint, tmp_path, der, make)


async def test_chain(hierarchy, make, tmp_path):
    """Issuer and subject fit together: names, key identifiers, validity nested."""
    leaf = await hierarchy.issuers.sign(hierarchy.issuers.prepare(template(new_spki(), "a.shop.test")))
    path = tmp_path / "chain.pem"
    for pair in ((hierarchy.tls.certificate_der, leaf), (hierarchy.root_der, hierarchy.tls.certificate_der)):
        path.write_bytes(make.pem(*pair))
        paths = [tmp_path / "signer.pem", tmp_path / "signee.pem"]
        for each, der in zip(paths, pair, strict=True):
            each.write_bytes(make.pem(der))

        assert lint_pkix_signer_signee_cert_chain.main(["lint", "-s", "WARNING", *map(str, paths)]) == 0


async def test_revocation_lists(zlint, hierarchy, make, tmp_path):
    """CRLs are clean: empty and full, of an issuing CA and of the root."""
    reasons = ["unspecified", "keyCompromise", "superseded", "cessationOfOperation", "privilegeWithdrawn"]
    revoked = [RevokedSerial(f"{number:x}", NOON, reason) for number, reason in enumerate(reasons, start=7)]
    end = NOON + timedelta(days=7)
    lists = [await hierarchy.issuers.sign_crl(TLS, 5, NOON, end, lines) for lines in ((), revoked)]

    for kind, der in (("CRL", lists[0]), ("CRL", lists[1]), ("ARL", await make.root_crl(hierarchy))):
        path = tmp_path / "list.pem"
        path.write_bytes(make.crl_pem(der))
        assert zlint_findings(zlint, path) == {}
        assert lint_crl.main(["lint", "-t", kind, "-p", "PKIX", "-s", "WARNING", str(path)]) == 0
        assert f"{BASE}/crl/".encode() in der
