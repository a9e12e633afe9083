"""What an event is about beyond the ids in it: the key of a certificate, the order of a deployment, the owning team.

The row of a stream's first event remembers what the stream is about; later events of the stream, and events that name
it, inherit from there. So each row names every subject it concerns, and a question by any of them finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypedDict

from domain.audit.reading import AuditReading
from domain.base import Event
from domain.certificates.certificate import Certificate
from domain.ids import derived_id, kind_of


class Approval(TypedDict):
    """Who approved: a pseudonym, or ``policy``; and at which position."""

    position: int
    by: str


class Ties(TypedDict):
    """Subjects of an event. ``key_id`` is that of the certified key, of an issuer's event the CA's own.

    ``teams`` are those that the event concerns; ``owner`` is the team that owns the stream, as far as it is known now.
    ``approvals`` are those that the act rests on.
    """

    key_id: str | None
    certificate_id: str | None
    order_id: str | None
    host_id: str | None
    issuer_id: str | None
    teams: list[str]
    owner: str | None
    approvals: list[Approval]


Begun = Callable[[str], Mapping[str, Any] | None]
"""Finds the row of a stream's first event."""

_SUBJECTS = ("certificate_id", "order_id", "host_id", "issuer_id", "key_id")
_DECIDED = frozenset({"order"})
"""Kinds of streams that collect approvals."""


def key_id_of(spki_sha256: str) -> str:
    """Return the id of the one key with this SubjectPublicKeyInfo (SHA-256, lower-case hex)."""
    return derived_id("key", spki_sha256)


def ties_of(event: Event, stream_id: str, begun: Begun) -> Ties:
    """Return what an event is about."""
    ties = _direct(event, stream_id)
    sources = (stream_id, getattr(event, "object_id", None), getattr(event, "deployment_id", None))
    rows = [begun(source) if source else None for source in sources]
    for row in rows:
        _inherit(ties, _SUBJECTS, row)
    certificate = begun(ties["certificate_id"]) if ties["certificate_id"] else None
    _inherit(ties, _SUBJECTS, certificate)
    for row in (certificate, *rows, *(begun(one) for one in (ties["order_id"], ties["host_id"]) if one)):
        _inherit(ties, ("owner",), row)
    ties["teams"] = _teams(event, ties["owner"])
    ties["approvals"] = _approvals(event, stream_id, begun)
    return ties


def _direct(event: Event, stream_id: str) -> Ties:
    """Return what stands in the event itself."""
    named: dict[str, Any] = {name: getattr(event, name, None) or None for name in _SUBJECTS}
    if event.originator_version == 1:
        named["owner"] = getattr(event, "team_id", None)
    if spki := getattr(event, "spki_sha256", ""):
        named["key_id"] = key_id_of(spki)
    for own in (stream_id, getattr(event, "object_id", None) or ""):
        name = f"{kind_of(own)}_id"
        if name in _SUBJECTS:
            named[name] = own
    return Ties(**{"owner": None, **named, "teams": [], "approvals": []})  # type: ignore[typeddict-item] # as above


def _inherit(ties: Ties, names: tuple[str, ...], row: Mapping[str, Any] | None) -> None:
    for name in names:
        if row is not None and ties[name] is None:  # type: ignore[literal-required] # names of Ties
            ties[name] = row[name]  # type: ignore[literal-required]


def _teams(event: Event, owner: str | None) -> list[str]:
    if isinstance(event, AuditReading.Read):
        return []  # that auditors look at something is not told to whom they look at
    found = [getattr(event, "team_id", None), getattr(event, "former_team_id", None), owner]
    spec = getattr(event, "spec", None)
    found += getattr(spec, "teams", ())
    return [one for one in dict.fromkeys(found) if one]


def _approvals(event: Event, stream_id: str, begun: Begun) -> list[Approval]:
    decided = stream_id if kind_of(stream_id) in _DECIDED else getattr(event, "order_id", None)
    row = begun(decided) if decided else None
    return list(row["approvals"]) if row is not None else []


def moved_to(event: Event) -> str | None:
    """Return the team that owns the stream from this event on, None where that stays as it was."""
    return event.team_id if isinstance(event, Certificate.OwnershipMoved) else None
