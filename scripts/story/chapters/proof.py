"""Chapter 14: the ledger proves itself; a single changed bit is found without the server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from scripts.story.people import CommandLine
from scripts.story.place import ROOT, StoryError
from scripts.story.processes import BARE
from scripts.story.scene import Scene

_ABOUT = (
    "Everything above is in one hash-chained ledger. The server checks it; then its export is checked by a program "
    "that needs neither server nor network. Every look at audit data is itself recorded, so the export holds more than "
    "the server's check counted a moment before."
)
_TIMEOUT_S = 60


def live(scene: Scene) -> None:
    """Verify, export, verify offline, flip one bit, verify again."""
    scene.teller.chapter("14  Proof", _ABOUT)
    vera = CommandLine(scene.place, "vera")
    scene.teller.line("Vera", "sslclm audit verify", "")
    scene.teller.quote(vera.run("audit", "verify"))
    scene.place.export.unlink(missing_ok=True)
    vera.run("audit", "export", scene.place.export)
    scene.teller.line("Vera", "sslclm audit export", scene.place.export.name)
    verdict = _verified(scene.place.export)
    if not verdict["holds"]:
        raise StoryError(f"the export does not verify: {verdict}")
    shown = f"holds: {verdict['entries']} entries, {verdict['events']} events"
    scene.teller.line("Vera", f"sslclm-verify {scene.place.export.name}", shown, verdict["events"])
    _flip(scene, verdict["events"])


def _flip(scene: Scene, events: int) -> None:
    """Change one bit of one event in a copy, in the middle, and have it found."""
    copy = scene.place.folder / "ledger-forged.jsonl"
    position = _with_one_bit_flipped(scene.place.export, copy, events // 2)
    verdict = _verified(copy)
    bad = verdict["finding"] or {}
    if verdict["holds"] or bad.get("position") != position:
        raise StoryError(f"one bit was flipped at position {position}, and the verifier says {verdict}")
    scene.teller.line("a forger", f"flips one bit at position {position} of a copy", copy.name, mood="bad")
    shown = f"TAMPERED at position {bad['position']}: {bad['check']}"
    scene.teller.line("Vera", "sslclm-verify on the copy", shown, position, mood="no")


def _with_one_bit_flipped(export: Path, copy: Path, wanted: int) -> int:
    """Flip a bit in the nonce of the event at or after ``wanted``; returns its position."""
    lines = export.read_text().splitlines(keepends=True)
    for number, line in enumerate(lines[1:-1], 1):
        entry = json.loads(line)
        if entry["first_position"] >= wanted:
            nonce = entry["events"][0]["nonce"]
            lines[number] = line.replace(nonce, _flipped(nonce), 1)
            copy.touch(mode=0o600)  # what it tells is as confidential as the export
            copy.write_text("".join(lines))
            return int(entry["first_position"])
    raise StoryError("the export is too short to forge")


def _flipped(base64_text: str) -> str:
    """Flip the lowest bit of the first byte's upper six: one letter of base64 changes, and stays canonical."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return alphabet[alphabet.index(base64_text[0]) ^ 1] + base64_text[1:]


def _verified(export: Path) -> dict[str, Any]:
    """Run ``sslclm-verify --json``."""
    done = subprocess.run(  # noqa: S603 - our own program, arguments as a list
        [sys.executable, "-m", "scripts.verify", "--json", str(export)],
        env=BARE, cwd=ROOT, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S,
    )  # fmt: skip
    try:
        verdict: dict[str, Any] = json.loads(done.stdout)
    except ValueError as error:
        raise StoryError(f"sslclm-verify could not check {export}: {done.stdout}{done.stderr}") from error
    return verdict
