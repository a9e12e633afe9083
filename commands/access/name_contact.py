"""Name a team's contact: the address goes to the erasable directory, and only its random id into the ledger."""

from __future__ import annotations

import re

from pydantic import Field

from commands.base import Command, Outcome, Scope, UseCase
from commands.bus import Bus
from commands.context import Context
from commands.ports.identity import Contacts
from commands.work import Work
from domain.access.team import Team
from domain.certificates.names import parse_dns_name
from domain.errors import InvalidInput

MAX_ADDRESS = 254
"""Longest mail address, in characters (RFC 5321 section 4.5.3.1.3)."""
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
_LONGEST_LOCAL = 64


class NameContact(Command):
    """Name whom to write to. The random id is no part of what makes a repeated call the same call."""

    team_id: str
    contact_id: str = Field(exclude=True)


def scope(command: NameContact, _work: Work) -> Scope:
    """Aim at the team."""
    return Scope(command.team_id, command.team_id)


def handle(command: NameContact, work: Work) -> None:
    """Name it."""
    work.load(Team, command.team_id).name_contact(contact_id=command.contact_id, at=work.now)


def parse_address(text: str) -> str:
    """Return the one spelling of a mail address: a dot-atom (RFC 5322 section 3.4.1) at a DNS name.

    Raises :class:`InvalidInput`, rule ``contact-address``; what it says never repeats the address.
    """
    local, at, host = text.rpartition("@")
    fix = "write it like certificates@shop.example"
    if not at or len(text) > MAX_ADDRESS or len(local) > _LONGEST_LOCAL or not _LOCAL.fullmatch(local):
        raise InvalidInput("that is no mail address", rule="contact-address", fix=fix)
    try:
        return f"{local}@{parse_dns_name(host)}"
    except InvalidInput:
        raise InvalidInput("what follows the @ is no DNS name", rule="contact-address", fix=fix) from None


async def name_contact(bus: Bus, contacts: Contacts, team_id: str, address: str, context: Context) -> Outcome:
    """Keep the address, then record its id; the address that it replaces is forgotten.

    Where the command is refused, or was executed before, nothing of the new address is left.
    """
    kept = contacts.keep(parse_address(address))
    former = Work(bus.services, context).find(Team, team_id)
    try:
        outcome = await bus.execute(NameContact(team_id=team_id, contact_id=kept), context)
    except BaseException:
        contacts.forget(kept)
        raise
    gone = kept if outcome.replayed else former and former.contact_id
    if gone:
        contacts.forget(gone)
    return outcome


NAME_CONTACT = UseCase("teams.contact", scope, handle)
