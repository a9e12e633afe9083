"""Define a profile, or revise it: what may be issued, for whom, and who approves."""

from __future__ import annotations

from commands.base import Command, Scope, UseCase
from commands.work import Work
from domain.access.team import Team
from domain.errors import InvalidInput
from domain.issuers.issuer import Issuer
from domain.profiles.policy import check_spec
from domain.profiles.profile import Profile
from domain.profiles.spec import ProfileSpec


class DefineProfile(Command):
    """Define the profile of this name, or give it its next version."""

    spec: ProfileSpec


def scope(command: DefineProfile, _work: Work) -> Scope:
    """Name the profile for the record of a refusal."""
    return Scope(object_id=Profile.id_for(command.spec.name))


def handle(command: DefineProfile, work: Work) -> None:
    """Check that something could be issued by it, then define or revise."""
    spec = command.spec
    check_spec(spec, on=work.now.date())
    issuer = work.refer(Issuer, spec.issuer_id)
    if issuer.kind != "issuing":
        raise InvalidInput("profiles issue from an issuing CA", rule="profile-issuer", fix="see: sslclm issuers")
    for team in spec.teams:
        work.refer(Team, team)
    author = work.context.principal.pseudonym
    profile = work.find(Profile, Profile.id_for(spec.name))
    if profile is None:
        work.add(Profile.define(spec=spec, author=author, at=work.now))
    elif profile.spec != spec:
        profile.revise(spec=spec, author=author, at=work.now)


DEFINE_PROFILE = UseCase("profiles.define", scope, handle)
