"""Name constraints of an issuer (RFC 5280 section 4.2.1.10), checked before it signs what no client would accept."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from cryptography import x509

from domain.errors import PolicyRefused

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Subtrees:
    """The DNS names and IP networks of one side, permitted or excluded; other kinds of name are not looked at."""

    dns_names: tuple[str, ...]
    networks: tuple[Network, ...]

    @classmethod
    def of(cls, names: list[x509.GeneralName] | None) -> Subtrees:
        """Read one side of the extension."""
        dns_names = tuple(name.value.lower() for name in names or () if isinstance(name, x509.DNSName))
        addresses = [name.value for name in names or () if isinstance(name, x509.IPAddress)]
        return cls(dns_names, tuple(ipaddress.ip_network(str(value)) for value in addresses))


class NameConstraints:
    """What one issuer may name."""

    def __init__(self, extension: x509.NameConstraints) -> None:
        self._permitted = Subtrees.of(extension.permitted_subtrees)
        self._excluded = Subtrees.of(extension.excluded_subtrees)

    def check(self, dns_names: tuple[str, ...], ip_addresses: tuple[str, ...]) -> None:
        """Raise :class:`domain.errors.PolicyRefused` for the first name outside."""
        refused = [name for name in dns_names if not self._allows_dns(name)]
        refused += [text for text in ip_addresses if not self._allows_address(text)]
        if refused:
            raise PolicyRefused(
                f"the issuer may not name {refused[0]}",
                rule="issuer-name-constraints",
                fix="choose an issuer whose name constraints permit it",
            )

    def _allows_dns(self, name: str) -> bool:
        permitted, excluded = self._permitted.dns_names, self._excluded.dns_names
        if permitted and not any(_is_below(name, tree) for tree in permitted):
            return False
        return not any(_is_below(name, tree) or _covers(name, tree) for tree in excluded)

    def _allows_address(self, text: str) -> bool:
        address = ipaddress.ip_address(text)
        permitted, excluded = self._permitted.networks, self._excluded.networks
        # Both versions are one kind of name: permitting IPv4 networks alone leaves no IPv6 address permitted.
        if permitted and not any(address in network for network in permitted):
            return False
        return not any(address in network for network in excluded)


def _is_below(name: str, tree: str) -> bool:
    """Tell whether a name is the subtree's own or lies below it; the empty subtree holds every name."""
    return not tree or name == tree or name.endswith("." + tree)


def _covers(name: str, tree: str) -> bool:
    """Tell whether a wildcard matches names inside a subtree that lies below its base."""
    return name.startswith("*.") and _is_below(tree, name[2:])


def constraints_of(issuer: x509.Certificate) -> NameConstraints | None:
    """Return an issuer's name constraints; None where it may name anything."""
    try:
        return NameConstraints(issuer.extensions.get_extension_for_class(x509.NameConstraints).value)
    except x509.ExtensionNotFound:
        return None
