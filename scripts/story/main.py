"""``scripts/demo``: prepare the place, live the chapters, say where everything is."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path

import httpx2

from scripts.story import backend, ending
from scripts.story.chapters import (
    accesses,
    authorities,
    deployment,
    host,
    imports,
    keys,
    owners,
    people_sign_in,
    pipeline,
    policy,
    proof,
    renewal,
    requests,
    revocation,
    rules,
)
from scripts.story.place import Place, StoryError
from scripts.story.processes import Processes
from scripts.story.scene import Scene
from scripts.story.tell import Teller
from scripts.story.webserver import WebServer

_ABOUT = (
    "One backend as it comes: ledger and read models in SQLite, an encrypted key store, HTTPS with a certificate of "
    "its own CA. One agent and one web server beside it. Everything is in {folder}; nothing listens beyond loopback."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Live the story; returns 0, 1 where it could not be lived to its end, 130 when interrupted."""
    asked = _parser().parse_args(arguments)
    teller = Teller(asked.verbose)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that knows no dots must not end the story
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # like Ctrl-C, so that nothing is left running
    try:
        if asked.stop is not None:
            return _stop(Place(_absolute(asked.stop, asked.caller)), teller)
        kept = _absolute(asked.keep, asked.caller) if asked.keep else None
        place = Place.made(kept or Path(tempfile.mkdtemp(prefix="sslclm-demo-")).resolve())
        live(Scene(place, teller, Processes(place), WebServer.found(place)), leaving=not asked.exit)
        if asked.exit and not kept:
            shutil.rmtree(place.folder)
            teller.note(f"\nEverything is ended, and the data in {place.folder} is removed; --keep DIR keeps it.")
    except (StoryError, OSError, httpx2.HTTPError) as error:
        teller.note(f"\ndemo: {error}", "red")
        return 1
    except KeyboardInterrupt:
        teller.note("\ndemo: interrupted")
        return 130
    return 0


def live(scene: Scene, *, leaving: bool) -> None:
    """Live the story; its processes go on afterwards only when it came to its end and is ``leaving`` them."""
    lived = False
    try:
        _chapters(scene)
        ending.tell(scene, leaving=leaving)
        lived = True
    finally:
        if not (lived and leaving):
            scene.processes.stop()
        if not lived:
            scene.teller.note(f"\nEverything is ended; data and logs are in {scene.place.folder}")


def _chapters(scene: Scene) -> None:
    """Live all chapters, one after another."""
    _prepare(scene)
    people_sign_in.live(scene)
    authorities.live(scene)
    rules.live(scene)
    host.live(scene)
    order_id = requests.live(scene)
    deployment.live(scene, order_id)
    build = pipeline.live(scene)
    renewal.live(scene)
    revocation.live(scene)
    seen = keys.live(scene)
    imports.live(scene)
    owners.live(scene, build)
    accesses.live(scene, seen)
    policy.live(scene)
    proof.live(scene)


def _prepare(scene: Scene) -> None:
    """Start backend and web server; whatever an earlier run left running in this folder is ended first."""
    place, teller = scene.place, scene.teller
    teller.chapter("SSL-CLM, lived on this machine", _ABOUT.format(folder=place.folder))
    ended = scene.processes.stop()
    if ended:
        teller.note(f"      ended what an earlier run had left running: {', '.join(ended)}")
    if not backend.is_set_up(place):
        teller.line("operator", "sslclm init --new-passphrase …", "")
        teller.quote("\n".join(backend.init(place)))
    backend.start(place, scene.processes)
    teller.line("backend", "sslclm serve", f"{place.base_url}, certificate of its own CA")
    scene.server.start(scene.processes)
    account = scene.server.account
    where = ", ".join(f"{site} on {place.ports[site]}" for site in ("www", "api"))
    teller.line("web server", f"{scene.server.kind} as {account.pw_name if account else 'this account'}", where)
    if not scene.server.nginx:
        teller.note(
            "      nginx is neither here nor could it be installed: a small TLS server of the demo stands in for it."
        )


def _stop(place: Place, teller: Teller) -> int:
    if not place.is_known:
        teller.note(f"demo: {place.folder} is no folder of a demo; give the one that --keep named", "red")
        return 1
    ended = Processes(place).stop()
    teller.note(f"ended: {', '.join(ended)}" if ended else "nothing of this folder was running")
    return 0


def _absolute(given: Path, caller: Path) -> Path:
    return (caller / given).resolve()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/demo", description="Live the whole story on this machine.")
    parser.add_argument(
        "--exit", action="store_true", help="end everything at the end; without --keep, remove the data"
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep data in DIR, continue there when run again")
    parser.add_argument("--verbose", action="store_true", help="show every request")
    parser.add_argument(
        "--stop", type=Path, metavar="DIR", help="end what an earlier run left running in DIR; only that"
    )
    parser.add_argument("--from", dest="caller", type=Path, default=Path.cwd(), help=argparse.SUPPRESS)
    return parser
