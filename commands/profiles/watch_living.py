"""Watch what lives: page by page every certificate is held against the rules of today, again and again.

A sweep begins anew when it has come to its end. What it finds to have changed is decided again by a command, which
records it once; so a sweep may be cut off anywhere, and several processes may sweep.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date, datetime

from commands.base import Services
from commands.bus import Bus
from commands.certificates.judging import with_tables
from commands.context import SYSTEM, Context
from commands.ports.living import KnownProfile, Living, LivingCertificate
from commands.profiles.check_living import CheckLiving
from domain.certificates.standing import Standing, read_standing
from domain.profiles.facts import Facts
from domain.profiles.living import living_facts
from domain.profiles.policy import judge_living

PER_ROUND = 2_000
"""Certificates that one round looks at, at most: some tenths of a second of one core."""
CHANGES_PER_ROUND = 200
"""Changes that one round records, at most, so that a new rule does not hold up what else is to be done."""


class LivingWatch:
    """The reaction; each round goes on where the last one ended."""

    def __init__(self, bus: Bus, living: Living, clock: Callable[[], datetime]) -> None:
        self._bus, self._living, self._clock = bus, living, clock
        self._cursor: str | None = None

    async def look(self) -> int:
        """Look at the next certificates, and record what has changed; returns how many changes."""
        changed = await asyncio.to_thread(self._next)
        for command in changed:
            context = Context(SYSTEM, f"policy:{command.certificate_id}", purpose="policy-watch")
            await self._bus.execute(command, context)
        return len(changed)

    def _next(self) -> list[CheckLiving]:
        found: list[CheckLiving] = []
        book = LivingFacts(self._bus.services, self._living)
        now, looked = self._clock(), 0
        while looked < PER_ROUND and len(found) < CHANGES_PER_ROUND:
            page = self._living.certificates(now, cursor=self._cursor)
            looked += len(page.items)
            found += [one for item in page.items if (one := _changed(item, book, now.date()))]
            self._cursor = page.next_cursor
            if self._cursor is None:
                break
        return found


class LivingFacts:
    """The facts of living certificates; profiles and the bytes' reading are kept for as long as this is."""

    def __init__(self, services: Services, living: Living) -> None:
        self._services, self._living = services, living
        self._profiles: dict[str, KnownProfile | None] = {}

    def profile(self, one: LivingCertificate) -> KnownProfile | None:
        """Return the profile of a certificate as it is today; None where it has none."""
        if one.profile_id is None:
            return None
        if one.profile_id not in self._profiles:
            self._profiles[one.profile_id] = self._living.profile(one.profile_id)
        return self._profiles[one.profile_id]

    def of(self, one: LivingCertificate, on: date) -> tuple[Facts, Standing] | None:
        """Return facts on a day, and what the certificate says; None where its bytes are not kept or not readable."""
        standing = read_standing(one.der)
        if standing is None:
            return None
        known = self.profile(one)
        facts = living_facts(standing, known.spec if known else None, one.team_id, on=on, made=one.host_id is not None)
        return with_tables(facts, self._services.names, self._services.reserved_names), standing


def _changed(one: LivingCertificate, book: LivingFacts, on: date) -> CheckLiving | None:
    known = book.of(one, on)
    if known is None:
        return None
    facts, standing = known
    broken = {found.rule for found in judge_living(facts, issued=one.issued or standing.first_day).violations}
    if broken == one.noted:
        return None
    return CheckLiving(certificate_id=one.certificate_id, noted=tuple(sorted(one.noted)))
