"""How the story is told: chapters, and lines of who, what, the system's answer, and the ledger position that proves it."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDTH = 100
_WHO, _WHAT, _POSITION = 12, 40, 6
_ANSWER = WIDTH - _WHO - _WHAT - _POSITION - 3 * 2
_STYLES = {"ok": "green", "no": "yellow", "bad": "red", "": ""}


@dataclass
class Teller:
    """Prints the story at 100 columns; foreign text is never markup."""

    verbose: bool = False
    console: Console = field(
        default_factory=lambda: Console(width=WIDTH, markup=False, highlight=False, emoji=False, soft_wrap=False)
    )

    def chapter(self, title: str, about: str) -> None:
        """Begin a chapter: what it shows, in a sentence or two."""
        self.console.print()
        self.console.print(Text(title, style="bold"))
        for line in textwrap.wrap(about, WIDTH - 2):
            self.console.print(Text(f"  {line}", style="dim"))

    def line(self, who: str, what: str, answer: str, position: int | str | None = None, *, mood: str = "ok") -> None:
        """Tell one act; ``mood``: ok, no (refused, as it should be) or bad."""
        row = Table.grid(padding=(0, 2, 0, 0))
        for width in (_WHO, _WHAT, _ANSWER, _POSITION):
            row.add_column(width=width, overflow="fold")
        shown = f"#{position}" if position else ""
        row.add_row(Text(who, "bold"), Text(what), Text(answer, _STYLES[mood]), Text(shown, "cyan"))
        self.console.print(row)

    def note(self, text: str) -> None:
        """Say something about the story itself."""
        for line in text.splitlines():
            self.console.print(Text(line))

    def quote(self, text: str) -> None:
        """Show what a program printed, indented."""
        for line in text.rstrip().splitlines():
            self.console.print(Text(f"  | {line}", style="dim"), overflow="fold")

    def table(self, title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
        """Print a table."""
        table = Table(title=Text(title, "bold"), title_justify="left", box=None, padding=(0, 2, 0, 0))
        for name in columns:
            table.add_column(Text(name, "bold"), overflow="fold")
        for row in rows:
            table.add_row(*map(Text, row))
        self.console.print()
        self.console.print(table)

    def request(self, method: str, url: str, status: int, milliseconds: float) -> None:
        """Show a request, where --verbose asked for it; never a header, never a body: they may carry secrets."""
        if self.verbose:
            self.console.print(Text(f"    {method} {url} -> {status} ({milliseconds:.0f} ms)", "dim"), overflow="fold")
