"""Who accessed a key or a certificate: rows of the audit index, told from the ledger, each with what proves it."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, Field

from api.edge import Edge
from api.history import PeopleNames, Told, told
from domain.base import Event
from domain.registry import TOPICS
from projections.audit.meanings import MEANINGS, Access
from projections.audit.search import AuditRow


class Approver(BaseModel):
    """Who approved: a pseudonym with its name, or ``policy``; and where in the ledger."""

    position: int
    by: str
    name: str


class Subjects(BaseModel):
    """What was touched; the ids that an access names."""

    key_id: str | None
    certificate_id: str | None
    order_id: str | None
    host_id: str | None
    issuer_id: str | None


class Touch(Told):
    """One access. ``entry_hash`` and ``leaf_hash`` (lower-case hex) are those of an exported ledger at ``position``.

    ``what`` says it in words, ``refused`` and ``rule`` whether and by which rule it was refused, ``purpose`` what for.
    """

    access: Access
    what: str
    refused: bool
    rule: str
    purpose: str
    approvals: list[Approver]
    subjects: Subjects
    objects: list[str] = Field(description="ids of everything that the event concerns beside its own stream")
    entry_hash: str
    leaf_hash: str


class TouchPage(BaseModel):
    """Some accesses, the newest first. ``subject``: whose they are; of a certificate, its key.

    ``until``: the last position that the answer covers; the look itself, which comes after it, is told to the next.
    """

    subject: str
    until: int
    items: list[Touch]
    next_cursor: str | None
    position: int


def touches(edge: Edge, rows: Iterable[AuditRow]) -> list[Touch]:
    """Return what rows of the audit index stand for, in their order; all of them are accesses."""
    names = PeopleNames(edge)
    return [_touch(edge, row, names) for row in rows]


def _touch(edge: Edge, row: AuditRow, names: PeopleNames) -> Touch:
    entry = edge.ledger.entries(row["position"], limit=1)[0]
    leaf = edge.evidence.leaves(entry)[row["position"] - entry.first_position]
    assert row["access"] is not None
    return Touch(
        **told(row, entry, names).model_dump(),
        access=row["access"],
        what=words_of(row["topic"]),
        refused=row["access"] == "refused",
        rule=row["rule"],
        purpose=row["purpose"],
        approvals=[Approver(**one, name=names(one["by"])) for one in row["approvals"]],
        subjects=Subjects(**{name: row[name] for name in Subjects.model_fields}),  # type: ignore[literal-required] # names of the row
        objects=row["objects"],
        entry_hash=entry.entry_hash.hex(),
        leaf_hash=leaf.hex(),
    )


def words_of(topic: str) -> str:
    """Return what a topic means in words; the topic itself where this version does not know it."""
    event: type[Event] | None = TOPICS.get(topic)
    meaning = MEANINGS.get(event) if event else None
    return meaning.words if meaning else topic
