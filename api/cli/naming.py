"""Names and ids: people type either, the API takes ids, tables show names."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any

from api.cli.client import Api
from api.cli.errors import Misused, Refused

PATHS = {
    "team": "/teams",
    "profile": "/profiles",
    "host": "/hosts",
    "order": "/orders",
    "certificate": "/certificates",
    "deployment": "/deployments",
    "issuer": "/issuers",
    "key": "/keys",
    "reveal": "/reveals",
}
"""Kind of an object, as its id begins -> where it is read."""
_ID = re.compile(r"[a-z]{2,20}-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NAME = re.compile(r"(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_TEAM_ID = re.compile(r"\bteam-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_NAMES_MAX = 1_000


def looks_like_an_id(given: str) -> bool:
    """Tell whether ``given`` is written as an id, of whatever kind."""
    return _ID.fullmatch(given) is not None


def is_id(given: str, kind: str) -> bool:
    """Tell whether ``given`` is an id of this kind."""
    return looks_like_an_id(given) and given.startswith(f"{kind}-")


def exact_id(given: str, kind: str) -> str:
    """Return ``given``, which must be an id of this kind: nothing else gets into the path of a call."""
    if not is_id(given, kind):
        look = f"; see: sslclm list --name {given}" if kind == "certificate" and _NAME.fullmatch(given) else ""
        raise Misused(f"{given!r} is not the id of a {kind}", fix=f"it looks like {kind}-1b4e28ba-2fa1-4…{look}")
    return given


def id_of(api: Api, kind: str, given: str) -> str:
    """Return the id of a team, profile, host or issuer that is given by id or by name. Raises Refused."""
    if is_id(given, kind):
        return given
    found = api.items(PATHS[kind], 1, name=given.lower())
    if not found:
        listing = "issuers" if kind == "issuer" else f"{kind}s list"
        raise Refused(f"there is no {kind} {given}, or none that you may see", fix=f"see: sslclm {listing}")
    return str(found[0][f"{kind}_id"])


def id_or_none(api: Api, kind: str, given: str) -> str | None:
    """Return the id behind an option that may be absent."""
    return id_of(api, kind, given) if given else None


class Names:
    """Ids to names, each list asked for once, and only where a table shows it."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def team(self, team_id: Any) -> str:
        """Return a team's name."""
        return self._teams.get(team_id) or str(team_id or "")

    def teams_in(self, sentence: str) -> str:
        """Return a sentence with teams' names in place of their ids."""
        return _TEAM_ID.sub(lambda found: self.team(found[0]), sentence)

    def host(self, host_id: Any) -> str:
        """Return a host's name."""
        return self._hosts.get(host_id) or str(host_id or "")

    def profile(self, profile_id: Any) -> str:
        """Return a profile's name."""
        return self._profiles.get(profile_id) or str(profile_id or "")

    @cached_property
    def _teams(self) -> dict[str, str]:
        return self._read("team")

    @cached_property
    def _hosts(self) -> dict[str, str]:
        return self._read("host")

    @cached_property
    def _profiles(self) -> dict[str, str]:
        return self._read("profile")

    def _read(self, kind: str) -> dict[str, str]:
        try:
            rows = self._api.items(PATHS[kind], _NAMES_MAX)
        except Refused:  # an id is shown where a name may not be known
            return {}
        return {row[f"{kind}_id"]: row["name"] for row in rows}
