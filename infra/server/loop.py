"""Which event loop the process runs on."""

from __future__ import annotations

import asyncio
import sys

if sys.platform != "win32":
    import uvloop


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return a uvloop where there is one: Python 3.11's own keeps a buffer of 256 KB for each TLS connection.

    For ``asyncio.Runner(loop_factory=new_event_loop)``.
    """
    return asyncio.new_event_loop() if sys.platform == "win32" else uvloop.new_event_loop()
