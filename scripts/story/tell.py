"""How the story is told: chapters, and lines of ledger position, who, what, and the system's answer."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from shutil import get_terminal_size

from rich.console import Console
from rich.table import Table
from rich.text import Text

NARROWEST, WIDEST = 80, 100
_POSITION, _WHO = 6, 14
_STYLES = {"ok": "green", "no": "yellow", "bad": "red"}


@dataclass
class Teller:
    """Prints the story at the terminal's width, from 80 to 100 columns; foreign text is never markup."""

    verbose: bool = False
    console: Console = field(
        default_factory=lambda: Console(width=_width(), markup=False, highlight=False, emoji=False, soft_wrap=True)
    )

    def chapter(self, title: str, about: str) -> None:
        """Begin a chapter: what it shows, in a sentence or two."""
        self.console.print()
        self.console.print(Text(title, style="bold"))
        for line in textwrap.wrap(about, self.console.width - _POSITION):
            self.console.print(Text(" " * _POSITION + line, style="dim"))

    def line(self, who: str, what: str, answer: str, position: int | str | None = None, *, mood: str = "ok") -> None:
        """Tell one act; ``mood``: ok, no (refused, as it should be) or bad."""
        wide = (self.console.width - _POSITION - _WHO) // 2
        columns = (_wrapped(who, _WHO - 1), _wrapped(what, wide - 2), _wrapped(answer, wide))
        shown = f"#{position} " if position else ""
        for row in zip_longest(*columns, fillvalue=""):
            first = (shown.rjust(_POSITION), "cyan")
            last = (row[2], _STYLES[mood])
            line = Text.assemble(first, (row[0].ljust(_WHO), "bold"), row[1].ljust(wide - 1), last)
            line.rstrip()
            self.console.print(line)
            shown = ""

    def note(self, text: str, style: str = "") -> None:
        """Say something about the story itself; lines that are to be copied stay whole."""
        self.console.print(Text(text, style=style))

    def quote(self, text: str) -> None:
        """Show what a program printed, as it is."""
        for line in text.rstrip().splitlines():
            self.console.print(Text(f"{' ' * _POSITION}| {line}", style="dim"))

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print a table."""
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
        for name in columns:
            table.add_column(Text(name, "dim"), overflow="fold")
        for row in rows:
            table.add_row(*map(Text, row))
        self.console.print()
        self.console.print(Text(title, "bold"))
        self.console.print(table)

    def request(self, method: str, url: str, status: int, milliseconds: float) -> None:
        """Show a request, where --verbose asked for it; never a header, never a body: they may carry secrets."""
        if self.verbose:
            self.note(f"{' ' * _POSITION}{method} {url} -> {status} ({milliseconds:.0f} ms)", "dim")


def _width() -> int:
    """Return the terminal's columns, or what COLUMNS says, within what the story is made for."""
    return min(WIDEST, max(NARROWEST, get_terminal_size((WIDEST, 24)).columns))


def _wrapped(text: str, width: int) -> list[str]:
    """Wrap at spaces, and inside of long words (paths, ids) only where there is no other way."""
    return textwrap.wrap(text, width, break_on_hyphens=False) or [""]
