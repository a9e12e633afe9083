"""Who accessed a key or a certificate, each row with its proof; and what is happening now."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.certificates import Limit
from api.cli.errors import Misused, Refused
from api.cli.following import follow
from api.cli.invocation import Run, command
from api.cli.output import Cell, warn
from api.cli.text import clock_time, rfc3339_of

APP = typer.Typer()
PANEL = "Evidence"
_CERTIFICATE = re.compile(r"certificate-[0-9a-f-]{36}|[0-9A-Fa-f:]{1,95}")
_OBJECT = re.compile(r"[a-z]{2,20}-[0-9a-f-]{36}")
_SHA256_HEX = 64
Time = Annotated[str, typer.Option(metavar="TIME", help="RFC 3339, e.g. 2026-11-23T12:00:00Z.")]


@command(APP, "who-accessed", panel=PANEL)
def who_accessed(
    run: Run,
    what: Annotated[
        str, typer.Argument(metavar="ID", help="Key, certificate or issuer; a serial; a SHA-256 of either, in hex.")
    ],
    *,
    access: Annotated[str, typer.Option(help="Only this kind, e.g. reveal, signing, refused.")] = "",
    actor: Annotated[str, typer.Option(help="A pseudonym: p-…")] = "",
    since: Time = "",
    until: Time = "",
    verify: Annotated[
        Path | None, typer.Option(metavar="EXPORT", help="Check each row against this export, offline.")
    ] = None,
    limit: Limit = 200,
) -> None:
    """Tell who touched a key or certificate, the newest first; this look is recorded, too."""
    asked = {"access": access or None, "actor": actor or None, "from": rfc3339_of(since), "to": rfc3339_of(until)}
    found = _found(run, what, limit, asked)
    checked = run.check_rows(verify, found, complete=_is_all(found, asked)) if verify else None
    if run.out.as_json:
        run.out.document(found if checked is None else {**found, "checked": checked})
    else:
        run.out.table(_columns(run), found["items"], nothing="Nobody, in what you asked for.")
        if found["next_cursor"]:
            run.out.say(f"There are more than these {len(found['items'])}: add --limit.", style="dim")
    if checked is not None:
        _tell_check(run, checked, verify)


def _found(run: Run, what: str, limit: int, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Ask for a certificate, or for a key; 64 hex digits may be the SHA-256 of either."""
    if not _CERTIFICATE.fullmatch(what):
        if not _OBJECT.fullmatch(what):
            raise Misused(f"{what!r} is neither an id nor hex digits", fix="see: sslclm list; sslclm show CERTIFICATE")
        return run.api.listing(f"/audit/keys/{what}/accesses", limit, **asked)
    digits = what.replace(":", "") if ":" in what else what
    try:
        return run.api.listing(f"/audit/certificates/{digits}/accesses", limit, **asked)
    except Refused as unknown:
        if unknown.rule != "not-found" or len(digits) != _SHA256_HEX:
            raise
        return run.api.listing(f"/audit/keys/{digits}/accesses", limit, **asked)


def _is_all(found: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    return found["next_cursor"] is None and not any(asked.values())


def _columns(run: Run) -> Mapping[str, Cell]:
    return {
        "position": lambda row: row["position"],
        "when": lambda row: run.out.when_lines(row["at"]),
        "what": lambda row: [row["what"], *([f"rule {row['rule']}"] if row["rule"] else [])],
        "who": lambda row: [row["actor_name"] or row["actor"], row["role"], row["client_address"] or None],
        "why": _why,
    }


def _why(row: Mapping[str, Any]) -> list[object]:
    reason = "(erased)" if row["erased"] else row["reason"]
    approvals = [f"approved by {one['name'] or one['by']} at {one['position']}" for one in row["approvals"]]
    return [one for one in (row["purpose"], reason, *approvals) if one]


def _tell_check(run: Run, checked: Mapping[str, Any], export: Path | None) -> None:
    if checked["damaged_at"] is not None:
        raise Refused(
            f"{export} itself does not hold (position {checked['damaged_at']}): {checked['message']}",
            fix=f"run sslclm-verify {export}, and export anew: sslclm audit export FILE",
        )
    if not checked["holds"]:
        raise Refused(
            f"the server's answer is not what the export says: {checked['message']}",
            fix="keep both, and tell your auditors",
        )
    if checked["newer"]:
        raise Misused(
            f"{checked['checked']} rows hold; {checked['newer']} are newer than {export}",
            fix="export again, and ask again: sslclm audit export FILE",
        )
    more = "; nothing in it was left out" if checked["complete"] else ""
    run.out.say(f"All {checked['checked']} rows hold against {export}{more}.")


@command(APP, "watch", panel=PANEL)
def watch(
    run: Run,
    *,
    since: Annotated[
        int | None, typer.Option(metavar="POSITION", min=0, help="Begin after this position; default: now.")
    ] = None,
) -> None:
    """Tell what happens, as it happens: everything, or what concerns your teams. Ctrl-C ends it."""
    warn("Watching; Ctrl-C ends it.")
    try:
        for happening in follow(run.api, run.around.pause, run.around.monotonic, after=since):
            if run.out.as_json:
                run.out.line(happening)
            else:
                run.out.say(_line(run, happening), style="red" if happening["access"] == "refused" else "")
    except KeyboardInterrupt:
        return  # the ordinary end


def _line(run: Run, happening: Mapping[str, Any]) -> str:
    who = happening["actor_name"] or happening["actor"] or "somebody"
    about = f": {happening['object']}" if happening["object"] else ""
    rule = f" by rule {happening['rule']}" if happening["rule"] else ""
    begin = f"{happening['position']}  {clock_time(happening['at'], run.around.zone)}"
    return f"{begin}  {happening['what']}{rule}{about}  ({who})"
