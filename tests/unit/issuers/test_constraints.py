"""Name constraints (RFC 5280 section 4.2.1.10) as this CA reads them of an issuer, its own or an imported one."""

import ipaddress

import pytest
from cryptography import x509

from domain.errors import PolicyRefused
from infra.issuers.constraints import NameConstraints


def limits(permitted=(), excluded=()):
    """Make constraints from DNS names and networks."""

    def tree(text):
        return x509.IPAddress(ipaddress.ip_network(text)) if "/" in text else x509.DNSName(text)

    sides = [[tree(text) for text in side] or None for side in (permitted, excluded)]
    return NameConstraints(x509.NameConstraints(*sides))


ALLOWED = [
    (limits(["shop.test"]), "shop.test"),
    (limits(["shop.test"]), "a.b.shop.test"),
    (limits(["shop.test"]), "*.shop.test"),
    (limits(["shop.test"]), "192.0.2.1"),  # nothing is said of addresses
    (limits(["192.0.2.0/24"]), "192.0.2.1"),
    (limits(["192.0.2.0/24"]), "a.test"),
    (limits([], ["a.shop.test"]), "shop.test"),
    (limits([], ["a.shop.test"]), "ba.shop.test"),
    (limits([], ["x.a.shop.test"]), "*.b.shop.test"),
]
REFUSED = [
    (limits(["shop.test"]), "test"),
    (limits(["shop.test"]), "badshop.test"),
    (limits(["shop.test"]), "*.test"),
    (limits(["SHOP.test"]), "other.test"),
    (limits([], ["a.shop.test"]), "a.shop.test"),
    (limits([], ["a.shop.test"]), "b.a.shop.test"),
    (limits([], ["a.shop.test"]), "*.shop.test"),  # it matches a.shop.test
    (limits(["shop.test"], ["a.shop.test"]), "a.shop.test"),
    (limits([], [""]), "any.test"),
    (limits(["192.0.2.0/24"]), "192.0.3.1"),
    (limits(["192.0.2.0/24"]), "2001:db8::1"),
    (limits([], ["192.0.2.0/24"]), "192.0.2.1"),
]


def check(constraints, name):
    """Check one name or address."""
    is_address = ":" in name or name[0].isdigit()
    constraints.check(() if is_address else (name,), (name,) if is_address else ())


@pytest.mark.parametrize(("constraints", "name"), ALLOWED)
def test_inside(constraints, name):
    """A name in a permitted subtree and in no excluded one passes."""
    check(constraints, name)


@pytest.mark.parametrize(("constraints", "name"), REFUSED)
def test_outside(constraints, name):
    """A name outside, or inside what is excluded, is refused by name."""
    with pytest.raises(PolicyRefused, match=name.replace("*", r"\*")):
        check(constraints, name)
