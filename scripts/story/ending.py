"""The end: what is served where, by the story's own handshakes; where everything is; what to try next."""

from __future__ import annotations

import json

from infra.identity.devprovider.personas import PERSONAS
from scripts.story.place import Place, StoryError
from scripts.story.scene import Scene
from scripts.story.serving import look
from scripts.story.webserver import HOST, SITES


def tell(scene: Scene, *, leaving: bool) -> None:
    """Verify, write ``story.json``, and say good-bye."""
    _table(scene)
    _write(scene)
    if leaving:
        _try_next(scene)


def _table(scene: Scene) -> None:
    anna = scene.person("dev-anna")
    rows: list[tuple[str, ...]] = []
    for site, certificate_id in scene.deployed.items():
        row = anna.get(f"/certificates/{certificate_id}").good().body
        served = look(scene.place, scene.place.ports[site], SITES[site])
        if served.sha256 != row["fingerprint"] or not served.is_trusted:
            raise StoryError(f"{SITES[site]} does not serve {certificate_id}")
        where = f"127.0.0.1:{scene.place.ports[site]}"
        rows.append(
            (SITES[site], where, row["serial"][:12] + "…", row["not_after"][:10], served.version, served.verdict)
        )
    columns = ("name", "address", "serial", "until", "TLS", "chain")
    scene.teller.table(f"Served now, by own handshakes that trust {scene.place.ca_file.name}", columns, rows)


def _write(scene: Scene) -> None:
    place = scene.place
    deployments = [
        {"host": "127.0.0.1", "port": place.ports[site], "server_name": SITES[site], "certificate_id": certificate_id}
        for site, certificate_id in scene.deployed.items()
    ]
    told = {
        "base_url": place.base_url,
        "agent_url": place.agent_url,
        "ca_file": str(place.ca_file),
        "export_file": str(place.export),
        "deployments": deployments,
    }
    place.story.write_text(json.dumps(told, indent=1) + "\n")
    for site in SITES:
        target = [{"host": HOST, "spec": scene.server.target(site)}]
        place.target(site).write_text(json.dumps(target, indent=1) + "\n")


def _try_next(scene: Scene) -> None:
    place, note = scene.place, scene.teller.note
    rows = [(one.subject, one.name, one.role) for one in PERSONAS]
    scene.teller.table("Who can sign in, at the development provider's page", ("persona", "name", "is"), rows)
    note(f"\nThe backend goes on: {place.base_url} (its root: {place.ca_file})")
    note("Worth trying next, from the folder of this checkout:", "bold")
    for command in _commands(place):
        note(f"  {command}")
    note("To continue, or to end it:", "bold")
    note(f"  ./scripts/demo --keep {place.folder}")
    note(f"  ./scripts/demo --stop {place.folder}")


def _commands(place: Place) -> list[str]:
    vera = f"HOME={place.homes / 'vera'} .venv/bin/sslclm"
    return [
        f"{vera} list --limit 5",
        f".venv/bin/sslclm-verify {place.export}",
        f".venv/bin/sslclm login --server {place.base_url} --ca-file {place.ca_file}",
    ]
