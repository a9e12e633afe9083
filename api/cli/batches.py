"""Many items by few calls: the server judges and answers each by itself, here the calls are divided and counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from api.cli.errors import Refused, ServerDown
from api.cli.invocation import Run

ITEMS_A_CALL = 100
"""A call of so many is answered within seconds, also by a server that has much to do."""
_BROKEN = 500
_REFUSED = 400


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one item: its ``answer``; else ``state`` ``refused`` or ``unknown`` and why."""

    state: str
    answer: dict[str, Any]
    problem: dict[str, str]


def send(run: Run, path: str, items: Sequence[dict[str, Any]]) -> Iterator[Told]:
    """Yield what became of each item, in order. What the server did not answer is ``unknown``, and no more is sent.

    Every call has the run's idempotency key: the server knows items by what they say, so a run is repeated safely.
    """
    for first in range(0, len(items), ITEMS_A_CALL):
        batch = items[first : first + ITEMS_A_CALL]
        try:
            answer = run.api.post(path, {"items": batch})
        except ServerDown as error:
            if not first:
                raise
            why = {"detail": error.message, "fix": error.fix, "rule": error.rule}
            yield from (Told("unknown", {}, why) for _ in items[first:])
            return
        yield from map(_told, answer["items"])
        if len(items) > ITEMS_A_CALL:
            run.out.say(f"{first + len(batch)} of {len(items)}", style="dim")


def unless_all_done(run: Run, states: Sequence[str], what: str) -> None:
    """Raise what the exit code and the last line say of a run with items that are not ``what``."""
    bad = [one for one in states if one in {"refused", "unknown"}]
    if not bad:
        return
    done = f"{len(states) - len(bad)} are done; see why above"
    if "unknown" in bad:
        again = f"repeat it with --idempotency-key {run.api.key}: what is done is not done twice"
        raise ServerDown(f"{len(bad)} of {len(states)} not {what}", fix=f"{done}; {again}")
    raise Refused(f"{len(bad)} of {len(states)} not {what}", fix=done)


def _told(item: dict[str, Any]) -> Told:
    if item["status"] < _REFUSED:
        return Told("", item["answer"], {})
    problem = {name: str(item["problem"].get(name) or "") for name in ("detail", "fix", "rule")}
    return Told("unknown" if item["status"] >= _BROKEN else "refused", {}, problem)
