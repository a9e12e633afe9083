"""Tables about names, out of the packages that carry them: the public suffix list and IDNA 2008."""

from __future__ import annotations

import idna
from publicsuffixlist import PublicSuffixList


class BundledNameTables:
    """``commands.ports.names.NameTables`` on the tables that were installed with this version; no network.

    Reading the public suffix list takes tens of milliseconds: make one and keep it.
    """

    def __init__(self) -> None:
        self._suffixes = PublicSuffixList()
        self._known = PublicSuffixList(accept_unknown=False, only_icann=True)

    def is_public_suffix(self, name: str) -> bool:
        """Tell whether ``name`` is a public suffix.

        Both sections of the list count: stricter than the ICANN section alone, which CA/B TLS Baseline Requirements
        3.2.2.6 ask for. Below a private suffix (``github.io``) strangers hold names just the same.
        """
        return bool(self._suffixes.is_public(name))

    def is_internal_name(self, name: str) -> bool:
        """Tell whether ``name`` ends in no suffix of the list's ICANN section, which follows IANA's root zone."""
        return self._known.publicsuffix(name.removeprefix("*.")) is None

    def is_valid_a_label(self, label: str) -> bool:
        """Tell whether the label survives decoding and encoding by IDNA 2008 (RFC 5891 section 4.4)."""
        try:
            return idna.alabel(idna.ulabel(label)) == label.encode("ascii")
        except UnicodeError:  # idna.IDNAError is one
            return False
