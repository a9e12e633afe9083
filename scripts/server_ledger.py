"""Moving the ledger, and what lies beside it, from one store into another."""

from __future__ import annotations

import json
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from domain.errors import ClmError, InvalidInput
from infra.clock import utc_now
from infra.files import Files
from infra.ledger.export import import_ledger
from infra.mongodb.connection import check_url
from infra.moving import Moved, Tell, move
from infra.places import check_places, make_folder, read_password
from infra.settings import Settings
from infra.stores import in_words, stores_of
from scripts.server_fail import fail

APP = typer.Typer(help="The ledger's store, on the server.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="as JSON")]
_URL = "sqlite:///DATA_DIR or mongodb://HOST:PORT,…/NAME?replicaSet=RS"
From = Annotated[str, typer.Argument(metavar="FROM", help=_URL)]
To = Annotated[str, typer.Argument(metavar="TO", help="the same; empty, or holding a part of this very ledger")]
Password = Annotated[Path | None, typer.Option(metavar="FILE", help="password of the database's user, 0600")]
_EVERY_S = 0.5


@APP.command("copy")
def copy(
    source: From,
    target: To,
    from_password_file: Password = None,
    to_password_file: Password = None,
    *,
    as_json: Json = False,
) -> None:
    """Copy the ledger byte for byte, then keys, directory and notices; verified as it goes, resumed where it broke off.

    The server may go on running on FROM while most is copied; stop it and run this once more for the rest.
    """
    try:
        settings = Settings.from_environment(serving=False)
        moved = move(
            _place(settings, source, from_password_file),
            _place(settings, target, to_password_file),
            clock=utc_now,
            tell=Tell(Progress("ledger"), lambda line: print(line, file=sys.stderr)),
        )
        print(json.dumps(moved._asdict()) if as_json else _words(moved))
    except ClmError as error:
        raise fail(error) from error


@APP.command("import")
def import_export(
    export: Annotated[Path, typer.Argument(metavar="EXPORT", help="a whole export: sslclm audit export FILE")],
    *,
    as_json: Json = False,
) -> None:
    """Take an export into the empty ledger of SSLCLM_DATABASE, byte for byte, all or nothing. Keys are not in it."""
    try:
        files = Settings.from_environment(serving=False).files()
        make_folder(files.data_dir)
        with closing(stores_of(files)) as stores, stores.ledger(utc_now) as ledger, in_words():
            verdict = import_ledger(export, ledger)
        told = {"entries": verdict.entries, "events": verdict.events, "head": verdict.head, "origin": verdict.origin}
        print(json.dumps(told) if as_json else ", ".join(f"{name}: {value}" for name, value in told.items()))
    except ClmError as error:
        raise fail(error) from error


class Progress:
    """Tells on standard error how far something has come; on one line where somebody looks, twice a second at most."""

    def __init__(self, what: str) -> None:
        self._what, self._last, self._live = what, 0.0, sys.stderr.isatty()

    def __call__(self, done: int, of: int) -> None:
        """Take a step."""
        now = time.monotonic()
        if done < of and now - self._last < _EVERY_S:
            return
        self._last = now
        end = "\r" if self._live and done < of else "\n"
        print(f"{self._what}: position {done} of {of}", end=end, file=sys.stderr, flush=True)


def _place(settings: Settings, url: str, password_file: Path | None) -> Files:
    """Return the place that a URL names; what is in no database lies in the settings' own data folder."""
    if url.startswith("sqlite:///"):
        settings = settings.model_copy(update={"data_dir": Path(url.removeprefix("sqlite://")), "database": ""})
        return _checked(settings).files()
    if not url.startswith("mongodb://"):
        raise InvalidInput("FROM and TO are places of a ledger", rule="ledger-place", fix=f"write {_URL}")
    return Files(settings.data_dir, settings.kek_file, check_url(url, read_password(password_file)))


def _checked(settings: Settings) -> Settings:
    """Return settings whose places may be: a key inside the folder that it opens is refused here too."""
    try:
        check_places(settings)
    except ValueError as problem:
        raise InvalidInput(str(problem), rule="ledger-place", fix="name another folder") from None
    return settings


def _words(moved: Moved) -> str:
    ledger = f"{moved.events} events in {moved.entries} entries, head {moved.head}"
    if not moved.whole:
        return (
            f"{ledger}. The server still runs on the source: stop it and run this once more, for the rest and the keys."
        )
    beside = f"{moved.keys} fields of keys, {moved.records} rows of directory and notices"
    return f"{ledger}; {beside}. Let SSLCLM_DATABASE (a folder: SSLCLM_DATA_DIR) name the target, and start there only."
