"""What an event is about beyond the ids in it: the key of a certificate, the order of a deployment, the owning team.

The row of a stream's first event remembers what the stream is about; later events of the stream, and events that name
it, inherit from there. So each row names every subject it concerns, and a question by any of them finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict, cast

from domain.audit.reading import AuditReading
from domain.base import Event
from domain.certificates.certificate import Certificate
from domain.certificates.order import Order
from domain.ids import kind_of
from domain.keys.key import Key
from domain.keys.reveal import Reveal


class Approval(TypedDict):
    """Who approved: a pseudonym, or ``policy``; and at which position."""

    position: int
    by: str


class Ties(TypedDict):
    """Subjects of an event. ``key_id`` is that of the certified key, of an issuer's event the CA's own.

    ``teams`` are those that the event concerns; ``owner`` is the team that owns the stream by now.
    ``approvals`` are those that the act rests on, ``granted`` those that were given in the stream so far; what is known
    so far stands in the row of the stream's first event.
    """

    key_id: str | None
    certificate_id: str | None
    order_id: str | None
    host_id: str | None
    issuer_id: str | None
    teams: list[str]
    owner: str | None
    approvals: list[Approval]
    granted: list[Approval]


Begun = Callable[[str], Mapping[str, Any] | None]
"""Finds the row of a stream's first event."""

_SUBJECTS = ("certificate_id", "order_id", "host_id", "issuer_id", "key_id")
_NAMES = (*_SUBJECTS, "owner")
_LEADS = ("object_id", "deployment_id", "by_id")
"""Members that name an object of whatever kind, and with it all that it belongs to."""

_NOTHING: Mapping[str, Any] = {}

_DECIDED = ("order", "reveal")
"""Kinds of streams that collect approvals."""


def no_ties() -> Ties:
    """Return what an event of an unknown topic is about."""
    blank: Any = {**dict.fromkeys(_NAMES), "teams": [], "approvals": [], "granted": []}
    return cast("Ties", blank)


def ties_of(event: Event, stream_id: str, begun: Begun) -> Ties:
    """Return what an event is about."""
    members = vars(event)  # a look into them costs a tenth of a getattr that finds nothing
    own = begun(stream_id) or _NOTHING
    direct = _direct(event)
    named = [begun(members[name]) or _NOTHING for name in _LEADS if members.get(name)]
    ties: Ties = {**no_ties(), "approvals": _approvals(event, stream_id, begun)}
    _take(ties, _SUBJECTS, (_own(stream_id), own, direct, *named))
    certificate = (begun(ties["certificate_id"]) if ties["certificate_id"] else None) or _NOTHING
    _take(ties, _SUBJECTS, (certificate,))
    owners = (direct,) if event.originator_version == 1 else ()
    others = (begun(one) or _NOTHING for one in (ties["order_id"], ties["host_id"]) if one)
    _take(ties, ("owner",), (*owners, certificate, own, *named, *others))
    ties["teams"] = _teams(event, ties["owner"])
    return ties


def _own(stream_id: str) -> Mapping[str, Any]:
    return {f"{kind_of(stream_id)}_id": stream_id}


def _direct(event: Event) -> Mapping[str, Any]:
    """Return what stands in the event itself."""
    members = vars(event)
    named = {name: members.get(name) for name in _SUBJECTS} | {"owner": members.get("team_id")}
    if spki := members.get("spki_sha256"):
        named["key_id"] = Key.id_for(spki)
    if aim := members.get("object_id"):
        named |= _own(aim)
    return named


def _take(ties: Ties, names: tuple[str, ...], sources: Iterable[Mapping[str, Any]]) -> None:
    """Take what is not known yet, of the first source that knows it."""
    known: dict[str, Any] = cast("dict[str, Any]", ties)
    for name in names:
        if known[name] is None:
            for source in sources:
                if found := source.get(name):
                    known[name] = found
                    break


def _teams(event: Event, owner: str | None) -> list[str]:
    if isinstance(event, AuditReading.Read):
        return []  # that auditors look at something is not told to whom they look at
    members = vars(event)
    found = [members.get("team_id"), members.get("former_team_id"), owner]
    if spec := members.get("spec"):
        found += spec.teams
    return [one for one in dict.fromkeys(found) if one]


def _approvals(event: Event, stream_id: str, begun: Begun) -> list[Approval]:
    members = vars(event)
    named = (stream_id, members.get("order_id"), members.get("by_id"))
    rows = (begun(one) for one in named if one and kind_of(one) in _DECIDED)
    return next((list(row["granted"]) for row in rows if row is not None), [])


def approved_by(event: Event) -> str | None:
    """Return whose approval an event is: a pseudonym, or ``policy``."""
    match event:
        case Order.ApprovalGiven() | Reveal.Approved():
            return event.approver
        case Order.Approved(by="policy"):
            return "policy"
    return None


def moved_to(event: Event) -> str | None:
    """Return the team that owns the stream from this event on, None where that stays as it was."""
    return event.team_id if isinstance(event, Certificate.OwnershipMoved | Key.OwnerMoved) else None
