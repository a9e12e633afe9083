"""Development mode: the built-in identity provider, on loopback only, with made-up people and fresh secrets."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from domain.errors import InvalidInput
from infra.identity.devprovider.app import DevProvider
from infra.identity.devprovider.realm import DevClient
from infra.identity.settings import ProviderSettings
from infra.keystore.files import write_private
from infra.server.supervisor import Listener
from infra.settings import Settings


def dev_provider(settings: Settings, clock: Callable[[], datetime]) -> DevProvider:
    """Return the provider for these settings; refuses to be made unless every listener is bound to loopback."""
    address = settings.dev_provider_listen
    client = DevClient(
        redirect_uris=(f"{settings.public_url}/auth/callback",), after_logout=(f"{settings.public_url}/",)
    )
    hosts = [listener.host for listener in settings.listen_addresses().values()]
    issuer = f"http://{address.host}:{address.port}"
    return DevProvider(issuer, client, development=settings.development, hosts=hosts, clock=clock)


def development(settings: Settings, clock: Callable[[], datetime]) -> tuple[ProviderSettings, Listener]:
    """Make the provider and note its machines' secrets; returns how it is used, and its listener."""
    if not settings.data_dir.is_dir():
        raise InvalidInput(f"there is no folder {settings.data_dir}", rule="not-initialised", fix="run: sslclm init")
    provider = dev_provider(settings, clock)
    note_machine_secrets(provider, settings.data_dir / "development.json")
    where = settings.dev_provider_listen
    return provider.settings(), Listener("development identity provider", provider.app, where.host, where.port)


def note_machine_secrets(provider: DevProvider, path: Path) -> None:
    """Write the made-up machines' client secrets where the developer's account alone can read them."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    note = {
        "issuer": provider.realm.issuer,
        "audience": provider.realm.api_audience,
        "machines": dict(provider.realm.machine_secrets),
    }
    write_private(path, json.dumps(note, indent=1).encode() + b"\n")
