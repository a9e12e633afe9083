"""An identity provider that is made up: people of the story sign in, pipelines bring tokens, nobody is asked twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from commands.ports.signin import Finished, MachineIdentity, Redirect, Session, SignedIn, TokenRefused
from infra.identity.devprovider.personas import MACHINES, PERSONAS
from infra.identity.wiring import Identity as Adapters
from tests.support.identity import TurnedClock

PROVIDER, ISSUER_URL = "development", "http://127.0.0.1:1/dev"


def signed_in(name: str, clock: TurnedClock, *, mfa: bool = True) -> SignedIn:
    """Return a persona as the provider would prove them."""
    persona = next(one for one in PERSONAS if one.subject == name)
    methods = ("pwd", "otp") if mfa else ("pwd",)
    who = (PROVIDER, ISSUER_URL, persona.subject, persona.name, persona.email, persona.groups)
    return SignedIn(*who, "mfa" if mfa else "pwd", methods, mfa, clock(), f"sid-{name}")


class FakeMachineTokens:
    """Believes ``machine.<client id>.token``; everything else is refused."""

    async def verify(self, token: str) -> MachineIdentity:
        """Return the machine of a made-up token."""
        name = token.split(".")[1]
        machine = next((one for one in MACHINES if token == f"machine.{one.client_id}.token"), None)
        if machine is None:
            raise TokenRefused("the token is not one that we may believe")
        return MachineIdentity(PROVIDER, ISSUER_URL, name, name, machine.groups, ())


@dataclass
class FakeRechecks:
    """Answers what the test says: ``stands`` or not, ``degraded`` through the real sessions."""

    adapters: Adapters
    stands: bool = True
    asked: int = 0

    async def recheck(self, token: str) -> Session | None:
        """Return the session, or end it."""
        self.asked += 1
        if not self.stands:
            self.adapters.sessions.end(token)
        return self.adapters.sessions.get(token)


@dataclass
class FakeSignIn:
    """A provider that sends whoever is :attr:`persona` straight back."""

    clock: TurnedClock
    persona: str = "dev-anna"
    carried: dict[str, Mapping[str, str]] = field(default_factory=dict)
    acts: dict[str, str | None] = field(default_factory=dict)

    def providers(self) -> tuple[str, ...]:
        """Return the one provider."""
        return (PROVIDER,)

    async def begin(self, provider: str, *, redirect_uri: str, **wishes: Any) -> Redirect:
        """Begin a sign-in."""
        state = f"state-{len(self.carried)}"
        self.carried[state] = dict(wishes.get("carry") or {})
        self.acts[state] = wishes.get("step_up")
        return Redirect(
            f"{ISSUER_URL}/authorize?state={state}", state, f"__Host-sslclm-signin-{state}", f"cookie-{state}"
        )

    async def finish(self, params: Mapping[str, str], *, cookies: Mapping[str, str]) -> Finished:
        """Finish it, in the browser that began."""
        state = params["state"]
        if cookies.get(f"__Host-sslclm-signin-{state}") != f"cookie-{state}":
            raise TokenRefused("another browser")
        return Finished(signed_in(self.persona, self.clock), self.acts.pop(state), self.carried.pop(state))
