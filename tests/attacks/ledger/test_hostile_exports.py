"""Exports that somebody changed, cut or made up.

Harm prevented: a verifier that crashes, or that says a changed history holds.
"""

from __future__ import annotations

import gzip
import json
from io import BufferedReader, BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InvalidInput
from infra.ledger.export import import_ledger
from infra.ledger.proof.export import ExportReader
from infra.ledger.proof.lines import read_line
from infra.ledger.proof.verdict import CannotCheck
from infra.ledger.sqlite import SqliteLedger
from tests.support.ledgers import now, verify

EXPORT = (Path(__file__).parents[2] / "vectors" / "ledger" / "tiny.jsonl").read_bytes()
LINES = EXPORT.splitlines(keepends=True)
GOLDEN = verify(EXPORT)


def _outcome(data):
    try:
        return verify(data)
    except CannotCheck:
        return None


def _entries(data):
    """Return the entries of an export that was found to hold."""
    return list(ExportReader(BufferedReader(BytesIO(data))))


def _edited(number, **changes):
    """Return the export with members of one line replaced; None removes a member."""
    fields = {**json.loads(LINES[number]), **changes}
    line = json.dumps({name: value for name, value in fields.items() if value is not None}).encode() + b"\n"
    return b"".join([*LINES[:number], line, *LINES[number + 1 :]])


def _assert_same_history(data):
    """Whatever holds must be the history that was exported, byte for byte in everything that is hashed."""
    assert _entries(data) == _entries(EXPORT) or _without_details(data) == _without_details(EXPORT)


def _without_details(data):
    return [(e.entry_hash, e.metadata, e.events) for e in _entries(data)]


@settings(max_examples=600)
@given(st.integers(0, len(EXPORT) - 1), st.integers(0, 7))
def test_a_flipped_bit_is_found_or_harmless(place, bit):
    """A flipped bit anywhere never crashes the verifier and never lets a changed history hold."""
    data = bytearray(EXPORT)
    data[place] ^= 1 << bit
    verdict = _outcome(bytes(data))
    if verdict is not None and verdict.holds:
        _assert_same_history(bytes(data))


def test_every_flipped_bit_of_every_field_is_found():
    """Within an entry's line every bit of every hashed value counts: none can be flipped and still hold."""
    start = len(LINES[0]) + len(LINES[1])
    line = LINES[2]
    for name in (
        b'"entry_hash":"',
        b'"prev_hash":"',
        b'"metadata_salt":"',
        b'"metadata":"',
        b'"nonce":"',
        b'"state":"',
    ):
        place = start + line.index(name) + len(name)
        for bit in range(8):
            data = bytearray(EXPORT)
            data[place] ^= 1 << bit

            assert not verify(bytes(data)).holds


@settings(max_examples=300)
@given(st.integers(0, len(EXPORT) - 1), st.integers(0, 40), st.binary(max_size=40))
def test_replaced_bytes_are_found_or_harmless(place, length, other):
    """Bytes cut out and replaced by others never crash the verifier and never let a changed history hold."""
    data = EXPORT[:place] + other + EXPORT[place + length :]
    verdict = _outcome(data)
    if verdict is not None and verdict.holds:
        _assert_same_history(data)


@given(st.binary(max_size=300))
def test_any_bytes_are_answered(data):
    """Bytes that are no export are answered as such."""
    assert _outcome(data) is None
    assert not _outcome(LINES[0] + data).holds
    assert _outcome(b"\x1f\x8b" + data) is None


def test_a_cut_file_never_holds():
    """A file that was cut anywhere is cut off, or no export at all."""
    verdicts = [_outcome(EXPORT[:length]) for length in range(len(EXPORT))]
    header = len(LINES[0])

    assert verdicts[: header - 1] == [None] * (header - 1)
    assert {verdict.finding.check for verdict in verdicts[header:]} == {"cut-off"}


