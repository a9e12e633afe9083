"""``python -m tests.support.dying_signer serve``: a backend whose process dies right after its CA key has signed.

The signature exists and nobody has recorded it: the worst moment. ``dying_crl_signer`` dies with the first CRL.
"""

from __future__ import annotations

import os

from infra.issuers.internal import InternalIssuers
from scripts.sslclm import main

EXIT = 86


def die_after(method: str) -> None:
    """Let the process end, without a word, as soon as this method of the issuers has its signature."""
    true = getattr(InternalIssuers, method)

    async def dying(self: InternalIssuers, *given: object) -> bytes:
        await true(self, *given)
        os._exit(EXIT)

    setattr(InternalIssuers, method, dying)


if __name__ == "__main__":
    die_after("sign")
    main()
