"""A worker with no backend behind it: says that it is ready, and ends when it is told, or when its parent is gone.

``python small_worker.py ready|dies|refuses DESCRIPTOR``
"""

from __future__ import annotations

import json
import socket
import sys

READY = {"ready": True}
REFUSED = {"refused": {"message": "no ledger here", "rule": "not-initialised", "fix": "run: sslclm init"}}


def main(how: str, descriptor: int) -> int:
    """Live; returns the exit status."""
    with socket.socket(fileno=descriptor) as end, end.makefile("rw") as channel:
        assert json.loads(channel.readline())["number"] > 0
        if how == "dies":
            return 3
        channel.write(json.dumps(REFUSED if how == "refuses" else READY) + "\n")
        channel.flush()
        return 1 if how == "refuses" else int("leave" not in channel.readline())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
