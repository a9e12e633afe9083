"""What a way out of the house is: it takes whole messages and either delivers one or says why not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from commands.notices.notice import Notice
from commands.ports.notices import Digest

OPERATORS = "operators"
"""The recipient that the settings name: whoever runs this installation, and its security people."""


class DeliveryFailed(Exception):
    """The message was not taken; the sentence is for operators and holds no address and no secret."""


class Channel(Protocol):
    """One way of delivering. ``send`` may be asked for the same message again, also after it was taken."""

    @property
    def name(self) -> str:
        """Return the word by which it is known."""

    def recipients(self, notice: Notice) -> Iterable[str]:
        """Return who is to get a notice this way: words that :meth:`send` understands, never addresses."""

    async def send(self, digest: Digest, notices: Sequence[Notice]) -> None:
        """Deliver one message within a bounded time; raises DeliveryFailed."""
