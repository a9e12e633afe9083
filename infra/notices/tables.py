"""What was told, what is to be sent, and how far the ledger was read: rows of notices and of messages.

No projection: an attempt to deliver is a fact of the outside world that no ledger can tell again. It may be deleted
while the backend is stopped; then the notices of the last days are made, and sent, again, under the same ids.
"""

from __future__ import annotations

import json

from commands.notices.notice import Audience, Notice, Severity
from commands.ports.notices import Digest
from domain.moments import microseconds, moment_of
from infra.records.tables import Row, Table, Tables

CURSOR = Table("cursor", {"one": "int", "position": "int"}, key=("one",))
NOTICE = Table(
    "notice",
    {
        "notice_id": "text", "position": "int", "at_us": "int", "kind": "text", "severity": "text", "audience": "text",
        "team_id": "text?", "object_id": "text", "sentence": "text", "todo": "text", "command": "text",
    },
    key=("notice_id",),
    indexes={"notice_position": ("position",)},
)  # fmt: skip
PENDING = Table(
    "pending",
    {"channel": "text", "recipient": "text", "notice_id": "text", "since_us": "int"},
    key=("channel", "recipient", "notice_id"),
)
DIGEST = Table(
    "digest",
    {
        "number": "int", "digest_id": "text", "channel": "text", "recipient": "text", "created_us": "int",
        "state": "text", "attempts": "int", "due_us": "int", "problem": "text", "notices": "text",
    },
    key=("number",),
    unique=(("digest_id",),),
    indexes={"digest_state": ("state", "due_us")},
)  # fmt: skip
NOTICES = Tables(
    "notices",
    (CURSOR, NOTICE, PENDING, DIGEST),
    what="notices' store",
    rule="notices-store",
    fix="try again; if it stays so, see to the disk of the data folder",
)


def notice_row(notice: Notice) -> Row:
    """Return a notice as it is kept."""
    return {
        "notice_id": notice.notice_id,
        "position": notice.position,
        "at_us": microseconds(notice.at),
        "kind": notice.kind,
        "severity": notice.severity.value,
        "audience": json.dumps([one.value for one in notice.audience]),
        "team_id": notice.team_id,
        "object_id": notice.object_id,
        "sentence": notice.sentence,
        "todo": notice.todo,
        "command": notice.command,
    }


def notice_of(row: Row) -> Notice:
    """Return the notice that a row keeps."""
    told = {name: row[name] for name in ("notice_id", "position", "kind", "team_id", "object_id", "sentence", "todo")}
    return Notice(
        **told,
        at=moment_of(row["at_us"]),
        severity=Severity(row["severity"]),
        audience=tuple(map(Audience, json.loads(row["audience"]))),
        command=row["command"],
    )


def digest_of(row: Row) -> Digest:
    """Return the message that a row keeps."""
    told = {name: row[name] for name in ("digest_id", "channel", "recipient", "state", "attempts", "problem")}
    count = len(json.loads(row["notices"]))
    return Digest(**told, created=moment_of(row["created_us"]), due=moment_of(row["due_us"]), count=count)
