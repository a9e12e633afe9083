"""Ask policy about a request: the same facts at request and again at issuance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from commands.ports.names import NameTables
from commands.work import Work
from domain.certificates.names import MAX_COMMON_NAME, a_labels, parse_dns_name, parse_ip_address, wildcard_bases
from domain.certificates.wish import Subject
from domain.errors import PolicyRefused
from domain.profiles.facts import Facts
from domain.profiles.policy import Judgement, judge
from domain.profiles.profile import Profile
from domain.profiles.spec import KeyAlgorithm, KeyMade, ProfileSpec


def subject_of(
    spec: ProfileSpec,
    dns_names: Iterable[str],
    ip_addresses: Iterable[str],
    *,
    key_algorithm: KeyAlgorithm | None,
    validity: int | None,
) -> Subject:
    """Return what the certificate is to say: names in normal form, each once, and the profile's defaults."""
    names = tuple(dict.fromkeys(parse_dns_name(name) for name in dns_names))
    addresses = tuple(dict.fromkeys(parse_ip_address(address) for address in ip_addresses))
    first = next((name for name in names if len(name) <= MAX_COMMON_NAME), None)
    return Subject(
        dns_names=names,
        ip_addresses=addresses,
        common_name=first if spec.common_name == "first-name" else None,
        key_algorithm=key_algorithm,
        validity=validity if validity is not None else spec.max_validity,
    )


def key_made(*, server: bool, brought: bool) -> KeyMade:
    """Return who makes an order's keys."""
    if server:
        return "server"
    return "client" if brought else "host"


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, and with which key: what a judgement rests on besides the subject.

    ``key_made``: by whom; ``host_teams``: those of the targets; ``signature_hash``: of the brought CSR (empty where
    there is none).
    """

    team_id: str
    requester: str
    key_made: KeyMade
    host_teams: tuple[str, ...] = ()
    signature_hash: str = ""


def judge_request(work: Work, profile: Profile, subject: Subject, asked: Asked) -> Judgement:
    """Judge a request by the rules of today. Raises PolicyRefused where no person may waive."""
    judgement = judge(facts_of(work, profile, subject, asked))
    if judgement.refused:
        broken = [violation for violation in judgement.violations if not violation.waivable]
        raise PolicyRefused(
            "; ".join(violation.message for violation in broken), rule=broken[0].rule, fix=broken[0].fix
        )
    return judgement


def facts_of(work: Work, profile: Profile, subject: Subject, asked: Asked) -> Facts:
    """Return all that the rules look at, as of today."""
    foreign = [team for team in asked.host_teams if team != asked.team_id]
    facts = Facts(
        profile=profile.spec,
        team=asked.team_id,
        host_team=foreign[0] if foreign else next(iter(asked.host_teams), None),
        own_profile=asked.requester == profile.author,
        dns_names=subject.dns_names,
        ip_addresses=subject.ip_addresses,
        common_name=subject.common_name,
        validity=subject.validity,
        key_algorithm=subject.key_algorithm,
        key_made=asked.key_made,
        hashes=(asked.signature_hash,) if asked.signature_hash else (),
        on=work.now.date(),
    )
    return with_tables(facts, work.services.names, work.services.reserved_names)


def with_tables(facts: Facts, tables: NameTables, reserved: frozenset[str]) -> Facts:
    """Complete facts with what only tables know of their names."""
    names = facts.dns_names
    return replace(
        facts,
        reserved=reserved,
        public_suffixes=frozenset(filter(tables.is_public_suffix, wildcard_bases(names))),
        invalid_a_labels=frozenset(label for label in a_labels(names) if not tables.is_valid_a_label(label)),
        internal_names=frozenset(filter(tables.is_internal_name, names)) if facts.profile.public_trust else frozenset(),
    )
