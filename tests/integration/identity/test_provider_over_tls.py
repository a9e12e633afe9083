"""The provider's certificate is checked against the configured bundle, whatever the machine trusts."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime

import pytest
import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from domain.errors import Unavailable
from infra.identity.provider import Provider
from infra.identity.settings import ProviderSettings
from tests.support.pki import make_ca, make_leaf


@pytest.fixture(scope="module")
def authority():
    """Return the CA that signed the provider's certificate."""
    return make_ca("Provider CA")


@pytest.fixture
async def issuer(authority, tmp_path):
    """Serve a discovery document over TLS."""
    certificate, key = make_leaf(authority).write(tmp_path, "op")
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"https://localhost:{listener.getsockname()[1]}"
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    document = {"issuer": address} | {name: f"{address}/{name}" for name in names}

    async def discovery(_):
        return JSONResponse(document)

    app = Starlette(routes=[Route("/.well-known/openid-configuration", discovery)])
    config = uvicorn.Config(app, log_level="critical", lifespan="off", ssl_certfile=certificate, ssl_keyfile=key)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([listener]))
    yield address
    server.should_exit = True
    await serving
    listener.close()


def _provider(issuer, bundle):
    settings = ProviderSettings(
        name="tls",
        issuer=issuer,
        client_id="web",
        client_secret=SecretStr("s"),
        redirect_uri="https://clm.example/cb",
        ca_file=bundle,
    )
    return Provider(settings, lambda: datetime.now(UTC))


async def test_the_configured_bundle_is_believed(issuer, authority, tmp_path):
    """A certificate under the configured CA is accepted."""
    bundle = tmp_path / "ca.pem"
    bundle.write_bytes(authority.pem)

    assert (await _provider(issuer, bundle).metadata())["issuer"] == issuer


async def test_another_ca_is_not_believed(issuer, authority, tmp_path, monkeypatch):
    """A certificate under any other CA is refused, although the environment names its CA as trusted."""
    bundle, trusted = tmp_path / "other.pem", tmp_path / "ca.pem"
    bundle.write_bytes(make_ca("Other CA").pem)
    trusted.write_bytes(authority.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))

    with pytest.raises(Unavailable):
        await _provider(issuer, bundle).metadata()
