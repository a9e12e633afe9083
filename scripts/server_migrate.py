"""``sslclm migrate``: brings the database to what this version needs, with the rights of whoever may do that."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from domain.errors import ClmError
from infra.mongodb.connection import MongoConnection
from infra.mongodb.roles import make_roles
from infra.mongodb.schema import migrate
from infra.settings import Settings
from scripts.server_fail import fail


def migrate_command(
    *,
    roles: Annotated[
        bool, typer.Option("--roles", help="make the database's roles instead; as a user administrator of it")
    ] = False,
) -> None:
    """Make the collections and indexes that this version needs in the database that SSLCLM_DATABASE names.

    Give the URL of a user with the role sslclm-migrator: the backend's own user may not. Harmless when repeated, and
    while backends run. A data folder with SQLite needs nothing: files are brought up to date when they are opened.
    """
    try:
        url = Settings.from_environment(serving=False).files().database
        if url is None:
            print("the data folder keeps SQLite files: nothing to do")
            return
        with closing(MongoConnection(url)) as connection:
            if roles:
                make_roles(connection)
            else:
                migrate(connection)
    except ClmError as error:
        raise fail(error) from error
