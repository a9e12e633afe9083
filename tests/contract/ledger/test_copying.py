"""A ledger moves between stores byte for byte, and goes on where a copy was broken off."""

from __future__ import annotations

import pytest

from domain.errors import InvalidInput, WrongState
from infra.ledger.copying import copy_ledger
from infra.ledger.drafts import genesis_draft
from infra.ledger.sqlite import SqliteLedger
from tests.support.ledgers import LEDGER_ID, ORIGIN, draft, exported, hashed, now, without_triggers


@pytest.fixture
def source(tmp_path):
    """Give a ledger of 1,202 entries, some with details and keys, more than two pages."""
    with SqliteLedger(tmp_path / "source.sqlite", clock=now) as ledger:
        ledger.append_blocking(genesis_draft(LEDGER_ID, ORIGIN))
        ledger.append_blocking(draft("first", events=3, key=hashed("k"), details={"reason": "because"}))
        for n in range(1_200):
            ledger.append_blocking(draft(f"thing-{n}"))
        yield ledger


@pytest.fixture
def target(tmp_path):
    """Give an empty ledger."""
    with SqliteLedger(tmp_path / "target.sqlite", clock=now) as ledger:
        yield ledger


def quiet(*_):
    """Tell nobody."""


class BrokenOffError(Exception):
    """The copy was interrupted."""


def break_off(position, _until):
    """Interrupt a copy after its first page."""
    raise BrokenOffError(position)


def test_a_copy_is_the_same_bytes(source, target):
    """Exports of both are equal, and progress ends at the head."""
    told = []
    verdict = copy_ledger(source, target, lambda *at: told.append(at))

    assert exported(source) == exported(target)
    assert (verdict.holds, told[-1]) == (True, (source.head().position,) * 2)
    assert target.verify().holds


def test_a_copy_goes_on_where_it_was_broken_off(source, target):
    """What is there is compared and not stored again; what the source got meanwhile comes along."""
    with pytest.raises(BrokenOffError):
        copy_ledger(source, target, break_off)
    between = target.head().position
    source.append_blocking(draft("meanwhile"))
    copy_ledger(source, target, quiet)

    assert 0 < between < target.head().position
    assert exported(source) == exported(target)


def test_what_was_erased_is_erased_in_the_copy(source, target):
    """Details that were erased at the source after a first copy do not live on in the target."""
    copy_ledger(source, target, quiet)
    source.erase_details(2)
    copy_ledger(source, target, quiet)

    assert target.entries(2, limit=1)[0].details is None
    assert exported(source) == exported(target)


def test_the_copy_is_appended_to_as_the_source_was(source, target):
    """Keys and stream versions hold there, too."""
    copy_ledger(source, target, quiet)

    assert target.append_blocking(draft("thing-7", 2)).first_position == source.head().position + 1


@pytest.mark.parametrize("other", ["another ledger", "further on"])
def test_a_target_with_something_else_is_refused(source, target, other):
    """Nothing is added to a history that is not this one."""
    if other == "another ledger":
        target.append_blocking(genesis_draft("ff" * 16, ORIGIN))
    else:
        copy_ledger(source, target, quiet)
        target.append_blocking(draft("its-own"))
    head = target.head()
    with pytest.raises(WrongState, match="something else"):
        copy_ledger(source, target, quiet)

    assert head == target.head()


def test_a_tampered_source_is_refused_at_its_first_bad_position(source, target, tmp_path):
    """A copy of a falsehood would look as good as the truth."""
    with without_triggers(tmp_path / "source.sqlite") as connection:
        connection.execute("UPDATE event SET state = CAST('{}' AS BLOB) WHERE position = 900")
    with pytest.raises(InvalidInput, match="position 900"):
        copy_ledger(source, target, quiet)

    assert target.head().position < 900
    assert target.verify().holds


def test_entries_that_do_not_follow_are_refused(source, target):
    """Two copies at once, or a writer at the target: the second one stops."""
    with pytest.raises(WrongState):
        target.extend(source.entries(5, limit=2))

    assert target.head().position == 0
