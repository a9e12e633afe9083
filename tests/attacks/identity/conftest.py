"""The identity side against a hostile provider, in memory."""

from __future__ import annotations

import pytest

from infra.identity.tables import IDENTITY
from infra.identity.wiring import identity
from tests.support.hostile_op import CALLBACK, HostileOp, settings
from tests.support.identity import TurnedClock, query_of, sealer
from tests.support.recordstores import place


@pytest.fixture
def clock():
    """Return a clock to turn."""
    return TurnedClock()


@pytest.fixture
def op(clock):
    """Return a provider that is honest until told otherwise."""
    return HostileOp(clock)


def pytest_generate_tests(metafunc):
    """Let the tests of a module run on the stores that it names in ``STORES``."""
    if "kept" in metafunc.fixturenames:
        metafunc.parametrize("kept", getattr(metafunc.module, "STORES", ("sqlite",)), indirect=True)


@pytest.fixture
def kept(request, tmp_path):
    """Return the identity side's tables, empty."""
    where = str(tmp_path) if request.param == "sqlite" else request.getfixturevalue("mongo_url")
    with place(where, IDENTITY) as made:
        yield made.open(IDENTITY)


@pytest.fixture
def side(op, clock, kept):
    """Return the identity adapters, configured for that provider."""
    return identity([settings()], records=kept, sealer=sealer(), clock=clock, over=op.transport())


@pytest.fixture
def attempt(op, side):
    """Return the victim's sign-in: begin, let the provider answer as bent, finish."""

    async def run(**wishes):
        redirect = await side.sign_in.begin("op", redirect_uri=CALLBACK, **wishes)
        op.claims.setdefault("nonce", query_of(redirect.url)["nonce"])
        params = {"state": redirect.state, **{name: text for name, text in op.callback.items() if text is not None}}
        return await side.sign_in.finish(params, cookies={redirect.cookie_name: redirect.cookie_value})

    return run
