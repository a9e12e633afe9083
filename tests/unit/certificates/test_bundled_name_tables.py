"""The tables that come with the packages answer as the port says."""

from __future__ import annotations

import pytest

from infra.names import BundledNameTables


@pytest.fixture(scope="module")
def tables():
    return BundledNameTables()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("com", True),
        ("co.uk", True),
        ("github.io", True),
        ("test", True),
        ("xn--p1ai", True),
        ("shop.test", False),
        ("example.com", False),
    ],
)
def test_public_suffixes(tables, name, expected):
    """Both sections of the list count, and an unknown top-level name is a public suffix."""
    assert expected == tables.is_public_suffix(name)


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("xn--mnchen-3ya", True),
        ("xn--", False),
        ("xn--a", False),
        ("xn--zzzzzz99", False),
        ("xn--shop-", False),
        ("xn--MNCHEN-3ya", False),
    ],
)
def test_a_labels(tables, label, expected):
    """Only a label that decodes and encodes back to itself is an A-label."""
    assert expected == tables.is_valid_a_label(label)
