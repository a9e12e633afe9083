"""Reading and verifying an export file: streaming, entry by entry, whatever the bytes are."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from io import BufferedIOBase, BufferedReader

from infra.ledger.proof.lines import ExportedEntry, Header, Trailer, read_header, read_line
from infra.ledger.proof.rules import ENTRY_BYTES, RuleBroken
from infra.ledger.proof.verdict import CannotCheck, Tampered, Verdict
from infra.ledger.proof.verify import ChainVerifier, Start

LINE_BYTES = 4 * ENTRY_BYTES
"""The longest line that is read: an entry of the greatest size in base64, with room for escapes."""

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"


class ExportReader:
    """An export file while it is read and verified.

    Raises :class:`CannotCheck` where the file is no export that this
    version knows. Iterating yields the verified entries and raises :class:`Tampered` at the first thing that does
    not hold, a missing last line included.
    """

    def __init__(self, stream: BufferedReader) -> None:
        self._stream = _uncompressed(stream)
        self.header = self._read_header()
        start = Start(self.header.first_position, self.header.tree_frontier, self.header.ledger_id, self.header.origin)
        self.verifier = ChainVerifier(start)
        self.trailer: Trailer | None = None

    def __iter__(self) -> Iterator[ExportedEntry]:
        while line := self._next_line():
            if self.trailer is not None:
                self.verifier.fail("line", "something follows the last line")
            read = self._parse(line)
            if isinstance(read, Trailer):
                self._check_trailer(read)
                self.trailer = read
            else:
                self.verifier.feed(read)
                yield read
        if self.trailer is None:
            self.verifier.fail("cut-off", "the file ends without its last line")

    def verify(self) -> Verdict:
        """Read to the end and say what holds."""
        try:
            for _ in self:
                pass
        except Tampered as tampered:
            return self.verifier.verdict(*self.notes(), finding=tampered.finding)
        return self.verifier.verdict(*self.notes())

    def notes(self) -> list[str]:
        """Say what reading alone did not prove."""
        notes = ["signatures were not checked: the chain alone does not stop whoever owns the database"]
        if self.trailer is not None and self.trailer.checkpoints:
            notes.append(f"{len(self.trailer.checkpoints)} checkpoints in the file were not checked")
        return notes

    def _read_header(self) -> Header:
        try:
            line = self._stream.readline(LINE_BYTES)
            return read_header(line)
        except RuleBroken as broken:
            raise CannotCheck(f"this is no ledger export: {broken}") from None
        except (OSError, EOFError, zlib.error) as error:
            raise CannotCheck(f"the file cannot be read: {error}") from None

    def _next_line(self) -> bytes:
        try:
            line = self._stream.readline(LINE_BYTES)
        except EOFError:
            self.verifier.fail("cut-off", "the compressed file ends before its end")
        except (gzip.BadGzipFile, zlib.error) as error:
            self.verifier.fail("compression", f"the compressed file is damaged: {error}")
        except OSError as error:
            raise CannotCheck(f"the file cannot be read: {error}") from None
        if line and not line.endswith(b"\n"):
            self.verifier.fail("cut-off", "a line has no end, or is longer than any entry can be")
        return line

    def _parse(self, line: bytes) -> ExportedEntry | Trailer:
        try:
            return read_line(line)
        except RuleBroken as broken:
            self.verifier.fail(broken.check, str(broken))

    def _check_trailer(self, trailer: Trailer) -> None:
        verifier = self.verifier
        if trailer.entries != verifier.entries or not verifier.entries:
            verifier.fail("count", f"the last line counts {trailer.entries} entries, the file has {verifier.entries}")
        events = verifier.next_position - self.header.first_position
        if trailer.events != events:
            verifier.fail("count", f"the last line counts {trailer.events} events, the file has {events}")
        if trailer.head != verifier.prev_hash:
            verifier.fail("head", "the last line names another head than the last entry")


def _uncompressed(stream: BufferedReader) -> BufferedIOBase:
    try:
        magic = stream.peek(len(_ZSTD))[: len(_ZSTD)]
    except OSError as error:
        raise CannotCheck(f"the file cannot be read: {error}") from None
    if magic == _ZSTD:
        raise CannotCheck("this program does not read zstandard: unpack the file first (zstd -d FILE)")
    return gzip.GzipFile(fileobj=stream) if magic.startswith(_GZIP) else stream
