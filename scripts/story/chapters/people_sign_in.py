"""Chapter 1: people sign in, with code flow and PKCE; the command line by loopback redirect."""

from __future__ import annotations

from scripts.story.calls import Api
from scripts.story.people import ROLES, SHORT, CommandLine, sign_in
from scripts.story.scene import Scene

_ABOUT = (
    "No local users, no passwords: people come from an OpenID Connect provider (here the built-in one for "
    "development), by code flow with PKCE and a second factor. Who they are gives no rights; grants do, from "
    "chapter 3 on."
)


def live(scene: Scene) -> None:
    """Sign the personas in, one of them with the real command line."""
    scene.teller.chapter("1  Sign-in", _ABOUT)
    for persona in SHORT:
        scene.api(persona, sign_in(scene.place, persona))
    CommandLine(scene.place, "vera").login()
    positions = _positions(scene, len(SHORT) + 1)
    for (persona, api), position in zip(scene.people.items(), positions, strict=False):
        what = f"signs in ({ROLES[persona]})"
        scene.teller.line(api.who, what, roles(api), position)
    scene.teller.line("Vera", "sslclm login: the command line", "code came back to a loopback port", positions[-1])


def roles(api: Api) -> str:
    """Return the roles that count now, in words; none is an answer, too."""
    me = api.get("/me")
    if me.body.get("rule") == "no-role":
        return "signed in; no role, so no rights"
    held = me.good().body["roles"]
    return ", ".join(
        sorted(one["role"].removeprefix("ROLE_") + (" of a team" if one["team_id"] else "") for one in held)
    )


def _positions(scene: Scene, count: int) -> list[int]:
    """Return where the newest sign-ins stand in the ledger, the oldest first."""
    adam = scene.person("adam")

    def newest() -> list[int] | None:
        found = adam.items("/audit/events", topic="sslclm.session.opened", limit=count)
        return [int(one["position"]) for one in reversed(found)] if len(found) == count else None

    return scene.wait_for("the sign-ins in the audit search", newest)
