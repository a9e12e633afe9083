"""The whole story for real: ``scripts/demo`` in a process, with backend, agent and nginx, run twice in one folder."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from scripts.story.calls import Answer
from scripts.story.main import live
from scripts.story.place import Place, StoryError
from scripts.story.processes import Processes
from scripts.story.scene import Scene
from scripts.story.tell import Teller
from scripts.story.webserver import WebServer
from tests.support.real import real_part
from tests.support.sources import ROOT

CHAPTERS = (
    "Sign-in", "Certification authorities", "Rules", "Host", "Requests", "Issue and deploy", "Renewal", "Revocation",
    "Keys", "Import", "Owners", "Who accessed this key?", "Policy of today and tomorrow", "Proof",
)  # fmt: skip


@dataclass
class Lived:
    """A story that was lived once, without ``--exit``, and goes on in its folder."""

    folder: Path
    text: str
    story: dict[str, Any]


def demo(*arguments: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run the script as a person does; its children keep none of our pipes open."""
    words = [str(ROOT / "scripts" / "demo"), *map(str, arguments)]
    return subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=240, check=False)


def verify(export: Path) -> subprocess.CompletedProcess[str]:
    """Run the offline verifier as a person does."""
    words = [str(ROOT / ".venv" / "bin" / "sslclm-verify"), str(export)]
    return subprocess.run(words, cwd="/", capture_output=True, text=True, timeout=60, check=False)


def running_for(folder: Path) -> list[str]:
    """Return the command lines and environments' folders of processes that belong to a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            about = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except (OSError, ValueError):
            continue  # no process, not ours, or ended in the meantime
        if entry.name.isdigit() and int(entry.name) != os.getpid() and os.fsencode(folder) + b"/" in about:
            found.append(about.replace(b"\0", b" ")[:200].decode("utf-8", "replace"))
    return found


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    """Live the story once, from a relative folder, and leave it running."""
    real_part("nginx", "apt-get install nginx-light")
    above = tmp_path_factory.mktemp("story")
    folder = above / "kept"
    try:
        done = demo("--keep", "kept", cwd=above)
        assert done.returncode == 0, done.stdout + done.stderr
        yield Lived(folder, done.stdout, json.loads((folder / "story.json").read_text()))
    finally:
        demo("--stop", folder)


def test_every_chapter_is_told(lived: Lived):
    """The chapters come in their order, the failure on purpose and the forger among them."""
    places = [lived.text.find(f"\n{number}  {title}\n") for number, title in enumerate(CHAPTERS, 1)]

    assert sorted(places) == places
    assert -1 not in places
    assert "at validate: unknown directive" in lived.text
    assert "TAMPERED at position" in lived.text


def test_lines_fit(lived: Lived):
    """Whatever is no command or path to be copied fits into 100 columns."""
    free = ("/", "SHA-256", "head ")
    wide = [
        line for line in lived.text.splitlines() if len(line.rstrip()) > 100 and not any(one in line for one in free)
    ]

    assert [] == wide


def test_what_it_left_running_answers(lived: Lived):
    """The backend is there, with a certificate of its own CA; without one that is trusted nobody gets in."""
    context = ssl.create_default_context(cafile=lived.story["ca_file"])
    with httpx2.Client(base_url=lived.story["base_url"], verify=context, trust_env=False) as client:
        assert client.get("/api/v1/me").status_code == 401
    stranger = httpx2.Client(base_url=lived.story["agent_url"], verify=context, trust_env=False)
    with stranger, pytest.raises(httpx2.HTTPError):
        stranger.get("/agent/v1/tasks")


def test_the_deployments_are_served(lived: Lived):
    """Each deployment that story.json names is served there, and verifies by name under the CA file."""
    context = ssl.create_default_context(cafile=lived.story["ca_file"])
    assert {"www.shop.test", "api.shop.test"} == {one["server_name"] for one in lived.story["deployments"]}
    for one in lived.story["deployments"]:
        with (
            socket.create_connection((one["host"], one["port"]), 10) as raw,
            context.wrap_socket(raw, server_hostname=one["server_name"]) as link,
        ):
            assert link.version() == "TLSv1.3"
        assert one["certificate_id"].startswith("certificate-")


def test_the_export_verifies_and_the_forgery_does_not(lived: Lived):
    """The offline verifier says so by its exit code."""
    forged = verify(lived.folder / "ledger-forged.jsonl")

    assert 0 == verify(Path(lived.story["export_file"])).returncode
    assert (1, True) == (forged.returncode, "TAMPERED" in forged.stdout)


def test_secrets_are_kept_apart(lived: Lived):
    """The key-encryption key and the root's passphrase lie outside of the data, readable by their owner only."""
    inside = {path.name for path in (lived.folder / "data").iterdir()}

    assert not {"kek.json", "root-passphrase"} & inside
    for secret in ("kek/kek.json", "offline/root-passphrase"):
        assert 0o600 == (lived.folder / secret).stat().st_mode & 0o777


def test_a_second_run_continues_and_ends_everything(lived: Lived):
    """Same hosts, new certificates, one longer ledger; with --exit nothing is left running."""
    before = {one["certificate_id"] for one in lived.story["deployments"]}
    done = demo("--keep", lived.folder, "--exit", "--verbose")
    assert done.returncode == 0, done.stdout + done.stderr
    story = json.loads((lived.folder / "story.json").read_text())

    assert "ended what an earlier run had left running" in done.stdout
    assert "POST https://localhost:" in done.stdout
    assert {**story, "deployments": None} == {**lived.story, "deployments": None}
    assert not before & {one["certificate_id"] for one in story["deployments"]}
    assert 0 == verify(Path(story["export_file"])).returncode
    assert [] == running_for(lived.folder)


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path):
    """A slip like ``--keep ~`` changes nothing."""
    (tmp_path / "thesis.txt").write_text("years of work")
    mode = tmp_path.stat().st_mode
    done = demo("--keep", tmp_path)

    assert 1 == done.returncode
    assert "is not empty" in done.stdout
    assert ([tmp_path / "thesis.txt"], mode) == (list(tmp_path.iterdir()), tmp_path.stat().st_mode)


def test_a_broken_backend_is_told_with_where_to_look():
    """After a 5xx the correlation id and the log's path are named; after a refusal they are not."""
    log = Path("/nowhere/logs/backend.log")
    with pytest.raises(StoryError, match=r"correlation id c-1, see /nowhere/logs/backend\.log"):
        Answer(500, {"correlation_id": "c-1"}, None, log).good()

    assert "" == Answer(422, {"correlation_id": "c-1"}, None, log).where


def test_stopping_what_is_not_there(tmp_path: Path):
    """A slip in the folder's name is told, and is no success."""
    done = demo("--stop", tmp_path / "nothing")

    assert (1, True) == (done.returncode, "is no folder of a demo" in done.stdout)


def test_without_nginx_a_small_server_stands_in(tmp_path, capsys, monkeypatch):
    """The story is the same, and says what stood in; a set-up that was cut off before is begun anew."""
    monkeypatch.setenv("COLUMNS", "100")  # narrower, sentences are broken into their columns
    place = Place.made(tmp_path / "kept")
    place.data.mkdir()
    for torn in (place.data / "ledger.sqlite", place.kek, place.offline / "root-passphrase"):
        torn.write_text("torn")
    live(Scene(place, Teller(), Processes(place), WebServer(place, nginx="")), leaving=False)
    told = " ".join(capsys.readouterr().out.split())

    assert "a small TLS server of the demo stands in" in told
    assert "at reload: the reload unit says:" in told
    assert "rolled back, the old one is served" in told
    assert [] == running_for(place.folder)
