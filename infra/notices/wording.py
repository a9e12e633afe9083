"""A message as people read it: the gravest first, what is alike together, ten examples of each kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from commands.notices.notice import Notice, Severity
from domain.base import rfc3339

EXAMPLES = 10
_ORDER = (Severity.ALARM, Severity.WARNING, Severity.INFO)


def subject(notices: Sequence[Notice]) -> str:
    """Return the subject line: the one sentence, or how many of which kinds."""
    if not notices:
        return "[sslclm] notices that are no longer kept"
    grave = min(notices, key=_rank).severity
    if len(notices) == 1:
        return f"[sslclm] {grave}: {notices[0].sentence}"
    kinds = [f"{len(group)} {kind}" for kind, group in _by_kind(notices)]
    more = f" and {len(kinds) - 3} kinds more" if len(kinds) > 3 else ""  # noqa: PLR2004 - what a subject line holds
    return f"[sslclm] {grave}: {', '.join(kinds[:3])}{more}"


def body(notices: Sequence[Notice], base_url: str) -> str:
    """Return the text of a message; every sentence in it is one line."""
    lines: list[str] = []
    for kind, group in _by_kind(notices):
        lines += [f"{kind} ({group[0].severity}): {len(group)}", ""]
        for one in group[:EXAMPLES]:
            lines += list(_told(one))
        if len(group) > EXAMPLES:
            lines += [f"  and {len(group) - EXAMPLES} more of this kind: sslclm notices --kind {kind}", ""]
    return "\n".join([*lines, "-- ", f"SSL-CLM at {base_url}; everything it told: sslclm notices", ""])


def _told(one: Notice) -> Iterator[str]:
    yield f"  {rfc3339(one.at.replace(microsecond=0))}  {one.sentence}"
    yield f"    {one.todo}"
    if one.command:
        yield f"    $ {one.command}"
    yield ""


def _by_kind(notices: Sequence[Notice]) -> list[tuple[str, list[Notice]]]:
    ordered = sorted(notices, key=lambda one: (_rank(one), one.kind, one.position))
    return [(kind, list(group)) for (_, kind), group in groupby(ordered, key=lambda one: (_rank(one), one.kind))]


def _rank(one: Notice) -> int:
    return _ORDER.index(one.severity)
