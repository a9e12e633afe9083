"""Chapter 3: teams, grants and a profile, all by commands."""

from __future__ import annotations

from typing import Any

from scripts.story.chapters.people_sign_in import roles
from scripts.story.scene import DAY_S, ISSUING, PAY, PROFILE, SHOP, Scene

_ABOUT = (
    "A team owns things, a grant binds a group or a pipeline of the identity provider to a role, a profile says what "
    "may be issued. A second run finds them and leaves them."
)
_GRANTS: tuple[tuple[str, str, str, str | None], ...] = (
    ("group", "/sslclm/viewers", "ROLE_VIEWER", None),
    ("group", "/sslclm/sec-ops", "ROLE_SEC_OPS", None),
    ("group", "/teams/shop/devops", "ROLE_DEVOPS", SHOP),
    ("group", "/teams/pay/devops", "ROLE_DEVOPS", PAY),
    ("client", "ci-shop", "ROLE_DEVOPS", SHOP),
)
_TEAMS = {SHOP: "shop", PAY: "pay"}
SPEC: dict[str, Any] = {
    "name": "web",
    "issuer_id": ISSUING,
    "teams": [SHOP],
    "allowed_names": ["**.shop.test"],
    "max_validity": 30 * DAY_S,
    "hard_max_validity": 90 * DAY_S,
    "approval": "policy",
}


def live(scene: Scene) -> None:
    """Make what is missing, then see who may do what."""
    scene.teller.chapter("3  Rules", _ABOUT)
    _teams(scene)
    _grants(scene)
    _profile(scene)
    for persona in ("vera", "dev-anna", "dev-ben", "sec-olga", "sec-omar"):
        api = scene.person(persona)
        api.seen = scene.person("adam").seen
        scene.teller.line(api.who, "asks who one is", roles(api))


def _teams(scene: Scene) -> None:
    adam = scene.person("adam")
    known = {row["name"]: row for row in adam.items("/teams")}
    for name in ("shop", "pay"):
        if name in known:
            scene.teller.line("Adam", f"team {name}", "is there", known[name]["created_position"])
        else:
            scene.tell(adam, f"creates team {name}", adam.post("/teams", {"name": name}), "done")


def _grants(scene: Scene) -> None:
    adam = scene.person("adam")
    known = {row["subject"]: row for row in adam.items("/grants", in_force="true", limit=100)}
    for kind, subject, role, team in _GRANTS:
        short = role.removeprefix("ROLE_") + (f" of {_TEAMS[team]}" if team else "")
        if subject in known:
            scene.teller.line("Adam", f"{short} for {subject}", "is granted", known[subject]["created_position"])
            continue
        body = {"provider": "development", "subject_kind": kind, "subject": subject, "role": role, "team_id": team}
        scene.tell(adam, f"grants {short} to {subject}", adam.post("/grants", body), "done")


def _profile(scene: Scene) -> None:
    adam = scene.person("adam")
    shown = adam.get(f"/profiles/{PROFILE}")
    if shown.is_good:
        scene.teller.line("Adam", "profile web", "is in force", shown.body["changed_position"])
        return
    answer = adam.post("/profiles", SPEC)
    scene.tell(adam, "defines profile web", answer, "names below shop.test, 30 d; to 90 d by a person")
