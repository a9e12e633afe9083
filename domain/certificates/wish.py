"""What an order wants: what the certificate is to say, and where it goes."""

from __future__ import annotations

from domain.base import Value
from domain.hosts.targets import TargetSpec
from domain.profiles.spec import KeyAlgorithm


class Target(Value):
    """One place on one host where the certificate goes."""

    host_id: str
    spec: TargetSpec


class Subject(Value):
    """What the certificate is to say; ``validity`` in seconds from the back-dated notBefore, both ends inclusive."""

    dns_names: tuple[str, ...]
    ip_addresses: tuple[str, ...]
    common_name: str | None
    key_algorithm: KeyAlgorithm | None
    validity: int