@pytest.mark.parametrize(
    ("check", "data"),
    [
        ("position", EXPORT.replace(LINES[2], b"")),
        ("position", b"".join([LINES[0], LINES[1], LINES[3], LINES[2], LINES[4]])),
        ("position", EXPORT.replace(LINES[2], LINES[2] * 2)),
        ("cut-off", b"".join(LINES[:-1])),
        ("cut-off", EXPORT[:-1]),
        ("count", b"".join([*LINES[:-2], LINES[-1]])),
        ("count", _edited(4, entries=4)),
        ("count", _edited(4, events=4)),
        ("head", _edited(4, head=json.loads(LINES[1])["entry_hash"])),
        ("line", EXPORT + b"\n"),
        ("line", EXPORT + LINES[-1]),
        ("line", _edited(2, surplus=1)),
        ("line", _edited(2, recorded_at_us="1790000000500001")),
        ("line", _edited(2, first_position=True)),
        ("line", _edited(2, events=[1])),
        ("line", _edited(2, metadata=None)),
        ("line", _edited(4, checkpoints=[1])),
        ("size", _edited(2, events=[])),
        ("json", EXPORT.replace(b'"recorded_at_us":17', b'"first_position":1,"recorded_at_us":17', 1)),
        ("json", EXPORT.replace(b'"recorded_at_us":1790000000000000', b'"recorded_at_us":1790000000000000.0')),
        ("json", EXPORT.replace(b'"recorded_at_us":1790000000000000', b'"recorded_at_us":1e400')),
        ("base64", EXPORT.replace(b"=", b"", 1)),
        ("base64", _edited(2, prev_hash="ünicode")),
        ("genesis", EXPORT.replace(b"ledger.example", b"logger.example")),
        ("genesis", EXPORT.replace(b'"ledger_id":"0', b'"ledger_id":"1', 1)),
    ],
)  # fmt: skip
def test_a_changed_file_is_named(check, data):
    """Whatever is done to the lines is found and named by the check that found it."""
    assert verify(data).finding.check == check


def test_erasing_details_is_no_tampering_and_is_told():
    """Taking out details leaves the history whole; the verdict counts them as erased."""
    verdict = verify(_edited(2, details=None))

    assert (verdict.holds, verdict.redacted, verdict.head) == (True, 2, GOLDEN.head)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"{}\n",
        LINES[0].replace(b"export/1", b"export/2") + b"".join(LINES[1:]),
        b"\x28\xb5\x2f\xfd" + EXPORT,
        _edited(0, first_position=0),
        _edited(0, first_position=4),
        _edited(0, tree_frontier=["AAAA"]),
        _edited(0, origin="two words"),
    ],
)
def test_what_is_no_export_cannot_be_checked(data):
    """Unknown formats are told apart from tampering."""
    with pytest.raises(CannotCheck):
        verify(data)


def test_a_compressed_export_is_read_and_a_damaged_one_found():
    """Gzip is read; a cut or damaged one never holds."""
    packed = gzip.compress(EXPORT)
    damaged = bytearray(packed)
    damaged[-6] ^= 1

    assert verify(packed) == GOLDEN
    assert verify(packed[:-9]).finding.check == "cut-off"
    assert verify(bytes(damaged)).finding.check == "compression"


def test_a_line_longer_than_any_entry_is_not_swallowed(monkeypatch):
    """A line without end is refused after the longest possible entry instead of being read into memory."""
    monkeypatch.setattr("infra.ledger.proof.export.LINE_BYTES", 4096)

    assert verify(LINES[0] + b'{"a":"' + b"x" * 100_000).finding.check == "cut-off"


@pytest.mark.parametrize("data", [EXPORT.replace(LINES[2], b""), b"".join(LINES[:-1]), b"junk", EXPORT + b"x\n"])
def test_an_import_of_what_does_not_verify_stores_nothing(tmp_path, data):
    """An import is all or nothing: after a refusal the ledger is still empty, and the file says why."""
    file = tmp_path / "export.jsonl"
    file.write_bytes(data)
    with SqliteLedger(tmp_path / "copy.db", clock=now) as copy:
        with pytest.raises(InvalidInput, match="was not imported"):
            import_ledger(file, copy)

        assert copy.head().position == 0


def test_the_golden_lines_are_read_back():
    """The reader hands out exactly the entries of the file."""
    assert _entries(EXPORT) == [read_line(line) for line in LINES[1:-1]]
