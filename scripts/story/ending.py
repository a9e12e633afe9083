"""The end: what is served where, by the story's own handshakes; where everything is; what to try next."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from infra.identity.devprovider.personas import PERSONAS
from scripts.story.place import Place, StoryError
from scripts.story.scene import Scene
from scripts.story.serving import look
from scripts.story.webserver import SITES


def tell(scene: Scene, *, leaving: bool) -> None:
    """Verify, write ``story.json``, and say good-bye."""
    _table(scene)
    _write(scene)
    if leaving:
        _try_next(scene)


def _table(scene: Scene) -> None:
    anna, rows = scene.person("dev-anna"), []
    for site, certificate_id in scene.deployed.items():
        row = anna.get(f"/certificates/{certificate_id}").good().body
        served = look(scene.place, scene.place.ports[site], SITES[site])
        if served.sha256 != row["fingerprint"] or not served.is_trusted:
            raise StoryError(f"{SITES[site]} does not serve {certificate_id}")
        where = f"127.0.0.1:{scene.place.ports[site]}"
        rows.append((SITES[site], where, row["serial"][:20] + "…", row["not_after"][:10], served.version, served.verdict))
    columns = ("name", "address", "serial", "until", "TLS", f"with {scene.place.ca_file.name}")
    scene.teller.table("Served now, seen by the demo's own handshakes", columns, rows)


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


def _try_next(scene: Scene) -> None:
    place, note = scene.place, scene.teller.note
    note(f"\nThe backend goes on at {place.base_url} (its root: {place.ca_file})")
    note("Sign in there as one of: " + "; ".join(f"{one.name}, {one.role}" for one in PERSONAS))
    note("\nWorth trying, from the folder of this checkout:")
    for command in _commands(place):
        note(f"  {command}")
    note(f"\nEnd it:      ./scripts/demo --stop {place.folder}")
    note(f"Continue it: ./scripts/demo --keep {place.folder}")


def _commands(place: Place) -> list[str]:
    bin_folder = Path(sys.executable).parent.relative_to(Path.cwd()) if Path(sys.executable).is_relative_to(Path.cwd()) else Path(sys.executable).parent
    return [
        f"{bin_folder}/sslclm login --server {place.base_url} --ca-file {place.ca_file}",
        f"{bin_folder}/sslclm-verify {place.export}",
        f"curl --cacert {place.ca_file} --resolve www.shop.test:{place.ports['www']}:127.0.0.1 https://www.shop.test:{place.ports['www']}/",
    ]
