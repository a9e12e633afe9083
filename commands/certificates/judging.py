"""Ask policy about a request: the same facts at request and again at issuance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from commands.work import Work
from domain.certificates.names import MAX_COMMON_NAME, a_labels, parse_dns_name, parse_ip_address, wildcard_bases
from domain.certificates.wish import Subject
from domain.errors import PolicyRefused
from domain.profiles.facts import Facts
from domain.profiles.policy import Judgement, judge
from domain.profiles.profile import Profile
from domain.profiles.spec import KeyAlgorithm, ProfileSpec


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


def judge_request(
    work: Work,
    profile: Profile,
    team_id: str,
    subject: Subject,
    *,
    requester: str,
    brought: bool,
    host_teams: Iterable[str] = (),
) -> Judgement:
    """Judge a request; ``brought``: the caller made the key. Raises PolicyRefused where no person may waive."""
    facts = _facts(work, profile.spec, team_id, subject, brought=brought, host_teams=host_teams)
    judgement = judge(replace(facts, own_profile=requester == profile.author))
    if judgement.refused:
        broken = [violation for violation in judgement.violations if not violation.waivable]
        raise PolicyRefused(
            "; ".join(violation.message for violation in broken), rule=broken[0].rule, fix=broken[0].fix
        )
    return judgement


def _facts(
    work: Work, spec: ProfileSpec, team_id: str, subject: Subject, *, brought: bool, host_teams: Iterable[str]
) -> Facts:
    tables, names = work.services.names, subject.dns_names
    foreign = [team for team in host_teams if team != team_id]
    return Facts(
        profile=spec,
        team=team_id,
        host_team=foreign[0] if foreign else (team_id if not brought else None),
        dns_names=names,
        ip_addresses=subject.ip_addresses,
        common_name=subject.common_name,
        validity=subject.validity,
        key_algorithm=subject.key_algorithm,
        key_made="client" if brought else "host",
        reserved=work.services.reserved_names,
        public_suffixes=frozenset(filter(tables.is_public_suffix, wildcard_bases(names))),
        invalid_a_labels=frozenset(label for label in a_labels(names) if not tables.is_valid_a_label(label)),
        on=work.now.date(),
    )
