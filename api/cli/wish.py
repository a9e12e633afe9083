"""What somebody wants, from options to the body of an order: names, targets, a CSR, how long."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api.cli.client import Api
from api.cli.errors import Misused
from api.cli.naming import id_of

_DAY = 86_400
_CSR_MAX = 65_536
_TARGETS_MAX = 1_048_576
_ENDPOINT_FIX = "say where the certificate must be served, e.g. --endpoint 10.0.0.5:443/www.shop.test"
_ENDPOINT = re.compile(r"(?P<address>\[[0-9A-Fa-f:.]+\]|[^\[\]:/]+):(?P<port>[0-9]{1,5})(/(?P<name>[^/]+))?")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a certificate goes, as options say it; ``validator`` and ``reloader`` are names that the host defines."""

    host: str = ""
    directory: str = ""
    endpoints: tuple[str, ...] = ()
    validator: str = ""
    reloader: str = ""
    targets: Path | None = None

    def given(self) -> bool:
        """Tell whether any of the options was used."""
        return bool(self.host or self.directory or self.endpoints or self.targets)


def endpoint(text: str, server_name: str) -> dict[str, Any]:
    """Return ``address:port[/servername]`` as a target's endpoint. Raises Misused."""
    found = _ENDPOINT.fullmatch(text)
    if found is None or not (found["name"] or server_name):
        raise Misused(f"{text!r} is not an endpoint", fix="write address:port/servername, e.g. 10.0.0.5:443/www.test")
    address = found["address"].removeprefix("[").removesuffix("]")
    return {"address": address, "port": int(found["port"]), "server_name": found["name"] or server_name}


def seconds(days: int | None, validity: int | None) -> int | None:
    """Return how long the certificate is to be good, None for the profile's maximum. Raises Misused."""
    if days is not None and validity is not None:
        raise Misused("--days and --validity say the same twice", fix="give one of them")
    return validity if days is None else days * _DAY


def read_csr(path: Path) -> str:
    """Return a CSR's PEM. Raises Misused, also where a private key lies beside it: keys are never sent."""
    content = read_text(path, _CSR_MAX)
    if "PRIVATE KEY" in content:
        raise Misused(f"{path} holds a private key, which is never sent", fix="put the CSR into a file of its own")
    if "CERTIFICATE REQUEST" not in content:
        raise Misused(f"{path} is not a CSR in PEM form", fix="for example: openssl req -new -key … -out site.csr")
    return content


def targets(api: Api, place: Place, server_name: str) -> list[dict[str, Any]]:
    """Return the targets, hosts by id. Raises Misused and Refused."""
    if place.targets is not None:
        if place.host or place.directory or place.endpoints:
            raise Misused("--targets and --host say the same twice", fix="give one of them")
        return [_from_file(api, one, place.targets) for one in _rows(place.targets)]
    if not (place.host and place.directory):
        raise Misused("a target needs --host and --directory", fix="or give --targets FILE, or --csr FILE")
    if not place.endpoints:
        raise Misused("a target needs --endpoint address:port/servername", fix=_ENDPOINT_FIX)
    spec = {
        "directory": place.directory,
        "endpoints": [endpoint(one, server_name) for one in place.endpoints],
        "validator": place.validator,
        "reloader": place.reloader,
    }
    return [{"host_id": id_of(api, "host", place.host), "spec": spec}]


def _rows(path: Path) -> list[Any]:
    try:
        read = json.loads(read_text(path, _TARGETS_MAX))
    except ValueError as error:
        raise Misused(f"{path} is not JSON: {error}", fix='write [{"host": "web1…", "spec": {…}}]') from error
    if not isinstance(read, list):
        raise Misused(f"{path} is not a list of targets", fix='write [{"host": "web1…", "spec": {…}}]')
    return read


def _from_file(api: Api, row: Any, path: Path) -> dict[str, Any]:
    if not isinstance(row, dict) or not isinstance(row.get("host"), str) or set(row) != {"host", "spec"}:
        raise Misused(f"{path}: a target has a host (name or id) and a spec", fix='{"host": "web1…", "spec": {…}}')
    return {"host_id": id_of(api, "host", row["host"]), "spec": row["spec"]}


def read_text(path: Path, limit: int) -> str:
    """Return a file's text, at most ``limit`` bytes. Raises Misused."""
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
        text = content.decode("utf-8")
    except OSError as error:
        raise Misused(f"cannot read {path}: {error.strerror}", fix="check the path") from error
    except UnicodeDecodeError as error:
        raise Misused(f"{path} is not text", fix="give a file in UTF-8; a CSR in PEM form") from error
    if len(content) > limit:
        raise Misused(f"{path} is larger than {limit} bytes", fix="check the path")
    return text


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object of a file. Raises Misused."""
    try:
        read = json.loads(read_text(path, _TARGETS_MAX))
    except ValueError as error:
        raise Misused(f"{path} is not JSON: {error}", fix="see: sslclm profiles show NAME --json") from error
    if not isinstance(read, dict):
        raise Misused(f"{path} is not a JSON object", fix="see: sslclm profiles show NAME --json")
    return read
