"""The backend of the story: set up once, then a process of its own."""

from __future__ import annotations

import hashlib
import shutil
import ssl
import subprocess
import sys
from pathlib import Path

import httpx2

from scripts.story.place import ROOT, Place, StoryError, is_open
from scripts.story.processes import BARE, Processes

NAME = "backend"
_CA_PATH = "/.well-known/sslclm/ca.pem"
_INIT_S = 120


def environ(place: Place) -> dict[str, str]:
    """Return the settings of this backend; infra/README.md explains them."""
    at = {name: f"127.0.0.1:{port}" for name, port in place.ports.items()}
    return {
        "SSLCLM_DATA_DIR": str(place.data),
        "SSLCLM_KEK_FILE": str(place.kek),
        "SSLCLM_PUBLIC_URL": place.base_url,
        "SSLCLM_AGENT_URL": place.agent_url,
        "SSLCLM_PKI_URL": f"http://127.0.0.1:{place.ports['pki']}",
        "SSLCLM_PEOPLE_LISTEN": at["people"],
        "SSLCLM_AGENTS_LISTEN": at["agents"],
        "SSLCLM_PKI_LISTEN": at["pki"],
        "SSLCLM_DEVELOPMENT": "true",
        "SSLCLM_DEV_PROVIDER_LISTEN": at["provider"],
    }


def is_set_up(place: Place) -> bool:
    """Tell whether ``sslclm init`` went through here. Raises StoryError for the folder of another version."""
    if place.story.exists() and not _printed(place).exists():
        raise StoryError(f"{place.folder} was made by another version of the demo; name a new folder, or remove it")
    return _printed(place).exists()


def init(place: Place) -> list[str]:
    """Run ``sslclm init``; returns what it printed, a line each. What it printed is kept."""
    _forget_a_cut_off_set_up(place)
    words = ("init", "--organization", "Demo", "--root-passphrase-file", passphrase(place), "--new-passphrase")
    done = subprocess.run(  # noqa: S603 - our own program, arguments as a list
        [sys.executable, "-m", "scripts.sslclm", *map(str, words)],
        env={**BARE, **environ(place)}, cwd=ROOT, capture_output=True, text=True, check=False, timeout=_INIT_S,
    )  # fmt: skip
    if done.returncode:
        raise StoryError(f"sslclm init failed: {done.stdout}{done.stderr}")
    _printed(place).write_text(done.stdout)
    return done.stdout.splitlines()


def _forget_a_cut_off_set_up(place: Place) -> None:
    """Remove what an ``init`` left that never came to its end; where a story was lived once, nothing is removed."""
    if place.story.exists():
        return
    if place.data.exists():
        shutil.rmtree(place.data)
    for secret in (place.kek, Path(passphrase(place))):
        secret.unlink(missing_ok=True)


def passphrase(place: Place) -> str:
    """Where the passphrase of the root's key is."""
    return str(place.offline / "root-passphrase")


def start(place: Place, processes: Processes) -> None:
    """Start it, wait until it serves, and learn its root by the fingerprint of the one that ``init`` made."""
    for name in ("people", "agents", "pki", "provider"):
        if is_open(place.ports[name]):
            raise StoryError(
                f"port {place.ports[name]} of {place.folder} is taken by a stranger; end it, or use another folder"
            )
    processes.log(NAME).unlink(missing_ok=True)
    processes.start(NAME, [sys.executable, "-m", "scripts.sslclm", "serve"], environ(place))
    processes.wait(NAME, "the backend was to serve", lambda: "serves" in processes.log(NAME).read_text())
    place.ca_file.write_text(_root(place))


def root_sha256(place: Place) -> str:
    """Return the SHA-256 of the root's certificate, which ``sslclm init`` left beside the data."""
    left = place.data / "root-ca.pem"
    if not left.exists():
        raise StoryError(f"{left} is missing: sslclm init did not come to its end here; use another folder")
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(left.read_text())).hexdigest()


def _root(place: Place) -> str:
    """Fetch the root's certificate; the handshake proves nothing yet, the fingerprint does."""
    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname = False
    blind.verify_mode = ssl.CERT_NONE
    with httpx2.Client(base_url=place.base_url, verify=blind, trust_env=False) as client:
        pem = client.get(_CA_PATH).text
    if hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest() != root_sha256(place):
        raise StoryError("the backend's root is not the one that sslclm init made")
    return pem


def _printed(place: Place) -> Path:
    return place.folder / "set-up.txt"
