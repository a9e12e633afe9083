"""The policy's verdict on one request, and the check of a profile before it is published."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from ipaddress import ip_network

from domain.certificates.names import parse_pattern
from domain.errors import InvalidInput
from domain.profiles.facts import Facts, Rule
from domain.profiles.rules import RULES
from domain.profiles.spec import ProfileSpec
from domain.profiles.strength import LAST_DAY_OF_112_BITS, MINIMUM_AFTER, SECURITY_BITS

__all__ = ["RULES", "Facts", "Judgement", "Rule", "Violation", "check_spec", "judge"]


@dataclass(frozen=True, slots=True)
class Violation:
    """One rule that a request breaks: what is wrong, what helps, where the rule comes from."""

    rule: str
    message: str
    fix: str
    waivable: bool
    citation: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """All that the rules found, in the order of ``RULES``; exactly one of the three properties is true."""

    violations: tuple[Violation, ...]

    @property
    def conforms(self) -> bool:
        """No rule objects: policy approves."""
        return not self.violations

    @property
    def waivable(self) -> bool:
        """Something is to be decided by a person, and nothing forbids it."""
        return bool(self.violations) and all(violation.waivable for violation in self.violations)

    @property
    def refused(self) -> bool:
        """A rule forbids it, whoever asks."""
        return not (self.conforms or self.waivable)


def judge(facts: Facts, rules: Iterable[Rule] = RULES) -> Judgement:
    """Ask every rule that is in force on the day of the facts."""
    in_force = (rule for rule in rules if rule.effective <= facts.on)
    return Judgement(tuple(_violation(rule, said) for rule in in_force if (said := rule.check(facts)) is not None))


def _violation(rule: Rule, message: str) -> Violation:
    return Violation(rule.name, message, rule.fix, rule.waivable, rule.citation)


def check_spec(spec: ProfileSpec, *, on: date | None = None) -> None:
    """Refuse a profile by which nothing, or not what it says, could ever be issued.

    ``on``: the day of publication; where it is given, algorithms are refused that no rule lets pass any more.
    Raises :class:`InvalidInput` whose rule begins with ``profile-``, or as ``parse_pattern`` does.
    """
    _check_tables(spec)
    for pattern in spec.allowed_names:
        if parse_pattern(pattern) != pattern:
            raise InvalidInput(f"{pattern!r} is not in normal form", rule="profile-pattern", fix="use lower case")
    for network in spec.allowed_addresses:
        _check_network(network)
    _check_times(spec)
    if spec.allow_wildcards and "clientAuth" in spec.extended_key_usages:
        fix = "make two profiles: wildcards for servers, full names for clients"
        raise InvalidInput("a client's identity cannot be a wildcard", rule="profile-client-wildcard", fix=fix)
    if on is not None and on > LAST_DAY_OF_112_BITS:
        _check_strength(spec)


def _check_tables(spec: ProfileSpec) -> None:
    if not spec.allowed_names and not spec.allowed_addresses:
        fix = "list patterns in allowed_names or networks in allowed_addresses"
        raise InvalidInput("the profile allows no name and no address", rule="profile-names", fix=fix)
    for field in ("teams", "allowed_names", "allowed_addresses", "key_algorithms", "extended_key_usages", "key_made"):
        values = getattr(spec, field)
        if len(set(values)) != len(values):
            raise InvalidInput(f"{field} lists a value twice", rule="profile-duplicate", fix="list each value once")


def _check_network(text: str) -> None:
    try:
        network = ip_network(text)
    except ValueError as error:
        fix = "write the network's first address and its length, e.g. 10.1.0.0/16"
        raise InvalidInput(f"{text[:80]!a} is not a network", rule="profile-network", fix=fix) from error
    if "%" in text:
        fix = "leave out what follows the percent sign"
        raise InvalidInput(f"{text[:80]!a} has a zone id", rule="profile-network", fix=fix)
    if str(network) != text:
        raise InvalidInput(f"{text} is not in normal form", rule="profile-network", fix=f"write {network}")
    if network.prefixlen == 0:
        raise InvalidInput(f"{text} is every address", rule="profile-network", fix="list the networks that are yours")


def _check_times(spec: ProfileSpec) -> None:
    if spec.hard_max_validity is not None and spec.hard_max_validity < spec.max_validity:
        fix = "raise hard_max_validity, or leave it out"
        raise InvalidInput("hard_max_validity is below max_validity", rule="profile-validity", fix=fix)
    if spec.backdate >= spec.max_validity:
        fix = "shorten backdate or lengthen max_validity"
        raise InvalidInput("certificates would end before they are issued", rule="profile-validity", fix=fix)


def _check_strength(spec: ProfileSpec) -> None:
    weak = [name for name in spec.key_algorithms if SECURITY_BITS[name] < MINIMUM_AFTER]
    if weak:
        fix = "list EC-P256, Ed25519 or RSA-3072"
        raise InvalidInput(f"too weak by now: {', '.join(weak)}", rule="profile-key-strength", fix=fix)
