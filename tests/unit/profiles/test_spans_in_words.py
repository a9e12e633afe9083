"""Spans of time, as people say them."""

from __future__ import annotations

import pytest

from domain.moments import in_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (5_184_000, "60 days"), (172_800, "2 days"), (86_400, "24 hours"), (90_000, "25 hours"), (7_200, "2 hours"),
        (3_600, "3600 s"), (2_592_001, "2592001 s"), (0, "0 s"),
    ],
)  # fmt: skip
def test_a_span_is_said_in_its_largest_whole_unit(seconds, words):
    """Nothing is rounded: what is not whole is said in seconds."""
    assert words == in_words(seconds)
