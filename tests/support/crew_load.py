"""Many clients that order certificates over real TLS, each on a connection that it keeps, or on new ones."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx2

from domain.access.team import Team
from domain.profiles.profile import Profile
from tests.support.crash_backend import DEADLINE
from tests.support.crash_stream import Act, Stream, fresh_csr

UNAVAILABLE = 503


@dataclass
class Load:
    """Clients of one backend. ``failures``: what a client saw that is no answer."""

    stream: Stream
    failures: list[str] = field(default_factory=list)
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, clients: int, *, keep_alive: bool, retry: bool) -> None:
        """Order until it is enough; ``retry``: what got no answer is repeated under its key until it gets one."""
        works = [self._work(keep_alive=keep_alive, retry=retry) for _ in range(clients)]
        await asyncio.gather(*works)

    async def _work(self, *, keep_alive: bool, retry: bool) -> None:
        async with contextlib.AsyncExitStack() as stack:
            client = await stack.enter_async_context(self._client(keep_alive=keep_alive))
            while not self.enough.is_set():
                await self._until_answered(client, self._order(), retry=retry)

    async def _until_answered(self, client: httpx2.AsyncClient, act: Act, *, retry: bool) -> None:
        while not await self._said(client, act):
            if not retry:
                return
            await asyncio.sleep(0.05)  # before the same is asked again

    async def _said(self, client: httpx2.AsyncClient, act: Act) -> bool:
        try:
            answer = await client.post(act.path, json=act.body, headers=act.headers)
        except httpx2.TransportError as error:
            self.failures.append(f"{type(error).__name__}: {error}")
            return False
        if answer.status_code == UNAVAILABLE:
            self.failures.append(answer.json()["detail"])
            return False
        act.take(answer)
        return True

    def _order(self) -> Act:
        name = f"l{len(self.stream.acts)}.shop.test"
        body = {"team_id": Team.id_for("shop"), "profile_id": Profile.id_for("web"), "csr": fresh_csr(name)}
        return self.stream.act("order", "ci-shop", "/api/v1/orders", body)

    @contextlib.asynccontextmanager
    async def _client(self, *, keep_alive: bool) -> AsyncIterator[httpx2.AsyncClient]:
        headers = {"Authorization": f"Bearer {self.stream.bearer['ci-shop']}"}
        kept = 1 if keep_alive else 0
        limits = httpx2.Limits(max_connections=1, max_keepalive_connections=kept)
        options: dict[str, Any] = {"verify": self.stream.backend.context, "timeout": DEADLINE, "trust_env": False}
        base_url = self.stream.backend.url
        async with httpx2.AsyncClient(base_url=base_url, headers=headers, limits=limits, **options) as client:
            yield client
