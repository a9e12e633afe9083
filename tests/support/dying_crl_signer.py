"""``python -m tests.support.dying_crl_signer serve``: a backend that dies with the first CRL that it signs."""

from __future__ import annotations

from scripts.sslclm import main
from tests.support.dying_signer import die_after

if __name__ == "__main__":
    die_after("sign_crl")
    main()
