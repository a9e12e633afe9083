"""Everything we sign is clean for the linters of the public CAs: zlint and pkilint."""

import io
import json
from contextlib import redirect_stdout
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


WILDCARD = {"pkix.invalid_domain_name_syntax"}
"""RFC 5280's dNSName knows no wildcard and pkilint's PKIX profile no other rule; RFC 9525 section 6.3 allows it."""

URN = {"pkix.invalid_uri_syntax"}
"""pkilint accepts web addresses only; RFC 5280 section 4.2.1.6 takes any absolute URI, and a URN (RFC 8141) is one."""


def pkilint(linter, *arguments):
    """Return the codes of pkilint's findings, warnings and worse."""
    with redirect_stdout(io.StringIO()) as output:
        linter.main(["lint", "-f", "JSON", "-s", "WARNING", *map(str, arguments)])
    results = json.loads(output.getvalue())["results"]
    return {finding["code"] for result in results for finding in result["finding_descriptions"]}


def assert_clean(zlint, folder, pem, known=frozenset()):
    """Assert that neither linter finds an error or a warning in a certificate, but what is known by name."""
    path = folder / "certificate.pem"
    path.write_bytes(pem)

    assert zlint_findings(zlint, path) == {}
    assert pkilint(lint_pkix_cert, path) == known


@pytest.mark.parametrize("algorithm", LEAF_KEYS)
async def test_leaves_of_every_key_type(zlint, hierarchy, make, tmp_path, algorithm):
    """A leaf is clean whatever its key: keyUsage follows the key type."""
    wanted = template(new_spki(algorithm), "a.shop.test", "b.shop.test", ip_addresses=("192.0.2.7",))

    der = await hierarchy.issuers.sign(hierarchy.issuers.prepare(wanted))

    assert_clean(zlint, tmp_path, make.pem(der))


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
async def test_leaves_of_every_kind_of_name(zlint, hierarchy, make, tmp_path, names):
    """A leaf is clean whatever its names: wildcard, addresses alone, too long for a common name, A-labels."""
    dns_names, addresses = names
    wanted = template(new_spki(), *dns_names, ip_addresses=addresses)

    der = await hierarchy.issuers.sign(hierarchy.issuers.prepare(wanted))

    wildcard = any(name.startswith("*.") for name in dns_names)
    assert_clean(zlint, tmp_path, make.pem(der), WILDCARD if wildcard else set())


async def test_agent_certificate(zlint, hierarchy, make, tmp_path):
    """A host's client certificate is clean."""
    host, end = "host-1b4e28ba-2fa1-41d2-883f-0016d3cca427", NOON + timedelta(days=30)
    prepared = hierarchy.issuers.prepare_agent(AGENTS, host, new_spki(), NOON, end)

    assert_clean(zlint, tmp_path, make.pem(await hierarchy.issuers.sign(prepared)), URN)


async def test_authorities(zlint, make, tmp_path):
    """Root, issuing CA (with name constraints) and the agents' CA are clean."""
    limited = await make_hierarchy(NameLimits(("shop.test",), ("192.0.2.0/24",)))

    for der in (limited.root_der, limited.tls.certificate_der, limited.agents.certificate_der):
        assert_clean(zlint, tmp_path, make.pem(der))


async def test_chain(hierarchy, make, tmp_path):
    """Issuer and subject fit together: names, key identifiers, validity nested."""
    leaf = await hierarchy.issuers.sign(hierarchy.issuers.prepare(template(new_spki(), "a.shop.test")))
    for pair in ((hierarchy.tls.certificate_der, leaf), (hierarchy.root_der, hierarchy.tls.certificate_der)):
        paths = [tmp_path / "signer.pem", tmp_path / "signee.pem"]
        for each, der in zip(paths, pair, strict=True):
            each.write_bytes(make.pem(der))

        assert pkilint(lint_pkix_signer_signee_cert_chain, *paths) == set()


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
        assert pkilint(lint_crl, "-t", kind, "-p", "PKIX", path) == set()
        assert f"{BASE}/crl/".encode() in der
