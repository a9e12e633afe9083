"""Importing: files with certificates and keys that others made."""

from __future__ import annotations

import base64
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.certificates import PANEL
from api.cli.errors import Misused, Refused
from api.cli.invocation import Run, command
from api.cli.naming import id_of, id_or_none
from api.cli.orders import Reason
from api.cli.output import Cell
from api.cli.wish import Place, targets

APP = typer.Typer()
_FILE_MAX = 700_000
_PASSWORDS_MAX = 65_536
_KEYS = {
    "none": "no key",
    "kept": "key kept in the key store",
    "dropped": "key not kept (name a --profile that allows it)",
}


@command(APP, "import", changes=True, panel=PANEL)
def import_files(
    run: Run,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="PEM, DER, PKCS #7, PKCS #12, JKS, JCEKS.")],
    *,
    team: Annotated[str, typer.Option(help="Owner: name or id.")],
    profile: Annotated[str, typer.Option(help="By which it is replaced, and may keep its key: name or id.")] = "",
    targets_file: Annotated[
        Path | None, typer.Option("--targets", help='Where it is replaced. JSON: [{"host", "spec"}, …].')
    ] = None,
    password_file: Annotated[
        Path | None, typer.Option(help="Passwords of stores and keys, one a line; - reads standard input.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be taken.")] = False,
    reason: Reason = "",
) -> None:
    """Import certificates and keys that others made, each with its owner; repeating it changes nothing."""
    body: dict[str, Any] = {
        "team_id": id_of(run.api, "team", team),
        "files": [{"name": path.name, "content": _content(path)} for path in files],
        "passwords": _passwords(password_file),
        "profile_id": id_or_none(run.api, "profile", profile),
        "targets": targets(run.api, Place(targets=targets_file), "") if targets_file else [],
        "dry_run": dry_run,
        "reason": reason,
    }
    _tell(run, run.api.post("/certificates/import", body))


def _content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_FILE_MAX + 1)
    except OSError as error:
        raise Misused(f"cannot read {path}: {error.strerror}", fix="check the path") from error
    if len(content) > _FILE_MAX:
        raise Misused(f"{path} is larger than {_FILE_MAX} bytes", fix="divide it")
    return base64.b64encode(content).decode()


def _passwords(path: Path | None) -> list[str]:
    if path is None:
        return []
    try:
        text = sys.stdin.read(_PASSWORDS_MAX) if str(path) == "-" else path.read_text("utf-8")[:_PASSWORDS_MAX]
    except OSError as error:
        raise Misused(f"cannot read {path}: {error.strerror}", fix="check the path") from error
    except UnicodeDecodeError as error:
        raise Misused(f"{path} is not text", fix="write one password a line, in UTF-8") from error
    return text.splitlines()


def _tell(run: Run, answer: Mapping[str, Any]) -> None:
    """Print what was found, what was taken and what not; fails where something found is not in the inventory."""
    refused = [one for one in answer["items"] if not one["taken"] and one["rule"] != "import-known"]
    if run.out.as_json:
        run.out.document(answer)
    else:
        _tables(run, answer)
    if not answer["items"]:
        raise Refused("there is no certificate to take in it", fix="the table says what there is, and what helps")
    if refused:
        sentence = f"{len(refused)} of {len(answer['items'])} certificates were not taken"
        raise Refused(sentence, fix="the table says why, and what helps")


def _tables(run: Run, answer: Mapping[str, Any]) -> None:
    columns: Mapping[str, Cell] = {
        "certificate": lambda row: [*_names(row), *(f"in {name}" for name in row["files"])],
        "issued by": lambda row: row["issuer_name"],
        "expires": lambda row: run.out.when_lines(row["not_after"]),
        "what became of it": lambda row: _verdict(row, dry_run=answer["dry_run"]),
    }
    run.out.table(columns, answer["items"], nothing="No certificates were found.")
    if answer["left_out"]:
        run.out.say("")
        left: Mapping[str, Cell] = {
            "left out of": lambda row: row["file"],
            "what": lambda row: row["what"],
            "what helps": lambda row: row["fix"],
        }
        run.out.table(left, answer["left_out"], nothing="")


def _names(row: Mapping[str, Any]) -> Sequence[str]:
    names = [*row["dns_names"], *row["ip_addresses"]] or ["(names no machine)"]
    more = row["names_left_out"]
    return [*names, f"({more} more that are no host names)"] if more else names


def _verdict(row: Mapping[str, Any], *, dry_run: bool) -> list[str]:
    if not row["taken"]:
        return [f"not taken: {row['why']}", row["fix"]]
    taken = ["would be taken"] if dry_run else ["taken", row["certificate_id"]]
    kept = [] if row["bytes_kept"] else ["it may name a person: its bytes are not kept"]
    expired = ["expired already"] if row["expired"] else []
    length = row["chain_length"]
    chain = f"chain of {length}" if length else "no CA certificates in the file"
    return [*taken, chain, _KEYS.get(row["key"], row["key"]), *expired, *kept]
