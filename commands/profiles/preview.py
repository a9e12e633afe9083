"""What a day to come will break: profiles, certificates in use, and renewals, as they stand today.

Every certificate is renewed again and again, so each has one renewal that is the first on or after the day. It is
judged by the rules of the day, as if it asked again for what the certificate says, by today's version of its profile.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

from commands.base import Services
from commands.ports.living import KnownProfile, Living, LivingCertificate
from commands.profiles.watch_living import LivingFacts
from domain.certificates.standing import Standing
from domain.errors import InvalidInput
from domain.profiles.facts import Facts
from domain.profiles.policy import Violation, judge, judge_living
from domain.profiles.spec import ProfileSpec

Kind = Literal["profile", "in-use", "renewal"]


@dataclass(frozen=True, slots=True)
class Broken:
    """One thing that one rule will break.

    ``profile``: what the profile promises is not issued any more. ``in-use``: the certificate lives on that day and
    breaks a rule that binds what lives. ``renewal``: the first renewal on or after the day, on ``when``, will be
    refused, or wait for a person where the violation is waivable.
    """

    kind: Kind
    violation: Violation
    teams: tuple[str, ...]
    names: tuple[str, ...]
    when: date
    profile_id: str | None
    certificate_id: str | None = None


@dataclass(frozen=True, slots=True)
class PreviewPage:
    """What is broken among the certificates of one page, and on the first page among the profiles."""

    on: date
    items: tuple[Broken, ...]
    examined: int
    next_cursor: str | None
    position: int


def preview(
    services: Services, living: Living, on: date, *, teams: tuple[str, ...] | None, cursor: str | None, limit: int
) -> PreviewPage:
    """Look ahead to a day, one page of certificates at a time. Raises InvalidInput for a day that is over."""
    now = services.clock()
    if on < now.date():
        raise InvalidInput(f"{on} is over", rule="preview-past", fix="ask for today or a later day")
    page = living.certificates(now, teams=teams, cursor=cursor, limit=limit)
    ahead = _Ahead(LivingFacts(services, living), now.date(), on)
    found = [] if cursor else [one for known in living.profiles(teams) for one in ahead.of_profile(known)]
    found += [one for item in page.items for one in ahead.of_certificate(item)]
    items = tuple(_seen_by(one, teams) for one in found)
    return PreviewPage(on, items, len(page.items), page.next_cursor, page.position)


def _seen_by(one: Broken, teams: tuple[str, ...] | None) -> Broken:
    """Leave out the teams that the asker may not know of."""
    return one if teams is None else replace(one, teams=tuple(team for team in one.teams if team in teams))


@dataclass(frozen=True, slots=True)
class _Ahead:
    """One look ahead, from ``today`` to ``on``."""

    book: LivingFacts
    today: date
    on: date

    def of_profile(self, known: KnownProfile) -> Iterator[Broken]:
        """Yield why the profile's own maximum, or one of its algorithms, is not issued any more on the day."""
        spec, said = known.spec, set[str]()
        for algorithm in spec.key_algorithms:
            facts = Facts(spec, "", (), (), spec.max_validity, spec.key_made[0], self.on, key_algorithm=algorithm)
            for one in self._broken(facts):
                if one.message not in said and one.rule in _OF_PROFILES:
                    said.add(one.message)
                    yield Broken("profile", one, spec.teams, (spec.name,), self.on, known.profile_id)

    def of_certificate(self, one: LivingCertificate) -> Iterator[Broken]:
        """Yield what the day will mean to a certificate while it lives, and when it is renewed."""
        known = self.book.of(one, self.on)
        if known is None:
            return
        facts, standing = known
        names = (*standing.dns_names, *standing.ip_addresses)
        if standing.not_after.date() >= self.on:
            for violation in judge_living(facts, issued=one.issued or standing.first_day).violations:
                yield Broken("in-use", violation, (one.team_id,), names, self.on, one.profile_id, one.certificate_id)
        profile = self.book.profile(one)
        if profile is None or profile.retired:
            return
        when = self._renewed(standing, profile.spec)
        again = min(standing.validity, int(profile.spec.longest().total_seconds()))
        asked = replace(facts, validity=again, key_made=profile.spec.key_made[0])
        for violation in self._broken(asked):
            yield Broken("renewal", violation, (one.team_id,), names, when, one.profile_id, one.certificate_id)

    def _renewed(self, standing: Standing, spec: ProfileSpec) -> date:
        """Return the day of the first renewal on or after the day that is looked at."""
        life = standing.not_after - standing.not_before
        step = max(life * spec.renew_at_percent // 100, timedelta(hours=1))
        due = standing.not_before + step
        if due.date() < self.on:
            days = timedelta(days=(self.on - due.date()).days)
            due += -(-days // step) * step
        return max(due.date(), self.on)

    def _broken(self, facts: Facts) -> list[Violation]:
        """Return what refuses on the day, and what newly waits for a person then."""
        asked = judge(facts).violations
        waits_today = {one.rule for one in judge(replace(facts, on=self.today)).violations}
        return [one for one in asked if not one.waivable or one.rule not in waits_today]


_OF_PROFILES = frozenset(
    {
        "public-trust-398-days", "public-trust-200-days", "public-trust-100-days", "public-trust-47-days",
        "public-trust-key", "key-strength-minimum", "key-strength", "key-strength-horizon",
    }
)  # fmt: skip
"""The rules that a profile alone can break, whatever is asked for by it."""
