"""The policy's verdict on one request, and the check of a profile before it is published."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from ipaddress import ip_network
from typing import Literal

from domain.certificates.names import parse_pattern
from domain.errors import InvalidInput
from domain.profiles.facts import Binds, Facts, Rule
from domain.profiles.public_trust import certifiable
from domain.profiles.rules import RULES
from domain.profiles.spec import ProfileSpec
from domain.profiles.strength import LAST_DAY_OF_112_BITS, MINIMUM_AFTER, SECURITY_BITS

__all__ = [
    "RULES", "Facts", "Judgement", "Rule", "Verdict", "Violation",
    "check_spec", "explain", "in_force", "judge", "judge_living", "next_change",
]  # fmt: skip
Said = Literal["passes", "waits", "refuses", "not-in-force"]

_LISTS = (
    "teams", "allowed_names", "allowed_addresses", "key_algorithms", "extended_key_usages", "key_made", "key_usages",
)  # fmt: skip


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


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says of one request; ``message`` is empty where it passes or is not in force on the day.

    ``waits``: a person decides; ``refuses``: nobody can waive it.
    """

    rule: Rule
    said: Said
    message: str = ""


def in_force(on: date, rules: Iterable[Rule] = RULES) -> tuple[Rule, ...]:
    """Return the rules that are in force on a day."""
    return tuple(rule for rule in rules if rule.in_force(on))


def next_change(after: date, rules: Iterable[Rule] = RULES) -> date:
    """Return the next day on which a rule begins; the day itself where none is known to come."""
    return min((rule.effective for rule in rules if rule.effective > after), default=after)


def judge(facts: Facts, rules: Iterable[Rule] = RULES) -> Judgement:
    """Ask every rule that is in force on the day of the facts."""
    return _asked(facts, in_force(facts.on, rules))


def judge_living(facts: Facts, *, issued: date, rules: Iterable[Rule] = RULES) -> Judgement:
    """Ask the rules that bind a certificate which lives on the day of the facts and was issued on another.

    ``facts.profile`` is the profile of the day of the facts; what only requests are asked is left out.
    """
    rules = tuple(rules)
    then = _asked(replace(facts, on=issued), [one for one in in_force(issued, rules) if one.binds is Binds.ISSUED])
    now = _asked(facts, [one for one in in_force(facts.on, rules) if one.binds is Binds.LIVING])
    return Judgement((*then.violations, *now.violations))


def explain(facts: Facts, rules: Iterable[Rule] = RULES) -> tuple[Verdict, ...]:
    """Return what every rule says, those that pass and those that are not in force on the day, too."""
    return tuple(_verdict(rule, facts) for rule in rules)


def _verdict(rule: Rule, facts: Facts) -> Verdict:
    if not rule.in_force(facts.on):
        return Verdict(rule, "not-in-force")
    message = rule.check(facts)
    if message is None:
        return Verdict(rule, "passes")
    return Verdict(rule, "waits" if rule.waivable else "refuses", message)


def _asked(facts: Facts, rules: Iterable[Rule]) -> Judgement:
    return Judgement(tuple(_violation(rule, said) for rule in rules if (said := rule.check(facts)) is not None))


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
    _check_keys(spec)
    if spec.allow_wildcards and "clientAuth" in spec.extended_key_usages:
        fix = "make two profiles: wildcards for servers, full names for clients"
        raise InvalidInput("a client's identity cannot be a wildcard", rule="profile-client-wildcard", fix=fix)
    if on is not None and on > LAST_DAY_OF_112_BITS:
        _check_strength(spec)
    if on is not None and spec.public_trust:
        _check_public_trust(spec, on)


def _check_keys(spec: ProfileSpec) -> None:
    """Refuse usages that an algorithm has not, and an archive of keys that sign (NIST SP 800-57 part 1, 8.2.2.2)."""
    able = {"keyEncipherment": "RSA-", "keyAgreement": "EC-"}
    for usage in spec.key_usages:
        if not all(name.startswith(able.get(usage, "")) for name in spec.key_algorithms):
            fix = "keyEncipherment is for RSA, keyAgreement for EC; make a profile for each"
            raise InvalidInput(f"not every key_algorithm can do {usage}", rule="profile-key-usage", fix=fix)
    if spec.archive_keys and (spec.signs() or spec.key_made != ("server",)):
        fix = 'set key_usages to ["keyEncipherment"] or ["keyAgreement"] and key_made to ["server"], or archive nothing'
        raise InvalidInput("only server-made decryption keys are archived", rule="profile-archive", fix=fix)


def _check_tables(spec: ProfileSpec) -> None:
    if not spec.allowed_names and not spec.allowed_addresses:
        fix = "list patterns in allowed_names or networks in allowed_addresses"
        raise InvalidInput("the profile allows no name and no address", rule="profile-names", fix=fix)
    for field in _LISTS:
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


def _check_public_trust(spec: ProfileSpec, on: date) -> None:
    """Refuse a profile whose own maximum, or whose keys, the CA/Browser Forum's rules of the day do not permit."""
    if refused := [name for name in spec.key_algorithms if not certifiable(name)]:
        fix = "list EC-P256, EC-P384 or RSA (CA/B TLS Baseline Requirements 6.1.5)"
        raise InvalidInput(f"not for public trust: {', '.join(refused)}", rule="profile-public-trust-key", fix=fix)
    longest = int(spec.longest().total_seconds())
    facts = Facts(spec, "", (), (), longest, "client", on)
    for rule in in_force(on):
        if rule.name.startswith("public-trust-") and (said := rule.check(facts)) is not None:
            raise InvalidInput(f"{rule.name}: {said}", rule="profile-public-trust-validity", fix=rule.fix)
