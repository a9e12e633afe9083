"""From stored facts to notices: looked up in the table, named after what the read models know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from commands.notices.notice import Notice, NoticeRule, Subjects, worded
from commands.notices.table import RULES
from commands.ports.ledger import Entry, StoredEvent
from commands.stored import event_of
from domain.base import Event
from domain.ids import derived_id
from domain.moments import moment_of


def _by_topic() -> Mapping[str, tuple[NoticeRule, ...]]:
    topics = dict.fromkeys(rule.event.TOPIC for rule in RULES)
    return {topic: tuple(rule for rule in RULES if topic == rule.event.TOPIC) for topic in topics}


_RULES = _by_topic()


def notices_of(entry: Entry, subjects: Subjects) -> Iterator[Notice]:
    """Yield the notices of an entry. The same entry gives the same ids for ever; words may follow today's names."""
    for stored in entry.events:
        rules = _RULES.get(stored.topic)
        if rules:
            event = event_of(stored)
            rule = next((one for one in rules if one.when(event)), None)
            if rule is not None:
                yield _notice(entry, stored, event, rule, subjects)


def _notice(entry: Entry, stored: StoredEvent, event: Event, rule: NoticeRule, subjects: Subjects) -> Notice:
    told = event.model_dump(exclude={"originator_id", "originator_version"})
    subject = subjects.about(str(told.get("object_id") or told.get("certificate_id") or stored.stream_id))
    object_id = subject.object_id
    values = {**told, "about": subject.label, "object": object_id, "stream": stored.stream_id}
    team_id = told.get("team_id") or subject.team_id
    return Notice(
        notice_id=derived_id("notice", entry.entry_hash.hex(), str(stored.position)),
        position=stored.position,
        at=moment_of(entry.recorded_at_us),
        kind=rule.kind,
        severity=rule.severity,
        audience=rule.audience,
        team_id=str(team_id) if team_id else None,
        object_id=object_id,
        sentence=worded(rule.sentence, values),
        todo=worded(rule.todo, values),
        command=worded(rule.command, values),
    )
