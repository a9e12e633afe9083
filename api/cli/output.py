"""What is printed: tables and cards for people, or exactly one JSON document for machines.

Every foreign string passes :func:`api.cli.text.safe` and reaches rich as ``Text``, never as markup.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from shutil import get_terminal_size
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from api.cli import text
from api.cli.errors import CliError
from api.cli.naming import looks_like_an_id

Row = Mapping[str, Any]
Cell = Callable[[Row], object]
WIDTH_WITHOUT_TERMINAL = 100
"""Columns, where COLUMNS does not say another number."""
NARROWEST = 40
_GAP = 2
_COLOURS = {
    "issued": "green", "fulfilled": "green", "served": "green", "enrolled": "green", "in-force": "green",
    "waiting": "yellow", "approved": "yellow", "planned": "yellow", "started": "yellow", "registered": "yellow",
    "removing": "yellow", "removed": "green", "removal-refused": "red", "refused": "red",
    "failed": "red", "rejected": "red", "revoked": "red", "disabled": "red", "abandoned": "red",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Out:
    """Where answers go. ``as_json``: one document on standard output; hints for people are left out."""

    as_json: bool
    now: Callable[[], datetime]
    zone: tzinfo | None = None

    def document(self, document: object) -> None:
        """Print the one JSON document; ASCII, so that nothing in it steers a terminal."""
        print(json.dumps(document, indent=1, ensure_ascii=True).replace("\x7f", "\\u007f"))  # noqa: T201 - its purpose

    def line(self, document: object) -> None:
        """Print one of many JSON documents, on a line of its own and at once."""
        print(json.dumps(document, ensure_ascii=True).replace("\x7f", "\\u007f"), flush=True)  # noqa: T201 - its purpose

    def table(self, columns: Mapping[str, Cell], rows: Sequence[Row], *, nothing: str) -> None:
        """Print rows; ``nothing`` is said where there are none."""
        if not rows:
            self.say(nothing)
            return
        console = _console()
        cells = [[self._cell(cell(row)) for cell in columns.values()] for row in rows]
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True, show_edge=False, header_style="bold")
        for name, width in zip(columns, _widths(list(columns), cells, console.width), strict=True):
            table.add_column(Text(name), overflow="fold", width=width)
        for each in cells:
            table.add_row(*each)
        console.print(table)

    def card(self, title: str, facts: Mapping[str, object]) -> None:
        """Print one object: its facts, those that are empty left out."""
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(style="bold", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in facts.items():
            if value not in (None, "", [], {}, ()):
                table.add_row(Text(text.safe(name)), self._cell(value))
        console = _console()
        console.print(Text(text.safe(title), style="bold"))
        console.print(table)

    def say(self, sentence: str, *, style: str = "") -> None:
        """Tell a person something; machines are told nothing."""
        if not self.as_json:
            _console().print(Text(text.safe(sentence), style=style), soft_wrap=True)

    def when(self, value: object) -> str:
        """Return a time as people read it."""
        return text.when(value, self.now(), self.zone)

    def day(self, value: object) -> str:
        """Return a time by its day, with its distance from now: narrower than :meth:`when`."""
        moment, *distance = self.when_lines(value)
        return " ".join((moment.partition(" ")[0], *(f"({one})" for one in distance)))

    def when_lines(self, value: object) -> list[str]:
        """Return a time for a table's narrow column: the moment, and below it the distance from now."""
        moment, _, distance = self.when(value).partition(" (")
        return [moment, distance.removesuffix(")")] if distance else [moment]

    def _cell(self, value: object) -> Text:
        if isinstance(value, (list, tuple)):
            return Text("\n").join(self._cell(one) for one in value) if value else Text("-")
        shown = text.safe("-" if value is None or value == "" else value)
        return Text(shown, style=_COLOURS.get(shown, ""))


def _widths(names: Sequence[str], cells: Sequence[Sequence[Text]], available: int) -> list[int | None]:
    """Return columns' widths, None for those that may shrink: where space is short, ids stay in one piece."""
    columns = list(zip(*cells, strict=True))
    lines = [[line for cell in column for line in cell.plain.split("\n")] for column in columns]
    wanted = [max(map(cell_len, (name, *column))) for name, column in zip(names, lines, strict=True)]
    if sum(wanted) + _GAP * (len(names) - 1) <= available:
        return [None] * len(names)
    ids = [max((len(line) for line in column if looks_like_an_id(line)), default=0) for column in lines]
    return [width or None for width in ids]


def warn(sentence: str) -> None:
    """Tell a person something on standard error, where it disturbs no document."""
    _console(stderr=True).print(Text(text.safe(sentence)), soft_wrap=True)


def complain(error: CliError) -> None:
    """Say on standard error what went wrong, what mends it, and where the server logged it."""
    lines = [Text.assemble(("sslclm: ", "bold red"), text.safe(error.message))]
    lines += [Text(f"        {text.safe(line)}") for line in (error.fix, *error.then) if line]
    if error.correlation_id:
        lines.append(Text(f"        correlation id {text.safe(error.correlation_id)}", style="dim"))
    _console(stderr=True).print(Text("\n").join(lines), soft_wrap=True)


def _console(*, stderr: bool = False) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else max(NARROWEST, get_terminal_size((WIDTH_WITHOUT_TERMINAL, 24)).columns)
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False, soft_wrap=False)
