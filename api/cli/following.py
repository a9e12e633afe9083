"""Following a server's events from position to position: nothing is missed and nothing comes twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from api.cli.client import Api
from api.cli.errors import ServerDown
from api.cli.output import warn

WAIT_S = 20
"""How long the server holds a question to which there is no answer yet."""
LONGEST_PAUSE_S = 30.0
_HASTY_S = 1.0


def follow(
    api: Api, pause: Callable[[float], None], monotonic: Callable[[], float], *, after: int | None
) -> Iterator[dict[str, Any]]:
    """Yield events for ever; ``after`` None begins now.

    A server that was reached once and is away is asked again, after ever longer pauses, from where the last answer
    ended. Raises CliError where it was never reached, and for whatever it refuses.
    """
    position = int(api.get("/activity")["position"]) if after is None else after
    reached, failures = after is None, 0
    while True:
        asked_at = monotonic()
        try:
            page = api.get("/activity", after=position, wait=WAIT_S)
        except ServerDown as error:
            if not reached:
                raise
            failures += 1
            _tell_away(error, failures, position)
            pause(min(2.0 ** (failures - 1), LONGEST_PAUSE_S))
            continue
        if failures:
            warn(f"sslclm: the server is back; nothing was missed since position {position}")
        reached, failures = True, 0
        yield from page["items"]
        position = int(page["position"])
        if not page["items"] and monotonic() - asked_at < _HASTY_S:
            pause(_HASTY_S)  # a server that is about to stop answers at once


def _tell_away(error: ServerDown, failures: int, position: int) -> None:
    if failures == 1:
        warn(f"sslclm: {error.message}; trying again from position {position}")
