"""The identity side against a hostile provider, in memory."""

from __future__ import annotations

import pytest

from infra.identity.wiring import identity
from tests.support.hostile_op import CALLBACK, HostileOp, settings
from tests.support.identity import TurnedClock, query_of, sealer


@pytest.fixture
def clock():
    """Return a clock to turn."""
    return TurnedClock()


@pytest.fixture
def op(clock):
    """Return a provider that is honest until told otherwise."""
    return HostileOp(clock)


@pytest.fixture
def side(op, clock):
    """Return the identity adapters, configured for that provider."""
    made = identity([settings()], path=":memory:", sealer=sealer(), clock=clock, over=op.transport())
    yield made
    made.database.close()


@pytest.fixture
def attempt(op, side):
    """Return the victim's sign-in: begin, let the provider answer as bent, finish."""

    async def run(**wishes):
        redirect = await side.sign_in.begin("op", redirect_uri=CALLBACK, **wishes)
        op.claims.setdefault("nonce", query_of(redirect.url)["nonce"])
        params = {"state": redirect.state, **{name: text for name, text in op.callback.items() if text is not None}}
        return await side.sign_in.finish(params, cookies={redirect.cookie_name: redirect.cookie_value})

    return run
