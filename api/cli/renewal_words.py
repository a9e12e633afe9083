"""A certificate's renewal in a few words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.cli.errors import CliError
from api.cli.invocation import Run

_LEVELS = ("", "its end comes near", "its end is near", "its end is very near", "it has ended")


def renewal_words(run: Run, row: Mapping[str, Any]) -> list[str]:
    """Return what a renewal is at: its state, why, what comes next, and whether somebody must see to it."""
    told = [row["state"], f"why: {row['rule']}" if row["rule"] else ""]
    told.append(f"attempt {row['attempt']}" if row["attempt"] > 1 else "")
    if row["next_at"] and row["state"] in {"planned", "failed"}:
        told.append(f"next {run.out.day(row['next_at'])}")
    if row["level"] and row["state"] not in {"completed", "ended"}:
        told.append(_LEVELS[min(row["level"], len(_LEVELS) - 1)])
    return [one for one in told if one]


def renewal_of(run: Run, certificate_id: str) -> list[str]:
    """Return the words of one certificate's renewal; none where there is none, or the server cannot tell."""
    try:
        found = run.api.items("/renewals", 1, certificate=certificate_id)
    except CliError:  # the certificate itself is what was asked for
        return []
    return renewal_words(run, found[0]) if found else []
