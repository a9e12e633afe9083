"""Which event loop the process runs on."""

from __future__ import annotations

import asyncio
import gc
import sys

if sys.platform != "win32":
    import uvloop


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return a uvloop where there is one: Python 3.11's own keeps a buffer of 256 KB for each TLS connection.

    For ``asyncio.Runner(loop_factory=new_event_loop)``.
    """
    return asyncio.new_event_loop() if sys.platform == "win32" else uvloop.new_event_loop()


def calm_collector() -> None:
    """Tell the garbage collector that what was made at start stays, and to look less often at the rest.

    Requests leave few cycles behind; by default a collection comes with every 700 objects, a few per request.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
