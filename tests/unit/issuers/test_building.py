"""Any valid template gives a certificate that says exactly that; any other is refused with its rule."""

import asyncio
import hashlib
import ipaddress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_der_public_key
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InvalidInput, PolicyRefused
from tests.support.authorities import BASE, LEAF_KEYS, NOON, make_hierarchy, new_spki, template

SHARED = asyncio.run(make_hierarchy())
SPKIS = [new_spki(algorithm) for algorithm in LEAF_KEYS]

labels = st.from_regex(r"[a-z0-9]([a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
hosts = st.lists(labels, min_size=1, max_size=5).map(lambda parts: ".".join([*parts, "test"]))
dns_names = st.lists(st.one_of(hosts, hosts.map("*.{}".format)), max_size=8, unique=True).map(tuple)
addresses = st.lists(st.ip_addresses().filter(lambda ip: "%" not in str(ip)).map(str), max_size=4, unique=True)
moments = st.datetimes(datetime(2026, 11, 24), datetime(2031, 10, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone


@st.composite
def templates(draw):
    """Draw a valid template."""
    names, ips = draw(dns_names), tuple(draw(addresses))
    if not names and not ips:
        names = (draw(hosts),)
    start, end = sorted([draw(moments), draw(moments)])
    usages = draw(st.permutations(["serverAuth", "clientAuth"]).flatmap(lambda p: st.sampled_from([tuple(p), (p[0],)])))
    base = template(draw(st.sampled_from(SPKIS)), *names, ip_addresses=ips)
    common_name = draw(st.sampled_from([None, *names, *ips]))
    return replace(base, common_name=common_name, not_before=start, not_after=end, extended_key_usages=usages)


async def issued(hierarchy, wanted):
    """Prepare and sign."""
    prepared = hierarchy.issuers.prepare(wanted)
    return prepared, x509.load_der_x509_certificate(await hierarchy.issuers.sign(prepared))


SERIALS: set[str] = set()


@given(templates())
@settings(max_examples=80)
def test_a_certificate_says_what_the_template_says(wanted):
    """Names, key, times, usages and subject come back equal; the serial is positive, long and new; the hash fits."""
    prepared, certificate = asyncio.run(issued(SHARED, wanted))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)

    assert tuple(names.value.get_values_for_type(x509.DNSName)) == wanted.dns_names
    assert names.value.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address(ip) for ip in wanted.ip_addresses]
    assert certificate.public_key() == load_der_public_key(wanted.spki_der)
    assert certificate.not_valid_before_utc == prepared.not_before == wanted.not_before.replace(microsecond=0)
    assert certificate.not_valid_after_utc == prepared.not_after == wanted.not_after.replace(microsecond=0)
    assert names.critical == (certificate.subject == x509.Name([]))
    said = [attribute.value for attribute in certificate.subject]
    assert said == ([wanted.common_name] if wanted.common_name and len(wanted.common_name) <= 64 else [])
    assert certificate.tbs_certificate_bytes == prepared.tbs
    assert hashlib.sha256(prepared.tbs).hexdigest() == prepared.tbs_sha256
    assert certificate.serial_number == int(prepared.serial, 16)
    assert certificate.serial_number.bit_length() == 159
    assert prepared.serial not in SERIALS
    SERIALS.add(prepared.serial)


@pytest.mark.parametrize("algorithm", LEAF_KEYS)
async def test_extensions_of_a_leaf(hierarchy, algorithm):
    """Every leaf carries the same set; only RSA keys may encipher."""
    _, certificate = await issued(hierarchy, template(new_spki(algorithm), "a.shop.test"))
    found = {type(extension.value): extension for extension in certificate.extensions}
    usage = found[x509.KeyUsage]

    assert len(found) == 8
    assert usage.critical
    assert (usage.value.digital_signature, usage.value.key_encipherment) == (True, algorithm.startswith("RSA"))
    assert not any((usage.value.key_cert_sign, usage.value.crl_sign, usage.value.key_agreement))
    assert found[x509.BasicConstraints].value == x509.BasicConstraints(ca=False, path_length=None)
    assert found[x509.CRLDistributionPoints].value[0].full_name[0].value == f"{BASE}/crl/tls/0.crl"
    assert found[x509.AuthorityInformationAccess].value[0].access_location.value == f"{BASE}/aia/tls.cer"
    issuer = x509.load_der_x509_certificate(hierarchy.tls.certificate_der)
    ski = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert found[x509.AuthorityKeyIdentifier].value.key_identifier == ski.digest
    assert certificate.issuer.public_bytes() == issuer.subject.public_bytes()


def test_no_certificate_outlives_its_issuer(hierarchy):
    """The last second of the issuer is allowed, the next one is not; the root's end counts as well."""
    end = x509.load_der_x509_certificate(hierarchy.tls.certificate_der).not_valid_after_utc
    wanted = template(new_spki(), "a.shop.test")

    assert hierarchy.issuers.prepare(replace(wanted, not_after=end)).not_after == end
    with pytest.raises(PolicyRefused) as refused:
        hierarchy.issuers.prepare(replace(wanted, not_after=end + timedelta(seconds=1)))
    assert refused.value.rule == "outlives-issuer"


def test_a_long_common_name_is_left_out(hierarchy):
    """X.509 ends a common name at 64 characters: 64 is said, 65 gives an empty subject."""
    for length, said in ((64, 1), (65, 0)):
        name = "a" * 50 + "." + "b" * (length - 56) + ".test"
        assert len(name) == length
        tbs = hierarchy.issuers.prepare(template(new_spki(), name)).tbs
        assert tbs.count(name.encode()) == 1 + said


WANTED = template(SPKIS[0], "a.shop.test")
BAD = {
    "no names": ({"dns_names": (), "common_name": None}, "names-count"),
    "name twice": ({"dns_names": ("a.test", "a.test"), "common_name": None}, "names-duplicate"),
    "address twice": ({"ip_addresses": ("::1", "0:0::1")}, "names-duplicate"),
    "foreign common name": ({"common_name": "b.shop.test"}, "common-name"),
    "end before start": ({"not_after": NOON - timedelta(seconds=1)}, "validity-order"),
    "no zone": ({"not_after": datetime(2026, 12, 1)}, "time-zone"),  # noqa: DTZ001 - a naive time is the point
    "before 1950": ({"not_before": datetime(1949, 12, 31, tzinfo=UTC)}, "time-range"),
    "no usage": ({"extended_key_usages": ()}, "extended-key-usage"),
    "unknown usage": ({"extended_key_usages": ("anyExtendedKeyUsage",)}, "extended-key-usage"),
    "usage twice": ({"extended_key_usages": ("serverAuth", "serverAuth")}, "extended-key-usage"),
}


@pytest.mark.parametrize(("change", "rule"), BAD.values(), ids=BAD)
def test_an_impossible_template_is_refused(change, rule):
    """Each refusal names its rule."""
    with pytest.raises(InvalidInput) as refused:
        SHARED.issuers.prepare(replace(WANTED, **change))
    assert refused.value.rule == rule
