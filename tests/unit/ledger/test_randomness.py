"""Random bytes fetched many at a time."""

from __future__ import annotations

import os
from uuid import UUID

from infra.randomness import RandomPool


def test_no_byte_is_given_twice(monkeypatch):
    """Every piece of what the operating system gave is handed out once, in order, and nothing is invented."""
    given = []

    def urandom(count):
        given.append(bytes(number % 251 for number in range(len(given), len(given) + count)))
        return given[-1]

    monkeypatch.setattr(os, "urandom", urandom)
    pool = RandomPool()

    drawn = [pool(count) for count in (1, 20, 0, 4_000, 100)]

    assert drawn[:4] == [given[0][:1], given[0][1:21], b"", given[0][21:4_021]]
    assert drawn[4] == given[1][:100]


def test_more_than_a_piece_comes_from_the_system_directly():
    """A long request gets as many bytes as it asks for."""
    assert len(RandomPool()(10_000)) == 10_000


def test_a_uuid_is_of_version_4():
    """Ids are random UUIDs, each another one."""
    pool = RandomPool()
    made = {pool.uuid() for _ in range(1_000)}

    assert len(made) == 1_000
    assert {UUID(one).version for one in made} == {4}


def test_a_forked_child_draws_anew():
    """Parent and child never give out the same bytes."""
    pool = RandomPool()
    pool(1)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, pool(16))
        os._exit(0)
    os.waitpid(child, 0)

    assert os.read(reading, 16) != pool(16)
