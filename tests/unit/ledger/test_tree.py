"""The RFC 6962 tree."""

from __future__ import annotations

from hashlib import sha256

import pytest

from infra.ledger.proof.tree import Frontier, node_hash

# The eight test inputs and their root are the reference values of Certificate Transparency's own Merkle tree tests.
INPUTS = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657",
                                           "606162636465666768696a6b6c6d6e6f")]  # fmt: skip
ROOT = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def _recursive(leaves):
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return node_hash(_recursive(leaves[:split]), _recursive(leaves[split:]))


def test_the_reference_root():
    """The tree of the well-known eight inputs has the well-known root."""
    frontier = Frontier()
    frontier.add(sha256(b"\x00" + data).digest() for data in INPUTS)

    assert frontier.root().hex() == ROOT


@pytest.mark.parametrize("size", range(1, 70))
def test_the_root_is_the_recursive_definition_at_every_size(size):
    """The frontier's root is RFC 6962's recursive definition, also when it is taken up half way."""
    leaves = [sha256(bytes([n])).digest() for n in range(size)]
    half = Frontier()
    half.add(leaves[: size // 2])
    resumed = Frontier(half.size, half.roots)
    resumed.add(leaves[size // 2 :])

    assert resumed.root() == _recursive(leaves)


def test_a_frontier_that_does_not_fit_its_size_is_refused():
    """There is one root per bit of the size."""
    with pytest.raises(ValueError, match="2 full subtrees"):
        Frontier(5, [bytes(32)])
