"""Looking ahead page by page: what breaks is counted as it comes, so that no number of certificates takes memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from api.cli.client import Api

_PAGE = 200
_NOBODY = ""


@dataclass
class Ahead:
    """What a day breaks: counts per team, kind, outcome and rule, and the first things themselves."""

    on: str
    examined: int = 0
    broken: int = 0
    items: list[dict[str, Any]] = field(default_factory=list)
    groups: dict[tuple[str, ...], dict[str, Any]] = field(default_factory=dict)

    def add(self, one: dict[str, Any], *, keep: int) -> None:
        """Count one thing for each team that it is of."""
        self.broken += 1
        if len(self.items) < keep:
            self.items.append(one)
        for team in one["teams"] or [_NOBODY]:
            known = {"team": team, **{name: one[name] for name in ("kind", "outcome", "rule", "fix", "citation")}}
            group = self.groups.setdefault(tuple(known.values()), {**known, "count": 0, "first": one["when"]})
            group["count"] += 1
            group["first"] = min(group["first"], one["when"])

    def rows(self) -> list[dict[str, Any]]:
        """Return the counts, by team and kind."""
        return [self.groups[key] for key in sorted(self.groups)]

    def document(self) -> dict[str, Any]:
        """Return everything as one document."""
        told = {"on": self.on, "examined": self.examined, "broken": self.broken}
        return told | {"groups": self.rows(), "items": self.items}


def look_ahead(api: Api, day: str, team: str | None, keep: int) -> Ahead:
    """Ask for page after page. Raises CliError."""
    found, cursor = Ahead(day), None
    while True:
        page = api.get("/policy/preview", on=found.on or None, team=team, cursor=cursor, limit=_PAGE)
        found.on = page["on"]
        found.examined += page["examined"]
        for one in page["items"]:
            found.add(one, keep=keep)
        cursor = page["next_cursor"]
        if cursor is None:
            return found
