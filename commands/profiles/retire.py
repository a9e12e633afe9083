"""Retire a profile: nothing more is issued by it; what was issued stays as it is."""

from __future__ import annotations

from commands.base import Command, Scope, UseCase
from commands.work import Work
from domain.profiles.profile import Profile


class RetireProfile(Command):
    """Retire one profile."""

    profile_id: str


def scope(command: RetireProfile, _work: Work) -> Scope:
    """Name the profile for the record of a refusal."""
    return Scope(object_id=command.profile_id)


def handle(command: RetireProfile, work: Work) -> None:
    """Retire it."""
    work.load(Profile, command.profile_id).retire(at=work.now)


RETIRE_PROFILE = UseCase("profiles.retire", scope, handle)
