"""``sslclm-verify``: check an exported ledger offline, trusting nobody who owns a database.

Exit code 0: all that was asked holds. 1: tampering or a cut-off file. 2: it cannot be checked.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from io import BufferedReader
from pathlib import Path
from typing import TextIO

from infra.ledger.proof.export import ExportReader
from infra.ledger.proof.verdict import CannotCheck, Tampered, Verdict

HOLDS, TAMPERED, CANNOT_CHECK = 0, 1, 2

_PROGRESS_EVERY = 20_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify one export and return the exit code; what was found goes to stdout, progress to a terminal's stderr."""
    asked = _parser().parse_args(arguments)
    try:
        _refuse_unbuilt(asked)
        with Path(asked.export).open("rb") as stream:
            verdict = _verify(stream, sys.stderr)
    except (CannotCheck, OSError, ValueError) as reason:
        return _cannot_check(str(reason), as_json=asked.json)
    try:
        print(json.dumps(verdict.as_json(), indent=2) if asked.json else _report(verdict))
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output has gone; the exit code still says what was found.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return HOLDS if verdict.holds else TAMPERED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sslclm-verify", description="Verify an exported ledger offline.")
    parser.add_argument("export", metavar="EXPORT", help="the export file (JSON Lines, plain or .gz)")
    parser.add_argument("--key", metavar="FILE", help="verifier keys of the checkpoints, one a line")
    parser.add_argument("--checkpoint", metavar="FILE", action="append", default=[], help="a checkpoint kept elsewhere")
    parser.add_argument("--witness-key", metavar="FILE", help="verifier keys of the witnesses, one a line")
    parser.add_argument("--quorum", metavar="N", type=int, help="how many witnesses must have cosigned")
    parser.add_argument("--json", action="store_true", help="print the verdict as JSON")
    return parser


def _refuse_unbuilt(asked: argparse.Namespace) -> None:
    """Signatures are not built in yet; an answer without them would look like a proof."""
    if asked.key or asked.checkpoint or asked.witness_key or asked.quorum is not None:
        raise CannotCheck("this version does not check signatures of checkpoints and witnesses yet")


def _verify(stream: BufferedReader, progress: TextIO) -> Verdict:
    reader = ExportReader(stream)
    show = progress.isatty()
    try:
        for count, entry in enumerate(reader, 1):
            if show and count % _PROGRESS_EVERY == 0:
                print(f"\r{count} entries, position {entry.first_position}", end="", file=progress, flush=True)
    except Tampered as tampered:
        return reader.verifier.verdict(*reader.notes(), finding=tampered.finding)
    finally:
        if show:
            print("\r\033[K", end="", file=progress, flush=True)
    return reader.verifier.verdict(*reader.notes())


def _report(verdict: Verdict) -> str:
    first = verdict.first_position
    lines = [
        f"ledger     {verdict.ledger_id} ({verdict.origin})",
        f"read       {verdict.entries} entries, {verdict.events} events from position {first}",
        f"head       {verdict.head}",
        f"tree root  {verdict.tree_root}",
        *(f"note       {note}" for note in verdict.notes),
    ]
    if verdict.finding is None:
        return "\n".join([*lines, "HOLDS      the chain is whole from the first line to the last"])
    bad = verdict.finding
    return "\n".join([*lines, f"TAMPERED   at position {bad.position}: {bad.check}: {bad.message}"])


def _cannot_check(reason: str, *, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"holds": None, "cannot_be_checked": reason}))
    else:
        print(f"cannot be checked: {reason}", file=sys.stderr)
    return CANNOT_CHECK


if __name__ == "__main__":
    sys.exit(main())
