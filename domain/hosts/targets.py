"""Where a certificate is deployed on a host: paths, owners, how to validate, reload and probe."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from domain.base import Value


class Endpoint(Value):
    """One address on which the certificate must be served: ``address`` is where to connect, ``server_name`` the SNI."""

    address: str = Field(min_length=1, max_length=255)
    port: int = Field(ge=1, le=65_535)
    server_name: str = Field(min_length=1, max_length=253)


class TargetSpec(Value):
    """One target on one host.

    - ``directory``: absolute; the agent keeps versioned directories in it and one link ``current``.
    - ``layout``: ``separate`` = ``fullchain.pem`` and ``privkey.pem``; ``combined`` = one ``bundle.pem``.
    - ``owner``, ``group``: account names or empty for the agent's own; ``mode``: of the key file, octal text.
    - ``validator``, ``reloader``: *names* that the host's own ``agent.properties`` defines, never commands.
    """

    kind: Literal["nginx", "files"] = "nginx"
    directory: str = Field(pattern=r"^/[A-Za-z0-9._/+-]+$", max_length=255)
    layout: Literal["separate", "combined"] = "separate"
    owner: str = Field(default="", pattern=r"^[a-z_][a-z0-9_-]{0,31}$|^$")
    group: str = Field(default="", pattern=r"^[a-z_][a-z0-9_-]{0,31}$|^$")
    mode: str = Field(default="0640", pattern=r"^0[0-7]{3}$")
    validator: str = Field(default="", pattern=r"^[a-z0-9-]{0,64}$")
    reloader: str = Field(default="", pattern=r"^[a-z0-9-]{0,64}$")
    endpoints: tuple[Endpoint, ...] = Field(default=(), max_length=32)
