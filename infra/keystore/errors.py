"""What the key store says where a plain error of the domain would hide the harm."""

from __future__ import annotations

from domain.errors import ClmError

RESTORE = "stop the server, find out who wrote to the key store, and restore it from a back-up"
"""What helps where stored bytes do not authenticate."""


class SecretAltered(ClmError):
    """Stored bytes do not authenticate: they were moved, altered, cut off or written under another key.

    Never retried and never the caller's fault: somebody or something wrote to the store behind the server's back.
    """

    rule = "key-store-integrity"
