"""Whether this process can do its work now, part by part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that is needed.

    ``name`` is for everybody. ``detail`` is what somebody has to look at: for the log, not for strangers, and empty
    where all is well.
    """

    name: str
    ready: bool
    detail: str = ""


class Health(Protocol):
    """Tells the truth about the parts; cheap enough to be asked every few seconds."""

    def parts(self) -> tuple[Part, ...]:
        """Look at every part now."""
