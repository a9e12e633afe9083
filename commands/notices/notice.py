"""A notice: one sentence that somebody has to read, what to do about it, and for whom it is."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from domain.base import Event, rfc3339

_LONGEST_VALUE = 200


class Severity(StrEnum):
    """How soon somebody has to look: some day, this week, now."""

    INFO = "info"
    WARNING = "warning"
    ALARM = "alarm"


class Audience(StrEnum):
    """Who has to be told: the team that owns the object, or everybody of a role."""

    OWNER = "owner"
    SEC_OPS = "ROLE_SEC_OPS"
    ADMIN = "ROLE_ADMIN"


def always(_event: Any) -> bool:
    """Accept every event of a class."""
    return True


@dataclass(frozen=True, slots=True)
class NoticeRule:
    """One row of the table: which facts are told, to whom, in which words.

    ``sentence``, ``todo`` and ``command`` may name the event's fields, ``{about}`` (the object's label) and
    ``{object}`` (its id). ``when`` picks among the events of a class; the first row that accepts an event tells it.
    """

    event: type[Event]
    kind: str
    severity: Severity
    audience: tuple[Audience, ...]
    sentence: str
    todo: str
    command: str = ""
    when: Callable[[Any], bool] = field(default=always)


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice. ``notice_id`` is the same whenever the same fact is told again; a receiver may drop repeats by it."""

    notice_id: str
    position: int
    at: datetime
    kind: str
    severity: Severity
    audience: tuple[Audience, ...]
    team_id: str | None
    object_id: str
    sentence: str
    todo: str
    command: str


@dataclass(frozen=True, slots=True)
class Subject:
    """What a fact is about: an object, what it is called, and which team owns it (None: none does)."""

    object_id: str
    label: str
    team_id: str | None


class Subjects(Protocol):
    """Names of objects, as the read models have them now."""

    def about(self, object_id: str) -> Subject:
        """Return what an object is about: itself, or the certificate it serves; an unknown one is called by its id."""


def plain(value: object) -> str:
    """Return a value as one short line without control, format and surrogate characters.

    Names in a notice come from users and end up in mail headers, terminals and logs.
    """
    text = rfc3339(value.replace(microsecond=0)) if isinstance(value, datetime) else str(value)
    kept = "".join(one if unicodedata.category(one)[0] != "C" else "?" for one in text[: _LONGEST_VALUE + 1])
    kept = " ".join(kept.replace("\u2028", " ").replace("\u2029", " ").split())
    return kept if len(kept) <= _LONGEST_VALUE else f"{kept[: _LONGEST_VALUE - 1]}…"


def worded(template: str, values: Mapping[str, object]) -> str:
    """Return a template with its fields filled in; what is filled in is :func:`plain` and never a template itself."""
    return template.format_map({name: plain(value) for name, value in values.items()})
