"""What a worker was given by its parent, and how it hears the parent's wishes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from domain.errors import ClmError
from infra.identity.settings import ProviderSettings
from infra.server.channel import Channel, Message

PARTING = 3.0
"""Seconds for which a worker that is followed by another keeps idle connections."""


@dataclass
class Post:
    """A worker's place: its ``number``, the sockets it shares, and the parent it hears. Number 0 serves alone.

    ``provider``: the development identity provider, which the parent runs. ``stop`` is set when the worker is to leave,
    or when its parent is gone; ``parting`` is then for how many seconds idle connections are kept.
    """

    number: int = 0
    sockets: Mapping[str, socket.socket] = field(default_factory=dict)
    provider: ProviderSettings | None = None
    channel: Channel | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    parting: float = 0.0
    hasten: Callable[[], object] = lambda: None
    hears: Callable[[Message], object] = lambda _message: None

    @classmethod
    async def given(cls, end: socket.socket) -> Self | None:
        """Read what the parent gives; None where there is no parent any more."""
        channel = await Channel.over(end)
        async for hello in channel.heard():
            provider = hello.get("provider")
            return cls(
                number=hello["number"],
                sockets={name: socket.socket(fileno=number) for name, number in hello["sockets"].items()},
                provider=ProviderSettings.model_validate(provider) if provider else None,
                channel=channel,
                parting=PARTING,
            )
        return None

    async def listen(self) -> None:
        """Hear the parent until it is gone, which ends the worker, too."""
        assert self.channel is not None
        async for message in self.channel.heard():
            if "leave" in message:
                self.parting = float(message["leave"])
                self.stop.set()
            elif "hasten" in message:
                self.hasten()
            else:
                self.hears(message)
        self.stop.set()

    def say(self, message: Mapping[str, Any]) -> None:
        """Tell the parent something, where there is one."""
        if self.channel is not None:
            self.channel.say(message)

    async def refuse(self, error: ClmError) -> None:
        """Tell the parent why this worker cannot serve."""
        self.say({"refused": {"message": error.message, "rule": error.rule, "fix": error.fix}})
        if self.channel is not None:
            await self.channel.flush()
