"""The golden ledger: our hashes, the file and an independent computation agree."""

from __future__ import annotations

import json
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from struct import pack

from commands.ports.ledger import EntryDraft, EventDraft, Head
from infra.ledger.chain import chain
from infra.ledger.proof.hashing import ZERO_HASH, hashes_of, metadata_hash
from infra.ledger.proof.lines import read_line, write_entry
from infra.ledger.proof.tree import Frontier
from tests.support.ledgers import verify

VECTORS = Path(__file__).parents[2] / "vectors" / "ledger"
EXPORT = (VECTORS / "tiny.jsonl").read_bytes()
LINES = EXPORT.splitlines(keepends=True)
EXPECTED = json.loads((VECTORS / "tiny.hashes.json").read_bytes())


def test_the_golden_export_holds():
    """The verifier accepts the golden export and finds its head and root."""
    verdict = verify(EXPORT)

    assert (verdict.holds, verdict.entries, verdict.events, verdict.redacted) == (True, 3, 5, 1)
    assert (verdict.head, verdict.tree_root) == (EXPECTED["head"], EXPECTED["tree_roots"]["5"])


def test_every_hash_is_the_golden_one():
    """M, leaves, entry hashes and the root at every tree size are the fixed ones."""
    frontier = Frontier()
    roots = {"0": frontier.root().hex()}
    for line, expected in zip(LINES[1:-1], EXPECTED["entries"], strict=True):
        entry = read_line(line)
        leaves, entry_hash = hashes_of(entry)

        assert metadata_hash(entry.metadata_salt, entry.metadata).hex() == expected["metadata_hash"]
        assert [leaf.hex() for leaf in leaves] == expected["leaf_hashes"]
        assert entry.entry_hash.hex() == entry_hash.hex() == expected["entry_hash"]
        for leaf in leaves:
            frontier.add([leaf])
            roots[str(frontier.size)] = frontier.root().hex()

    assert roots == EXPECTED["tree_roots"]


def test_the_writer_makes_the_golden_entries():
    """Chaining the golden drafts with the golden salts and times gives the golden lines, byte for byte."""
    head = Head(0, ZERO_HASH)
    for line in LINES[1:-1]:
        golden = read_line(line)
        events = tuple(EventDraft(e.stream_id, e.stream_version, e.topic, e.state) for e in golden.events)
        drawn = golden.metadata_salt + b"".join(event.nonce for event in golden.events)
        draft = EntryDraft(events, golden.metadata, golden.details, golden.idempotency)
        entry = chain(draft, drawn, head, golden.recorded_at_us)
        head = Head(entry.last_position, entry.entry_hash)

        assert write_entry(entry) == line


def _lp(data):
    return pack(">I", len(data)) + data


def test_an_independent_computation_agrees():
    """A few lines of hashlib and struct, written from the format's description alone, find the same hashes."""
    previous = bytes(32)
    for line in LINES[1:-1]:
        e = json.loads(line)
        first, at, n = e["first_position"], e["recorded_at_us"], len(e["events"])
        meta = sha256(b64decode(e["metadata_salt"]) + b64decode(e["metadata"])).digest()
        leaves = b""
        for k, v in enumerate(e["events"]):
            names = _lp(v["stream_id"].encode()) + _lp(v["topic"].encode())
            numbers = pack(">QIIQQ", first + k, k, n, at, v["stream_version"])
            body = numbers + names + meta + b64decode(v["nonce"]) + _lp(b64decode(v["state"]))
            leaves += sha256(b"\x00sslclm.event.v1\x00" + body).digest()
        previous = sha256(b"sslclm.entry.v1\x00" + pack(">QQI", first, at, n) + previous + meta + leaves).digest()

        assert previous == b64decode(e["entry_hash"])
    assert previous.hex() == EXPECTED["head"]
