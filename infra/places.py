"""Where a backend keeps what it knows, as the settings name it: a data folder, a key apart from it, a database."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from commands.ports.keystore import Secret
from domain.errors import InvalidInput
from infra.files import Files
from infra.keystore.files import read_private
from infra.mongodb.connection import MongoUrl, check_url

_PASSWORD_LIMIT = 1_024


class Places(BaseModel):
    """The settings of places: members of ``infra.settings.Settings``."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    data_dir: Path
    kek_file: Path
    high_water_file: Path | None = None
    database: str = ""
    database_password_file: Path | None = None

    def files(self) -> Files:
        """Return the places. Raises InvalidInput and NotFound where the password's file cannot be used."""
        return Files(self.data_dir, self.kek_file, self._mongo_url())

    def _mongo_url(self) -> MongoUrl | None:
        if not self.database.startswith("mongodb"):
            return None
        return check_url(self.database, read_password(self.database_password_file))


def make_folder(path: Path) -> None:
    """Make a data folder, for its owner only. Raises InvalidInput where there can be none."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(
            f"there can be no folder {path}: {error.strerror}", rule="data-folder", fix="name a folder that is ours"
        ) from error


def read_password(path: Path | None) -> Secret | None:
    """Return what a password's file holds. Raises InvalidInput and NotFound where others may read it, or it is gone."""
    return Secret(read_private(path, _PASSWORD_LIMIT).strip()) if path else None


def check_places(places: Places) -> None:
    """Raise ValueError with the sentence an operator needs for places that cannot be."""
    named = {
        "SSLCLM_DATA_DIR": places.data_dir,
        "SSLCLM_KEK_FILE": places.kek_file,
        "SSLCLM_HIGH_WATER_FILE": places.high_water_file,
    }
    for name, path in named.items():
        if path is not None and not path.is_absolute():
            raise ValueError(f"{name} must be an absolute path: {path} depends on where the process was started")
    data = places.data_dir.resolve()
    if places.kek_file.resolve().is_relative_to(data):
        raise ValueError(
            "SSLCLM_KEK_FILE must not lie inside SSLCLM_DATA_DIR, or a copy of the data would carry its own key: "
            "put it elsewhere, e.g. /etc/sslclm/kek"
        )
    if places.high_water_file and places.high_water_file.resolve().is_relative_to(data):
        raise ValueError(
            "SSLCLM_HIGH_WATER_FILE must not lie inside SSLCLM_DATA_DIR, or a restore would bring the old mark "
            "back: put it on another disk"
        )
    _check_database(places)


def _check_database(places: Places) -> None:
    scheme, _, rest = places.database.partition("://")
    if scheme == "sqlite" and Path(rest) != places.data_dir:
        raise ValueError(f"SSLCLM_DATABASE: SQLite's files lie in the data folder: sqlite://{places.data_dir}")
    if scheme not in {"", "sqlite", "mongodb"}:
        raise ValueError("SSLCLM_DATABASE is sqlite:///DATA_DIR (the default) or mongodb://HOST:PORT,.../NAME?...")
    if places.database_password_file and scheme != "mongodb":
        raise ValueError("SSLCLM_DATABASE_PASSWORD_FILE belongs to a mongodb:// database")
    if scheme == "mongodb":
        try:
            check_url(places.database)
        except InvalidInput as problem:
            raise ValueError(f"{problem.message}: {problem.fix}") from None
