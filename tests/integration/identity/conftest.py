"""The development provider on a real loopback socket, and the identity side that signs in there."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime

import httpx2
import pytest
import uvicorn

from infra.identity.devprovider.app import DevProvider
from infra.identity.devprovider.realm import DevClient
from infra.identity.wiring import identity
from tests.support.identity import identity_records, sealer

CALLBACK = "http://127.0.0.1:1/auth/callback"


def _now():
    return datetime.now(UTC)


@pytest.fixture
async def dev():
    """Serve a development provider; stops with the test."""
    listener = socket.create_server(("127.0.0.1", 0))
    issuer = f"http://127.0.0.1:{listener.getsockname()[1]}/dev"
    client = DevClient(redirect_uris=(CALLBACK,), after_logout=("http://127.0.0.1:1/bye",))
    provider = DevProvider(issuer, client, development=True, hosts=["127.0.0.1"], clock=_now)
    server = uvicorn.Server(uvicorn.Config(provider.app, log_level="error", lifespan="off"))
    serving = asyncio.create_task(server.serve([listener]))
    yield provider
    server.should_exit = True
    await serving
    listener.close()


@pytest.fixture
def side(dev, tmp_path):
    """Return the identity adapters, configured for the development provider."""
    made = identity([dev.settings()], records=identity_records(tmp_path / "i.sqlite"), sealer=sealer(), clock=_now)
    yield made
    made.records.close()


@pytest.fixture
async def browser():
    """Return a browser: cookies, no automatic redirects."""
    async with httpx2.AsyncClient(trust_env=False) as client:
        yield client
