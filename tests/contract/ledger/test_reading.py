"""What every adapter of the ledger's port promises to those who read."""

from __future__ import annotations

import asyncio
import threading

import pytest

from domain.errors import InvalidInput, WrongState
from infra.ledger.export import import_ledger
from infra.ledger.proof.verify import verify_entries
from tests.support.ledger_stores import open_ledger
from tests.support.ledgers import draft, exported, hashed, verify


async def test_a_stream_is_read_in_order_from_a_version(ledger):
    """A stream's events come in order of version, those up to ``after`` left out."""
    await ledger.append(draft("a", events=3))
    await ledger.append(draft("b"))
    await ledger.append(draft("a", 4, events=2))

    assert [event.stream_version for event in ledger.stream("a")] == [1, 2, 3, 4, 5]
    assert [event.stream_version for event in ledger.stream("a", after=3)] == [4, 5]
    assert ledger.stream("nobody") == []


async def test_entries_come_whole(ledger):
    """Reading from inside an entry gives that whole entry first, and never more entries than asked for."""
    stored = [await ledger.append(draft(f"s{n}", events=3)) for n in range(5)]

    assert ledger.entries(stored[1].first_position + 1, limit=2) == stored[1:3]
    assert ledger.entries(stored[-1].last_position, limit=9) == stored[-1:]
    assert len(ledger.entries(0)) == 6


async def test_reads_past_the_head_are_empty(ledger):
    """Asking for positions that are not there yet answers nothing, so that a follower can wait."""
    await ledger.append(draft("a", events=2))

    assert ledger.entries(ledger.head().position + 1) == []
    assert ledger.entries(10**9) == []


async def test_readers_see_a_growing_prefix_while_others_write(ledger):
    """While writers are busy, every read is a verifying prefix of the final ledger and never shrinks."""
    done, seen = threading.Event(), []

    def read():
        while not done.is_set():
            seen.append([entry.entry_hash for entry in ledger.entries(1, limit=10_000)])

    reader = threading.Thread(target=read)
    reader.start()
    await asyncio.gather(*(ledger.append(draft(f"s{n}", events=2)) for n in range(300)))
    done.set()
    reader.join()
    final = [entry.entry_hash for entry in ledger.entries(1, limit=10_000)]

    assert all(hashes == final[: len(hashes)] for hashes in seen)
    assert [len(hashes) for hashes in seen] == sorted(len(hashes) for hashes in seen)


async def test_two_instances_share_one_chain(store, ledger):
    """Two instances on one place append to one chain, each sees the other's entries, uniqueness holds across both."""
    other = open_ledger(store.spec)
    answers = await asyncio.gather(
        *(which.append(draft(f"s{n}")) for n in range(100) for which in (ledger, other)), return_exceptions=True
    )
    stored = ledger.entries(1, limit=1000)
    seen = other.entries(1, limit=1000)
    other.close()

    assert len([answer for answer in answers if not isinstance(answer, Exception)]) == 100
    assert stored == seen
    assert verify_entries(stored).finding is None


async def test_erased_details_still_verify(store, ledger):
    """Erasing the details of an entry changes no hash; the verdict counts the entry as redacted."""
    entry = await ledger.append(draft("a", details={"reason": "personal"}))
    await ledger.append(draft("b", details={"reason": "kept"}))
    before = ledger.head()
    erased = store.erase(ledger, entry.first_position)
    again = store.erase(ledger, entry.first_position)
    verdict = verify(exported(ledger))

    assert (erased, again) == (True, False)
    assert ledger.entries(entry.first_position, limit=1)[0].details is None
    assert ledger.head() == before
    assert (verdict.holds, verdict.redacted) == (True, 1)


async def test_an_export_is_taken_into_an_empty_ledger_unchanged(tmp_path, ledger, other_place):
    """An import, into either store, has the same bytes as the exporting ledger: its own export is the same file."""
    for number in range(20):
        await ledger.append(draft(f"s{number}", events=1 + number % 4, details={"n": number}, key=hashed(f"k{number}")))
    erased = await ledger.append(draft("e", details={"reason": "erased before"}))
    ledger.erase_details(erased.first_position)
    data = exported(ledger)
    file = tmp_path / "export.jsonl"
    file.write_bytes(data)
    copy = open_ledger(other_place)
    import_ledger(file, copy)
    copied, verdict = exported(copy), copy.verify()
    copy.close()

    assert copied == data
    assert (verdict.holds, verdict.redacted) == (True, 1)


async def test_a_broken_export_leaves_an_empty_ledger(tmp_path, ledger, other_place):
    """What does not verify to its end leaves nothing behind, and only an empty ledger is imported into."""
    for number in range(5):
        await ledger.append(draft(f"s{number}"))
    file = tmp_path / "export.jsonl"
    file.write_bytes(exported(ledger).replace(b'"recorded_at_us":17', b'"recorded_at_us":18'))
    copy = open_ledger(other_place)
    with pytest.raises(InvalidInput):
        import_ledger(file, copy)
    left = copy.head().position
    copy.close()

    assert left == 0
    with pytest.raises(WrongState, match="already has entries"):
        ledger.restore(ledger.entries(1))


async def test_an_untouched_ledger_holds(ledger):
    """The ledger verifies where it stands, takes some room, and says that it could take an entry."""
    await ledger.append(draft("a", details={"reason": "x"}))

    assert ledger.verify().holds
    assert ledger.size() > 0
    assert ledger.obstacle() == ""
