"""A renewal storm is spread, paced and finished, and whoever works meanwhile hardly notices."""

from __future__ import annotations

import pytest

from tests.bench import bench_storm


@pytest.mark.serial
@pytest.mark.timeout(240)
def test_a_small_storm():
    """Three hundred at once: a hundred a round, all of them started, nothing left, requests as quick as before."""
    found = bench_storm.run(300, requests=120)

    print(found)
    assert (found["started"], found["left"], found["largest_round"], found["rounds"]) == (300, 0, 100, 3)
    assert found["p50_ratio"] < 2


@pytest.mark.full
@pytest.mark.serial
@pytest.mark.timeout(3_600)
def test_ten_thousand_at_once():
    """The memory stays flat, and of a hundred requests the slowest takes at most twice its quiet time."""
    found = bench_storm.run(10_000)

    print(found)
    assert (found["started"], found["left"], found["largest_round"]) == (10_000, 0, 100)
    assert found["p99_ratio"] <= 2
    assert found["rss_growth"] < 1.5
