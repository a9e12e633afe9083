"""The one connection of a process to its MongoDB replica set, which every adapter there shares.

What a URL may say is narrow on purpose: a database's name, the hosts, who we are, and which certificates are trusted.
How safely is written and read is not a matter of settings: majority and journal, always.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bson.codec_options import CodecOptions
from pymongo import MongoClient, ReadPreference, WriteConcern
from pymongo.database import Database
from pymongo.errors import ConfigurationError, InvalidURI, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.uri_parser import parse_uri

from commands.ports.keystore import Secret
from domain.errors import InvalidInput, Unavailable

Document = dict[str, Any]

MAJORITY = WriteConcern(w="majority", j=True)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_MAY = frozenset(
    {"replicaset", "tls", "ssl", "tlscafile", "tlscertificatekeyfile", "authmechanism", "authsource", "appname"}
)
_ITS_OWN = frozenset({"admin", "local", "config"})
_NAME_BYTES = 56
"""MongoDB takes 63; the read models' database has a longer name than ours."""
_REFUSALS = {
    13: ("does not let its user do this", "give the user the role for it; infra/ledger/README.md has the roles"),
    18: ("does not know its user", "mend the URL's user and authSource, or the password in the file that is named"),
}
_HEARTBEAT_MS, _CONNECT_MS, _SELECT_MS, _CALL_MS = 2_000, 3_000, 15_000, 20_000
_PATIENCE_S = 5.0
"""So long calls wait for a primary to be elected; after that they are refused at once until there is one."""


@dataclass(frozen=True, slots=True)
class MongoUrl:
    """A checked URL; its repr names hosts and database and nothing else."""

    url: str
    database: str
    hosts: tuple[str, ...]
    password: Secret | None = None

    def __repr__(self) -> str:
        return f"mongodb://{','.join(self.hosts)}/{self.database}"

    __str__ = __repr__


def check_url(url: str, password: Secret | None = None) -> MongoUrl:
    """Return a URL that may be used. Raises InvalidInput, never with the URL in it: it may hold a password.

    ``password``: of the user that the URL names, where it does not stand there.
    """
    if not url.startswith("mongodb://"):
        raise _refused("it does not begin with mongodb://", "write the hosts out: mongodb://HOST:PORT,.../NAME")
    try:
        parts = parse_uri(url, validate=False, normalize=False)
    except (InvalidURI, ConfigurationError, ValueError):
        raise _refused("it cannot be read", "see infra/README.md for the form of the URL") from None
    options = {str(name).lower(): str(value) for name, value in dict(parts["options"]).items()}
    hosts = tuple(f"{host}:{port}" for host, port in parts["nodelist"])
    _check_database(parts["database"], parts["collection"])
    if unknown := sorted(options.keys() - _MAY):
        raise _refused(f"it sets {', '.join(unknown)}", f"only these may be set: {', '.join(sorted(_MAY))}")
    if not options.get("replicaset"):
        raise _refused("it names no replica set", "add replicaSet=NAME; a single node is a replica set of one")
    _check_transport(options, {host for host, _ in parts["nodelist"]})
    try:
        parse_uri(url)
    except (ConfigurationError, ValueError, OSError):
        raise _refused("one of its options has no meaning", "see infra/README.md for the form of the URL") from None
    return MongoUrl(url, str(parts["database"]), hosts, password)


def _check_database(name: str | None, collection: str | None) -> None:
    if not name:
        raise _refused("it names no database", "end it with the database's name: .../sslclm?replicaSet=rs0")
    if collection:
        raise _refused("it names a collection", "end it with the database's name, which has no dot in it")
    if name in _ITS_OWN or len(name.encode()) > _NAME_BYTES:
        raise _refused(
            "its database is MongoDB's own, or has too long a name",
            f"name another, of at most {_NAME_BYTES} bytes: .../sslclm?replicaSet=rs0",
        )


def _check_transport(options: dict[str, str], hosts: set[str]) -> None:
    tls = "true" in (options.get("tls"), options.get("ssl"))
    if not tls and hosts - _LOOPBACK:
        raise _refused("it goes over a network in clear", "add tls=true&tlsCAFile=FILE")
    if tls and not options.get("tlscafile"):
        raise _refused("it trusts whatever this machine trusts", "add tlsCAFile=FILE, the CA of the database's nodes")
    for name in ("tlscafile", "tlscertificatekeyfile"):
        if name in options and not Path(options[name]).is_file():
            raise _refused(f"{name} names no file", "give the absolute path of a PEM file")


class MongoConnection:
    """A client of one database. ``database`` writes with majority and journal and reads what a majority has.

    ``reaching`` wraps every call: what the driver raises becomes Unavailable with the sentence an operator needs, and
    while there has been no primary for some seconds calls are refused at once instead of piling up.
    """

    def __init__(self, url: MongoUrl) -> None:
        self.url = url
        login: dict[str, Any] = {"password": url.password.reveal().decode()} if url.password else {}
        self.client: MongoClient[Document] = MongoClient(
            url.url,
            heartbeatFrequencyMS=_HEARTBEAT_MS,
            connectTimeoutMS=_CONNECT_MS,
            serverSelectionTimeoutMS=_SELECT_MS,
            timeoutMS=_CALL_MS,
            retryWrites=True,
            retryReads=True,
            appname="sslclm",
            tz_aware=True,
            **login,
        )
        self._lost_at: float | None = None

    @property
    def database(self) -> Database[Document]:
        """Return the database; every collection of it has the concerns above."""
        return self.client.get_database(
            self.url.database,
            codec_options=CodecOptions(tz_aware=True),
            read_preference=ReadPreference.PRIMARY,
            write_concern=MAJORITY,
            read_concern=ReadConcern("majority"),
        )

    @contextmanager
    def reaching(self) -> Iterator[None]:
        """Run calls of the driver. Raises Unavailable."""
        self._refuse_while_lost()
        try:
            yield
        except PyMongoError as error:
            raise self.unavailable(error) from error

    def unavailable(self, error: PyMongoError) -> Unavailable:
        """Return what a failed call means for whoever asked."""
        if isinstance(error, OperationFailure) and error.code in _REFUSALS:
            why, fix = _REFUSALS[error.code]
            return Unavailable(f"the database {self.url} {why}", rule="database-refuses", fix=fix)
        return Unavailable(
            f"the database {self.url} does not answer: {type(error).__name__}",
            rule="database-unavailable",
            fix="try again; if it stays so, look at the replica set: has it that name and a primary, may we reach it?",
        )

    def _refuse_while_lost(self) -> None:
        if self.client.topology_description.has_writable_server():
            self._lost_at = None
            return
        now = time.monotonic()
        self._lost_at = self._lost_at or now
        if now - self._lost_at > _PATIENCE_S:
            raise Unavailable(
                f"the database {self.url} has had no primary for {now - self._lost_at:.0f} s",
                rule="database-unavailable",
                fix="see the replica set: a majority of its nodes must run and reach each other",
            )

    def close(self) -> None:
        """Close every socket."""
        self.client.close()


def _refused(why: str, fix: str) -> InvalidInput:
    return InvalidInput(f"SSLCLM_DATABASE is not used: {why}", rule="database-url", fix=fix)
