"""Where a certificate is deployed on a host: paths, owners, how to validate, reload and probe."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from domain.base import Value


def _plain(path: str) -> str:
    parts = path.split("/")[1:]
    if not path.startswith("/") or any(part in {"", ".", ".."} for part in parts):
        raise ValueError("an absolute path without empty, . and .. parts and without a slash at its end")
    return path


Directory = Annotated[str, Field(pattern=r"^[A-Za-z0-9._/+-]+$", min_length=2, max_length=255), AfterValidator(_plain)]
"""An absolute path of plain characters."""


class Endpoint(Value):
    """One address on which the certificate must be served: ``address`` is where to connect, ``server_name`` the SNI."""

    address: str = Field(pattern=r"^[A-Za-z0-9.:_-]{1,255}$")
    port: int = Field(ge=1, le=65_535)
    server_name: str = Field(pattern=r"^[A-Za-z0-9.:-]{1,253}$")


Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_DAY_MINUTES = 1_440


class Window(Value):
    """When a target may be changed: on these weekdays, from minute ``start`` of the day on, for ``minutes``; in UTC.

    A window may reach into the next day; it belongs to the day it starts on.
    """

    days: tuple[Weekday, ...] = Field(min_length=1, max_length=7)
    start: int = Field(ge=0, lt=_DAY_MINUTES)
    minutes: int = Field(ge=5, le=_DAY_MINUTES)


class TargetSpec(Value):
    """One target on one host.

    - ``directory``: absolute, with one spelling; the agent keeps versioned directories in it and one link ``current``.
    - ``layout``: ``separate`` = ``fullchain.pem`` and ``privkey.pem``; ``combined`` = one ``bundle.pem``; ``pkcs12`` =
      ``keystore.p12`` and ``keystore.pass``.
    - ``owner``, ``group``: account names, empty for the agent's own; ``mode``: octal text, of the key file; nothing for
      others.
    - ``endpoints``: where the certificate must be seen; without one nothing could be proven.
    - ``validator``, ``reloader``, ``disabler``: *names* that the host's own ``agent.properties`` defines, never
      commands; the disabler takes the site out of service when its certificate is removed.
    - ``windows``: when a renewal may be installed; none = at any time.
    """

    kind: Literal["nginx", "files"] = "nginx"
    directory: Directory
    layout: Literal["separate", "combined", "pkcs12"] = "separate"
    owner: str = Field(default="", pattern=r"^[a-z_][a-z0-9_-]{0,31}$|^$")
    group: str = Field(default="", pattern=r"^[a-z_][a-z0-9_-]{0,31}$|^$")
    mode: str = Field(default="0640", pattern=r"^0[46][04]0$")
    validator: str = Field(default="", pattern=r"^[a-z0-9-]{0,64}$")
    reloader: str = Field(default="", pattern=r"^[a-z0-9-]{0,64}$")
    endpoints: tuple[Endpoint, ...] = Field(min_length=1, max_length=32)
    disabler: str = Field(default="", pattern=r"^[a-z0-9-]{0,64}$")
    windows: tuple[Window, ...] = Field(default=(), max_length=14)
