"""Notices of the calendar: each kind of alarm in words, at first as a warning, close to its date as an alarm."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from commands.notices.notice import Audience, NoticeRule, Severity
from domain.notices.alarm import Alarm, AlarmKind

URGENT = 3
"""From this level on an alarm of the calendar is told as one."""


class _Words(NamedTuple):
    kind: AlarmKind
    audience: tuple[Audience, ...]
    sentence: str
    todo: str
    command: str


_WORDS = (
    _Words(
        "certificate-expiring", (Audience.OWNER,), "The certificate for {about} expires at {due}.",
        "Renew it now: nothing has replaced it.", "sslclm show {object}",
    ),
    _Words(
        "issuer-ending", (Audience.SEC_OPS, Audience.ADMIN),
        "The certificate of {about} ends at {due}; nothing that it issues lasts longer.",
        "Set up its successor in time: it must be trusted everywhere before this one ends.", "sslclm issuers",
    ),
    _Words(
        "crl-stale", (Audience.SEC_OPS, Audience.ADMIN), "The CRL of {about} is past its nextUpdate, {due}.",
        "Clients refuse its certificates: look at the backend's log and its key store.", "sslclm issuers",
    ),
    _Words(
        "root-crl-due", (Audience.SEC_OPS, Audience.ADMIN), "The CRL of {about} ends at {due}, and its key is offline.",
        "On the server, before then: sslclm root-crl --root-passphrase-file FILE", "sslclm issuers",
    ),
)  # fmt: skip


def _near(words: _Words, event: Alarm.Raised | Alarm.Escalated, *, urgent: bool) -> bool:
    return event.kind == words.kind and (event.level >= URGENT) is urgent


def _rows() -> Iterator[NoticeRule]:
    for words in _WORDS:
        for event in (Alarm.Raised, Alarm.Escalated):
            for urgent, severity in ((False, Severity.WARNING), (True, Severity.ALARM)):
                when = partial(_near, words, urgent=urgent)
                yield NoticeRule(
                    event, words.kind, severity, words.audience, words.sentence, words.todo, words.command, when
                )


CALENDAR: tuple[NoticeRule, ...] = tuple(_rows())
"""Rows of the table of notices."""
