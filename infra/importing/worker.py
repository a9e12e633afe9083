"""The process that reads what people upload: bounded in time, memory and files, and without a way out.

It gets one JSON document on its standard input and writes one on its standard output. Before it looks at a single
foreign byte it gives up the means to open anything: no file, no socket. What is in the files can cost it its life and
nothing else.
"""

from __future__ import annotations

import base64
import codecs
import importlib
import json
import os
import pkgutil
import resource
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import cryptography

from domain.certificates.chains import Chain, rebuild
from domain.certificates.fingerprints import fingerprint
from domain.certificates.foreign import ForeignCertificate, read_foreign
from domain.errors import InvalidInput
from infra.importing.containers import read_container
from infra.importing.keys import spki_of
from infra.importing.pieces import Passwords, Pieces, Unreadable

CPU_SECONDS = 6
MEMORY_BYTES = 1 << 30
_LIMITS = (
    (resource.RLIMIT_CPU, CPU_SECONDS),
    (resource.RLIMIT_AS, MEMORY_BYTES),
    (resource.RLIMIT_FSIZE, 0),
    (resource.RLIMIT_CORE, 0),  # a core file would hold keys
    (resource.RLIMIT_NOFILE, 3),  # nothing is opened any more: no URL of a certificate can ever be fetched
)


def restrain() -> None:
    """Give up what reading does not need; for good."""
    _load()
    for limit, most in _LIMITS:
        resource.setrlimit(limit, (most, most))
    warnings.simplefilter("ignore")  # what the library will refuse some day is refused here by its own rules


def _load() -> None:
    """Load what the library and the interpreter would load from files at first use, which is too late then."""
    for codec in ("utf-8", "utf-16-be", "latin-1", "ascii"):
        codecs.lookup(codec)
    for module in pkgutil.walk_packages(cryptography.__path__, "cryptography."):
        importlib.import_module(module.name)


def read_upload(files: Sequence[Mapping[str, Any]], passwords: Passwords) -> dict[str, Any]:
    """Return ``found`` and ``left`` of an upload: chains by signature, keys beside the leaves that they fit."""
    left: list[dict[str, str]] = []
    origins: dict[str, dict[str, None]] = {}
    certificates: list[ForeignCertificate] = []
    keys: dict[str, tuple[str, bytes]] = {}
    for file in files:
        name = str(file["name"])
        pieces = _read_file(base64.b64decode(file["content"]), passwords)
        keys |= {fingerprint(spki_of(one)): (name, one) for one in pieces.keys}
        for one in _certificates(pieces):
            certificates.append(one)
            origins.setdefault(one.fingerprint, {})[name] = None
        left += [{"file": name, "what": what, "rule": rule, "fix": fix} for what, rule, fix in pieces.left]
    rebuilt = rebuild(certificates)
    left += [_authority(one, origins[one.fingerprint]) for one in rebuilt.authorities]
    found = [_found(chain, origins[chain.leaf.fingerprint], keys) for chain in rebuilt.chains]
    left += [_lonely(name) for name, _ in keys.values() if name]
    return {"found": found, "left": left}


def _read_file(content: bytes, passwords: Passwords) -> Pieces:
    try:
        return read_container(content, passwords)
    except Unreadable as why:
        pieces = Pieces()
        pieces.leave(why)
        return pieces


def _certificates(pieces: Pieces) -> Iterable[ForeignCertificate]:
    read = []
    for der in pieces.certificates:
        try:
            read.append(read_foreign(der))
        except InvalidInput as why:
            pieces.leave(why)
    return read


def _found(chain: Chain, files: Iterable[str], keys: dict[str, tuple[str, bytes]]) -> dict[str, Any]:
    name, key = keys.get(chain.leaf.spki_sha256, ("", None))
    if key is not None:
        keys[chain.leaf.spki_sha256] = ("", key)
    return {
        "files": list(dict.fromkeys([*files, *([name] if name else [])])),
        "leaf": _text(chain.leaf.der),
        "chain": [_text(one.der) for one in chain.above],
        "key": _text(key) if key is not None else None,
    }


def _authority(one: ForeignCertificate, files: Iterable[str]) -> dict[str, str]:
    what = f"an authority's certificate that belongs to none of the others: serial {one.serial}"
    return {"file": ", ".join(files), "what": what, "rule": "import-authority", "fix": "nothing is to do"}


def _lonely(name: str) -> dict[str, str]:
    fix = "send its certificate along"
    return {"file": name, "what": "a private key without its certificate", "rule": "import-lonely-key", "fix": fix}


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def main() -> None:
    """Read standard input, restrain the process, read the files, write what was found."""
    asked = json.loads(sys.stdin.buffer.read())
    restrain()
    try:
        answer = read_upload(asked["files"], tuple(asked["passwords"]))
    except InvalidInput as refused:
        answer = {"refused": {"message": refused.message, "rule": refused.rule, "fix": refused.fix}}
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()
    os._exit(0)  # no finalizer of a foreign object runs


if __name__ == "__main__":
    main()
