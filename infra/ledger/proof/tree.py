"""The RFC 6962 (RFC 9162 section 2.1) Merkle tree over the leaves; index of a leaf = position - 1."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The roots of the full subtrees, largest first: all that is needed to go on and to know the root.

    ``size`` is the number of leaves so far; there is one subtree per bit that is set in it.
    """

    def __init__(self, size: int = 0, roots: Sequence[bytes] = ()) -> None:
        if len(roots) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} full subtrees, not {len(roots)}")
        self.size = size
        self._roots = list(roots)

    @property
    def roots(self) -> tuple[bytes, ...]:
        """The roots of the full subtrees, largest first."""
        return tuple(self._roots)

    def add(self, leaves: Iterable[bytes]) -> None:
        """Append leaves."""
        for leaf in leaves:
            joined, filled = leaf, self.size
            while filled & 1:
                joined = node_hash(self._roots.pop(), joined)
                filled >>= 1
            self._roots.append(joined)
            self.size += 1

    def root(self) -> bytes:
        """Return the tree's root; of an empty tree, SHA-256 of nothing."""
        if not self._roots:
            return sha256(b"").digest()
        *larger, root = self._roots
        for left in reversed(larger):
            root = node_hash(left, root)
        return root
