"""Several processes that append to one ledger while a test does harm, and what must hold afterwards."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from infra.ledger.paging import walk
from tests.support.ledger_stores import open_ledger
from tests.support.mongod import until

ROOT = Path(__file__).parents[2]
END_S = 90


class Crowd:
    """Processes under load; a context manager that stops them."""

    def __init__(self, spec, processes, callers):
        self.spec, self.lines = spec, []
        self._processes = [self._start(f"p{number}", callers) for number in range(processes)]
        self._readers = [threading.Thread(target=self._read, args=(one,)) for one in self._processes]
        for reader in self._readers:
            reader.start()

    def wait_for(self, more):
        """Wait until so many more commands have ended."""
        wanted = len(self.lines) + more
        until(lambda: len(self.lines) >= wanted, f"{more} more answers", END_S)

    def stop(self):
        """Let every command end, and return the exit codes."""
        for process in self._processes:
            process.stdin.close()
        codes = [process.wait(END_S) for process in self._processes]
        for reader in self._readers:
            reader.join(END_S)
        return codes

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self._processes:
            process.kill()
            process.wait()
        for reader in self._readers:
            reader.join()
        for process in self._processes:
            process.stdin.close()
            process.stdout.close()

    def _start(self, name, callers):
        command = [sys.executable, "-m", "tests.support.ledger_load", self.spec, name, str(callers)]
        return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def _read(self, process):
        self.lines.extend(line.split() for line in process.stdout)


def check(crowd):
    """Assert that nothing acknowledged was lost, nothing is there twice, and nobody conflicted with themselves."""
    ledger = open_ledger(crowd.spec)
    verdict, stored = ledger.verify(), list(walk(ledger))
    ledger.close()
    by_key = {one.idempotency: (one.first_position, one.entry_hash.hex()) for one in stored if one.idempotency}
    told = {line[3]: (int(line[1]), line[2]) for line in crowd.lines if line[0] == "stored"}
    conflicts = [line[1] for line in crowd.lines if line[0] == "conflict"]

    assert verdict.holds, verdict.finding
    assert verdict.redacted == 0
    assert by_key == told
    assert not by_key.keys() & set(conflicts)
    return len(told)
