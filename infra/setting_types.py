"""How settings are written: addresses of listeners, load balancers, files; and how a mistake in one is told."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from domain.errors import InvalidInput
from infra.identity.settings import ProviderSettings
from infra.notices.settings import words
from infra.server.limits import LoadBalancer

MAX_PORT = 65535
SHA256_HEX = 64


class Address(BaseModel):
    """Where a listener listens; written ``127.0.0.1:8443`` or ``[::1]:8443``. Port 0 takes a free one (tests)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str
    port: int = Field(ge=0, le=MAX_PORT)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``host:port``; raises ValueError."""
        host, colon, port = text.strip().rpartition(":")
        bare = host.removeprefix("[").removesuffix("]")
        if not colon or not bare or not (port.isascii() and port.isdigit()):
            raise ValueError(f"{text!r} is no listen address: write host:port, e.g. 127.0.0.1:8443 or [::1]:8443")
        return cls(host=bare, port=int(port))


def _address(value: Any) -> Any:
    return Address.parse(value) if isinstance(value, str) else value


def _balancers(value: Any) -> Any:
    return tuple(_balancer(each) for each in words(value)) if isinstance(value, str) else value


def _balancer(text: str) -> LoadBalancer:
    network, equals, pin = text.partition("=")
    pin = pin.replace(":", "").lower()
    if not equals or len(pin) != SHA256_HEX or set(pin) - set("0123456789abcdef"):
        raise ValueError(f"{text!r} is no load balancer: write address=SHA-256 of its client certificate (64 hex)")
    return LoadBalancer(ip_network(network), pin)


ListenAddress = Annotated[Address, BeforeValidator(_address)]
LoadBalancers = Annotated[tuple[LoadBalancer, ...], BeforeValidator(_balancers)]


def read_oidc_file(path: Path) -> tuple[ProviderSettings, ...]:
    """Read a JSON array of identity providers; raises InvalidInput. It holds client secrets: 0600."""
    try:
        text = path.read_text("utf-8")
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise _file_error(path, "others than its owner can read it", f"it holds client secrets: chmod 600 {path}")
        json.loads(text)  # says line and column where it is no JSON
        return TypeAdapter(tuple[ProviderSettings, ...]).validate_json(text)
    except OSError as error:
        raise _file_error(path, error.strerror or str(error), "name a file that this account can read") from error
    except ValidationError as error:
        raise _file_error(path, sentences(error, str), "mend these members") from None
    except ValueError as error:
        raise _file_error(path, f"it is not JSON: {error}", "write an array of objects, one a provider") from None


def _file_error(path: Path, why: str, fix: str) -> InvalidInput:
    return InvalidInput(f"SSLCLM_OIDC_FILE {path}: {why}", rule="settings", fix=fix)


def sentences(error: ValidationError, label: Callable[[str], str]) -> str:
    """Say each mistake once, by setting, without the value: it may be a secret."""
    lines = []
    for each in error.errors(include_input=False, include_url=False):
        where = label(".".join(str(part) for part in each["loc"])) + ": " if each["loc"] else ""
        message = "is missing" if each["type"] == "missing" else each["msg"].removeprefix("Value error, ")
        lines.append(where + message)
    return "; ".join(lines)
