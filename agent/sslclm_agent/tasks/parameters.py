"""The parameters of each kind of task, read strictly: a member that is missing, unknown or odd refuses the task."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any

from sslclm_agent.errors import TaskError
from sslclm_agent.state.keys import ALGORITHMS
from sslclm_agent.strictjson import Members

_ID = "[A-Za-z0-9][A-Za-z0-9-]{0,79}"
_DNS = r"(\*\.)?([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_PEM = 65_536
_GENERATIONS = 1_000_000


@dataclass(frozen=True)
class MakeKey:
    """Make a key for an order and ask for a certificate with these names."""

    order_id: str
    generation: int
    key_algorithm: str
    dns_names: tuple[str, ...]
    ip_addresses: tuple[str, ...]
    common_name: str | None

    @classmethod
    def read(cls, value: Any) -> MakeKey:
        """Read it strictly."""
        members = Members(value, "make-key")
        result = cls(
            order_id=members.text("order_id", _ID),
            generation=members.integer("generation", 0, _GENERATIONS),
            key_algorithm=members.text("key_algorithm", "|".join(ALGORITHMS)),
            dns_names=members.texts("dns_names", 100, 253),
            ip_addresses=members.texts("ip_addresses", 100, 45),
            common_name=members.optional_text("common_name", 64),
        )
        members.done()
        _check_addresses(result.ip_addresses)
        for name in result.dns_names:
            Members({"name": name}, "dns_names").text("name", _DNS, 253)
        return result


def _check_addresses(addresses: tuple[str, ...]) -> None:
    try:
        for address in addresses:
            ipaddress.ip_address(address)
    except ValueError as error:
        raise TaskError("make-key: ip_addresses holds something else") from error


@dataclass(frozen=True)
class Endpoint:
    """Where the certificate must be served; ``server_name`` is the SNI."""

    address: str
    port: int
    server_name: str

    @classmethod
    def read(cls, value: Any) -> Endpoint:
        """Read it strictly."""
        members = Members(value, "endpoint")
        address = members.text("address", r"[A-Za-z0-9.:_-]{1,255}", 255)
        result = cls(
            address, members.integer("port", 1, 65_535), members.text("server_name", f"{_DNS}|[0-9a-fA-F:.]+", 253)
        )
        members.done()
        return result

    def __str__(self) -> str:
        """``address:port/server_name``, as evidence names it."""
        return f"{self.address}:{self.port}/{self.server_name}"


@dataclass(frozen=True)
class Target:
    """Where on this host; ``validator`` and ``reloader`` are names that ``agent.properties`` defines."""

    kind: str
    directory: str
    layout: str
    owner: str
    group: str
    mode: int
    validator: str
    reloader: str
    endpoints: tuple[Endpoint, ...]

    @classmethod
    def read(cls, value: Any) -> Target:
        """Read it strictly; only the path's form is checked here, what is allowed is the settings' matter."""
        members = Members(value, "target")
        account = r"([a-z_][a-z0-9_-]{0,31})?"
        result = cls(
            kind=members.text("kind", "nginx|files"),
            directory=members.text("directory", "/[A-Za-z0-9._/+-]+", 255),
            layout=members.text("layout", "separate|combined|pkcs12"),
            owner=members.text("owner", account),
            group=members.text("group", account),
            mode=int(members.text("mode", "0[0-7]{3}"), 8),
            validator=members.text("validator", "[a-z0-9-]{0,64}"),
            reloader=members.text("reloader", "[a-z0-9-]{0,64}"),
            endpoints=tuple(Endpoint.read(each) for each in members.items("endpoints", 32)),
        )
        members.done()
        if result.mode & 0o137 or not result.mode & 0o400:
            raise TaskError("target: mode may let the owner read and write and the group read, nobody else")
        if result.kind == "nginx" and not result.endpoints:
            raise TaskError("target: without an endpoint nothing can prove that nginx serves the certificate")
        return result


@dataclass(frozen=True)
class Install:
    """Install a certificate for a key that this agent made, or fetches from the backend (``fetch_key``).

    ``chain`` is leaf first, without ``root``. ``keystore_form``: how a key store of layout ``pkcs12`` is encrypted.
    """

    deployment_id: str
    order_id: str
    generation: int
    certificate_id: str
    chain: tuple[str, ...]
    root: str
    fingerprint: str
    target: Target
    fetch_key: bool = False
    keystore_form: str = "aes-256"

    @classmethod
    def read(cls, value: Any) -> Install:
        """Read it strictly."""
        members = Members(value, "install")
        result = cls(
            deployment_id=members.text("deployment_id", _ID),
            order_id=members.text("order_id", _ID),
            generation=members.integer("generation", 0, _GENERATIONS),
            certificate_id=members.text("certificate_id", _ID),
            chain=members.texts("chain", 8, _PEM),
            root=members.text("root", limit=_PEM),
            fingerprint=members.text("fingerprint", "[0-9a-f]{64}"),
            target=Target.read(members.value("target")),
            fetch_key=members.choice("key_from", "server|host", "host") == "server",
            keystore_form=members.choice("keystore_form", "aes-256|legacy-3des", "aes-256"),
        )
        members.done()
        return result


@dataclass(frozen=True)
class Remove:
    """Serve this certificate (``fingerprint``: SHA-256 of its DER) at the target no more.

    ``disabler`` is a name that ``agent.properties`` defines, as those in the target are.
    """

    deployment_id: str
    certificate_id: str
    fingerprint: str
    disabler: str
    target: Target

    @classmethod
    def read(cls, value: Any) -> Remove:
        """Read it strictly."""
        members = Members(value, "remove")
        result = cls(
            deployment_id=members.text("deployment_id", _ID),
            certificate_id=members.text("certificate_id", _ID),
            fingerprint=members.text("fingerprint", "[0-9a-f]{64}"),
            disabler=members.text("disabler", "[a-z0-9-]{0,64}"),
            target=Target.read(members.value("target")),
        )
        members.done()
        return result
