"""Where a run of the story keeps everything: one folder, its ports, and the notes that a later run continues from."""

from __future__ import annotations

import json
import re
import socket
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_PLAIN = re.compile(r"(/[A-Za-z0-9._+-]+)+")
_PORTS_FILE = "ports.json"
PORTS = ("people", "agents", "pki", "provider", "www", "api")


class StoryError(Exception):
    """The story cannot go on; the text says why, and what helps."""


@dataclass(frozen=True)
class Place:
    """The folder of one run.

    ``data`` is what a backend backs up; the key-encryption key and the root's passphrase lie outside of it, as they
    must. ``offline`` stands for what belongs off the machine.
    """

    folder: Path

    @classmethod
    def made(cls, folder: Path) -> Place:
        """Return the place, with its folders. Raises StoryError for a folder that is somebody else's, or unusable."""
        place = cls(folder)
        if not _PLAIN.fullmatch(str(folder)):
            raise StoryError(f"{folder} has characters that web servers stumble over; use letters, digits and . _ + -")
        if folder.exists() and any(folder.iterdir()) and not place.is_known:
            raise StoryError(f"{folder} is not empty, and no earlier run made it; name a new folder")
        for each in (place.folder, place.web):
            each.mkdir(mode=0o711, parents=True, exist_ok=True)
            each.chmod(0o711)  # the web server's account passes through, and sees nothing
        for each in (place.logs, place.offline, place.agent, place.homes, place.kek.parent):
            each.mkdir(mode=0o700, exist_ok=True)
        return place

    @property
    def is_known(self) -> bool:
        """Tell whether an earlier run was here."""
        return (self.folder / _PORTS_FILE).exists()

    @property
    def data(self) -> Path:
        """Ledger, read models, key store."""
        return self.folder / "data"

    @property
    def kek(self) -> Path:
        """The key-encryption key."""
        return self.folder / "kek" / "kek.json"

    @property
    def offline(self) -> Path:
        """What an operator would carry away after set-up: the passphrase of the root's key."""
        return self.folder / "offline"

    @property
    def logs(self) -> Path:
        """What the processes said."""
        return self.folder / "logs"

    @property
    def agent(self) -> Path:
        """The agent's own folder: configuration and state."""
        return self.folder / "agent"

    @property
    def homes(self) -> Path:
        """Home folders of the people who use the command line."""
        return self.folder / "homes"

    @property
    def web(self) -> Path:
        """The web server's folder, with its certificates' target directories."""
        return self.folder / "web"

    @property
    def ca_file(self) -> Path:
        """The internal root, PEM: what every client of this installation trusts."""
        return self.folder / "root-ca.pem"

    @property
    def export(self) -> Path:
        """The exported ledger."""
        return self.folder / "ledger.jsonl"

    @property
    def story(self) -> Path:
        """Where everything is, for programs."""
        return self.folder / "story.json"

    def target(self, site: str) -> Path:
        """Where a site of the web server is described as a target, for ``sslclm request --targets``."""
        return self.folder / f"target-{site}.json"

    @cached_property
    def ports(self) -> dict[str, int]:
        """The ports of this folder: drawn once, since addresses stand in certificates and in the agent's identity."""
        notes = self.folder / _PORTS_FILE
        if not notes.exists():
            notes.write_text(json.dumps(dict(zip(PORTS, _free_ports(len(PORTS)), strict=True))))
        ports: dict[str, int] = json.loads(notes.read_text())
        return ports

    @property
    def base_url(self) -> str:
        """Where people and pipelines reach the backend."""
        return f"https://localhost:{self.ports['people']}"

    @property
    def agent_url(self) -> str:
        """Where agents reach it."""
        return f"https://localhost:{self.ports['agents']}"

    @property
    def provider_url(self) -> str:
        """The development identity provider."""
        return f"http://127.0.0.1:{self.ports['provider']}"

    def machine_secret(self, client_id: str) -> str:
        """Return the client secret that the development provider made for a pipeline at its start."""
        notes: dict[str, Any] = json.loads((self.data / "development.json").read_text())
        return str(notes["machines"][client_id])


def _free_ports(count: int) -> list[int]:
    """Return loopback ports that nobody listens on; all are held until all are found, so that they differ."""
    held = [socket.socket() for _ in range(count)]
    try:
        for each in held:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in held]
    finally:
        for each in held:
            each.close()


def is_open(port: int) -> bool:
    """Tell whether somebody listens on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
