"""Evidence: what happened, to what, by whom; the ledger's export, and whether its chain holds."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.certificates import Limit, history_table, show_list
from api.cli.errors import Misused, Refused
from api.cli.invocation import Run, command
from api.cli.output import Cell
from api.cli.text import rfc3339_of

APP = typer.Typer(help="Evidence; every look at it is itself recorded.", no_args_is_help=True)
ObjectId = Annotated[str, typer.Argument(metavar="ID", help="Any object's id.")]
Time = Annotated[str, typer.Option(metavar="TIME", help="RFC 3339, e.g. 2026-11-23T12:00:00Z.")]


@command(APP, "search")
def search(
    run: Run,
    *,
    actor: Annotated[str, typer.Option(help="A pseudonym: p-…")] = "",
    object_id: Annotated[str, typer.Option("--object", help="Any object's id.")] = "",
    topic: Annotated[str, typer.Option(help="How it begins, e.g. sslclm.certificate.")] = "",
    correlation: Annotated[str, typer.Option(help="A correlation id.")] = "",
    since: Time = "",
    until: Time = "",
    limit: Limit = 50,
) -> None:
    """Search the events, the newest first."""
    asked = {
        "actor": actor or None,
        "object": object_id or None,
        "topic": topic or None,
        "correlation": correlation or None,
        "from": rfc3339_of(since),
        "to": rfc3339_of(until),
    }
    columns: Mapping[str, Cell] = {
        "position": lambda row: row["position"],
        "when": lambda row: run.out.when_lines(row["recorded_at"]),
        "what": lambda row: [row["topic"].removeprefix("sslclm.").removesuffix(".v1"), row["stream_id"]],
        "who": lambda row: [row["actor_name"] or row["actor"], _pseudonym(row), row["role"]],
    }
    show_list(run, "/audit/events", limit, asked, columns, nothing="No events.")


def _pseudonym(row: Mapping[str, Any]) -> str | None:
    """Return what the ledger itself says of a person whose name is shown."""
    return row["actor"] if row["actor_name"] and row["actor"].startswith("p-") else None


@command(APP, "object")
def object_history(run: Run, object_id: ObjectId, *, limit: Limit = 500) -> None:
    """Tell an object's history, the oldest first."""
    if "/" in object_id or not (object_id.isascii() and object_id.isprintable()) or set("?#%") & set(object_id):
        raise Misused(f"{object_id!r} is no object's id", fix="an id looks like order-1b4e28ba-2fa1-4…")
    found = run.api.listing(f"/audit/objects/{object_id}", limit)
    if run.out.as_json:
        run.out.document(found)
        return
    history_table(run, found["items"])


@command(APP, "verify")
def verify(run: Run) -> None:
    """Let the server recompute its whole chain; without trust in the server: export, then sslclm-verify."""
    verdict = run.api.get("/audit/verify")
    if run.out.as_json:
        run.out.document(verdict)
    if not verdict["holds"]:
        place = f" at position {verdict['first_bad_position']}" if verdict["first_bad_position"] else ""
        fix = "keep everything as it is, export the ledger, and tell your auditors"
        raise Refused(f"the chain does not hold{place}: {verdict['message']}", fix=fix)
    if not run.out.as_json:
        run.out.card("The chain holds.", {name: verdict[name] for name in ("entries", "events", "head")})


@command(APP, "export")
def export(run: Run, file: Annotated[Path, typer.Argument(help="Where to write it; must not exist.")]) -> None:
    """Write the whole ledger in the public format; check it with sslclm-verify, without this server."""
    size = _save(run, file)
    if run.out.as_json:
        run.out.document({"file": str(file), "bytes": size})
    run.out.say(f"{file}: {size} bytes. Check it: sslclm-verify {file}")


def _save(run: Run, file: Path) -> int:
    """Write the export under a temporary name first: a file under its own name is whole. Returns its size."""
    if file.exists():
        raise Misused(f"{file} exists and is not overwritten", fix="name another file")
    part, size = file.with_name(f".{file.name}.{secrets.token_hex(4)}"), 0
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as out, run.api.stream("/audit/export") as pieces:
            for piece in pieces:
                size += out.write(piece)
        part.rename(file)
    except OSError as error:
        raise Misused(f"cannot write {file}: {error.strerror}", fix="name another file") from error
    finally:
        part.unlink(missing_ok=True)
    return size
