"""Mixed commands from several clients at once, and what each was answered, until the backend is killed under them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from domain.access.team import Team
from domain.issuers.issuer import Issuer
from domain.profiles.profile import Profile
from tests.support.crash_backend import DEADLINE, CrashBackend
from tests.support.csrs import make_csr

ENROLMENTS = 25  # in one life of the backend: it takes 30 a minute from one address
_GRANTS = (("/sslclm/sec-ops", "ROLE_SEC_OPS", None), ("/teams/shop/pipelines", "ROLE_DEVOPS", Team.id_for("shop")))
Json = dict[str, Any]


class Gone(Exception):
    """The backend went away before it answered."""


@dataclass
class Act:
    """One command: what was sent, by whom, and what came back; ``status`` None: nobody knows what it came to."""

    kind: str
    who: str
    path: str
    body: Json
    key: str | None
    status: int | None = None
    position: int | None = None
    answer: Json = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        """The headers that make a repetition the same command."""
        return {"Idempotency-Key": self.key} if self.key else {}

    def take(self, response: httpx2.Response) -> None:
        """Keep an answer; anything but success fails the test."""
        assert response.is_success, (self.kind, self.path, response.status_code, response.text)
        self.status, self.answer = response.status_code, response.json()
        self.position = int(response.headers["ledger-position"]) if "ledger-position" in response.headers else None


def fresh_csr(*names: str) -> str:
    """Return a CSR (PEM) with a key of its own."""
    der = make_csr(ec.generate_private_key(ec.SECP256R1()), *(x509.DNSName(name) for name in names))
    return x509.load_der_x509_csr(der).public_bytes(Encoding.PEM).decode()


def profile(name: str, seconds: int, approval: str = "policy") -> Json:
    """Return a profile of team shop whose certificates live so long."""
    return {
        "name": name,
        "issuer_id": Issuer.id_for("issuing"),
        "teams": [Team.id_for("shop")],
        "allowed_names": ["**.shop.test"],
        "max_validity": seconds,
        "approval": approval,
    }


@dataclass
class Stream:
    """All commands of one run, over any number of lives of the backend."""

    backend: CrashBackend
    chance: random.Random
    acts: list[Act] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    who: dict[str, str] = field(default_factory=dict)
    bearer: dict[str, str] = field(default_factory=dict)
    enrolled: int = 0

    def act(self, kind: str, who: str, path: str, body: Json) -> Act:
        """Note a new command before it is sent."""
        key = None if kind == "enrol" else f"{kind}-{len(self.acts)}"
        self.acts.append(Act(kind, who, path, body, key))
        return self.acts[-1]

    def sign_in(self) -> None:
        """Let everybody sign in to the present process, and ask who they are."""
        self.enrolled = 0
        for name in ("adam", "sec-olga", "ci-shop"):
            is_machine = name.startswith("ci-")
            self.bearer[name] = self.backend.machine(name) if is_machine else self.backend.sign_in(name)
            if name in self.who or name == "adam":
                self.who[name] = self._me(name)

    def _me(self, name: str) -> str:
        with self.client(name) as client:
            return str(client.get("/api/v1/me").raise_for_status().json()["pseudonym"])

    def client(self, name: str) -> httpx2.Client:
        """Return a blocking client of somebody."""
        client = self.backend.client()
        client.headers.update(self.authorization(name))
        return client

    def authorization(self, name: str) -> dict[str, str]:
        """The header that says who asks."""
        return {"Authorization": f"Bearer {self.bearer[name]}"}

    def say(self, act: Act) -> Act:
        """Send one command and wait for its answer."""
        with self.client(act.who) as client:
            act.take(client.post(act.path, json=act.body, headers=act.headers))
        return act

    def furnish(self) -> None:
        """Make the team, the grants and the profiles that the stream needs."""
        self.sign_in()
        self.say(self.act("team", "adam", "/api/v1/teams", {"name": "shop"}))
        for group, role, team in _GRANTS:
            body = {"provider": "development", "subject": group, "role": role, "team_id": team}
            self.say(self.act("grant", "adam", "/api/v1/grants", body))
        for name, approval in (("web", "policy"), ("slow", "manual")):
            self.say(self.act("profile", "adam", "/api/v1/profiles", profile(name, 86_400, approval)))
        self.who |= {name: self._me(name) for name in ("sec-olga", "ci-shop")}

    def answered(self) -> int:
        """Return how many commands have been answered."""
        return sum(act.status is not None for act in self.acts)

    async def until_killed(self, answers: int, jitter: float) -> None:
        """Let everybody work; kill the backend ``jitter`` seconds after so many more answers."""
        enough = self.answered() + answers
        workers = [asyncio.create_task(one) for one in self._workers()]
        async with asyncio.timeout(DEADLINE):
            while self.answered() < enough:
                assert not any(one.done() for one in workers), [one.exception() for one in workers if one.done()]
                await asyncio.sleep(0.002)  # the answers come from other tasks of this loop
        await asyncio.sleep(jitter)  # the moment is what the test varies
        self.backend.kill()
        for ended in await asyncio.gather(*workers, return_exceptions=True):
            assert isinstance(ended, Gone), ended

    def _workers(self) -> list[Coroutine[Any, Any, None]]:
        makers = (self._administer, self._order, self._order, self._order, self._decide, self._enrol)
        people = ("adam", "ci-shop", "ci-shop", "ci-shop", "sec-olga", "")
        return [self._work(name, make) for name, make in zip(people, makers, strict=True)]

    async def _work(self, name: str, make: Callable[[httpx2.AsyncClient], Awaitable[None]]) -> None:
        headers = {"Authorization": f"Bearer {self.bearer[name]}"} if name else {}
        options: Json = {"verify": self.backend.context, "timeout": DEADLINE, "trust_env": False}
        async with httpx2.AsyncClient(base_url=self.backend.url, headers=headers, **options) as client:
            while True:
                try:
                    await make(client)
                except httpx2.TransportError as error:
                    raise Gone from error

    async def _post(self, client: httpx2.AsyncClient, act: Act) -> Act:
        act.take(await client.post(act.path, json=act.body, headers=act.headers))
        return act

    async def _administer(self, client: httpx2.AsyncClient) -> None:
        number = len(self.acts)
        kind = self.chance.choice(("team", "profile", "host", "host", "token", "token"))
        if kind == "team":
            await self._post(client, self.act(kind, "adam", "/api/v1/teams", {"name": f"team-{number}"}))
        elif kind == "profile":
            body = profile("web", 86_400 + number)
            await self._post(client, self.act(kind, "adam", "/api/v1/profiles", body))
        elif kind == "host" or not self.hosts:
            body = {"name": f"h{number}.shop.test", "team_id": Team.id_for("shop")}
            made = await self._post(client, self.act("host", "adam", "/api/v1/hosts", body))
            self.hosts.append(made.answer["id"])
        else:
            made = await self._post(client, self.act(kind, "adam", f"/api/v1/hosts/{self.hosts.pop()}/token", {}))
            self.tokens.append(made.answer["token"])

    async def _order(self, client: httpx2.AsyncClient) -> None:
        kind = self.chance.choice(("order", "order", "wait"))
        asked = Profile.id_for("web" if kind == "order" else "slow")
        body = {"team_id": Team.id_for("shop"), "profile_id": asked, "csr": fresh_csr(f"c{len(self.acts)}.shop.test")}
        made = await self._post(client, self.act(kind, "ci-shop", "/api/v1/orders", body))
        if kind == "wait":
            self.waiting.append(made.answer["order_id"])

    async def _decide(self, client: httpx2.AsyncClient) -> None:
        if not self.waiting:
            await client.get("/api/v1/orders")
            return
        where = f"/api/v1/orders/{self.waiting.pop()}"
        seen = await client.get(
            where, headers={"Min-Ledger-Position": str(max(act.position or 0 for act in self.acts))}
        )
        kind = self.chance.choice(("approve", "approve", "reject"))
        approve, reject = {"request_sha256": seen.json()["request_sha256"]}, {"reason": "not today"}
        body = approve if kind == "approve" else reject
        await self._post(client, self.act(kind, "sec-olga", f"{where}/{kind}", body))

    async def _enrol(self, client: httpx2.AsyncClient) -> None:
        if not self.tokens or self.enrolled >= ENROLMENTS:
            await client.get("/.well-known/sslclm/ca.pem")
            return
        self.enrolled += 1
        body = {"token": self.tokens.pop(), "csr": fresh_csr(), "agent_version": "1", "platform": "test"}
        await self._post(client, self.act("enrol", "", "/agent/v1/enrol", body))
