"""Revoking: one certificate or many, at once or after their replacement, and calling it off."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.batches import send, unless_all_done
from api.cli.errors import Misused
from api.cli.invocation import Run, command
from api.cli.naming import exact_id
from api.cli.orders import act
from api.cli.text import moment, seconds_of
from api.cli.wish import read_text

APP = typer.Typer()
PANEL = "Certificates"
_MANY = 10_000
_FILE_MAX = 1_048_576
Reason = Annotated[str, typer.Option(help="For the record, in your own words.")]


Ids = Annotated[list[str] | None, typer.Argument(metavar="[CERTIFICATE]...", help="Their ids.", show_default=False)]
Listed = Annotated[Path | None, typer.Option(help="A file with an id in each line; - reads standard input.")]
Why = Annotated[str, typer.Option(help="RFC 5280: unspecified, keyCompromise, affiliationChanged, superseded, …")]
Replace = Annotated[str, typer.Option(help="first: order a replacement, revoke when it serves; no: now.")]
By = Annotated[str, typer.Option(metavar="SPAN", help="With first: regardless after, e.g. 2h.")]
Since = Annotated[str, typer.Option(metavar="TIME", help="Since when the key is suspected, with its zone.")]
Remove = Annotated[
    bool | None, typer.Option("--remove/--keep", help="Disable the site too; default: where nothing replaces it.")
]


@command(APP, "revoke", changes=True, panel=PANEL)
def revoke(  # noqa: PLR0913 - each parameter is one option
    run: Run,
    certificates: Ids = None,
    *,
    file: Listed = None,
    revocation_reason: Why = "unspecified",
    replace: Replace = "no",
    by: By = "",
    invalidity_date: Since = "",
    remove: Remove = None,
    reason: Reason = "",
) -> None:
    """Revoke certificates for good; each is a command of its own. The next CRL, within seconds, says so."""
    wanted = [exact_id(one, "certificate") for one in dict.fromkeys([*(certificates or ()), *_listed(file)])]
    if not 0 < len(wanted) <= _MANY:
        raise Misused(f"name 1 to {_MANY} certificates", fix="ids, or --file; divide more over several runs")
    body = {
        "revocation_reason": revocation_reason,
        "reason": reason,
        "replace": replace,
        "within": _within(by),
        "invalidity_date": _moment(invalidity_date),
        "remove": remove,
    }
    _send(run, wanted, {name: value for name, value in body.items() if value is not None})


@command(APP, "call-off", changes=True, panel=PANEL)
def call_off(
    run: Run, certificate: Annotated[str, typer.Argument(help="Id of the certificate.")], *, reason: Reason = ""
) -> None:
    """Call a planned revocation off; not where the key is compromised."""
    path = f"/certificates/{exact_id(certificate, 'certificate')}/call-off-revocation"
    act(run, path, {"reason": reason}, f"{certificate} is not revoked.")


def _send(run: Run, wanted: Sequence[str], body: Mapping[str, Any]) -> None:
    if not wanted[1:]:
        _tell(run, [run.api.post(f"/certificates/{wanted[0]}/revoke", body)])
        return
    told = send(run, "/certificates/bulk-revoke", [{"certificate_id": one, **body} for one in wanted])
    pairs = zip(wanted, told, strict=True)
    rows = [one.answer or {"id": name, "state": one.state, **one.problem} for name, one in pairs]
    _tell(run, rows)
    unless_all_done(run, [row["state"] for row in rows], "revoked")


def _listed(file: Path | None) -> list[str]:
    """Return the first word of every line of a file; what stands behind it, and behind #, is for people."""
    if file is None:
        return []
    text = sys.stdin.read(_FILE_MAX) if str(file) == "-" else read_text(file, _FILE_MAX)
    return [words[0] for line in text.splitlines() if (words := line.partition("#")[0].split())]


def _tell(run: Run, outcomes: Sequence[dict[str, Any]]) -> None:
    if run.out.as_json:
        run.out.document(outcomes if outcomes[1:] else outcomes[0])
        return
    for one in outcomes:
        run.out.say(f"{one['id']}: {one['state']}")
        for line in _follows(run, one):
            run.out.say(f"  {line}")


def _follows(run: Run, row: Mapping[str, Any]) -> list[str]:
    if row["state"] in {"refused", "unknown"}:
        return [one for one in (row["detail"], row["fix"]) if one]
    lines = [f"{one['deployment_id']}: {one['state']} {one['detail']}".rstrip() for one in row["places"]]
    lines += [f"the same key is in force in {one}: revoke it, too" for one in row.get("same_key", ())]
    if row.get("waits_for_people"):
        lines.append(f"it waits for people's approval: sslclm approve {row['order_id']}")
    if row["state"] == "planned":
        when = f"when {row['order_id']} serves, " if row["order_id"] else ""
        return [f"revoked {when}at the latest {run.out.when(row['at_latest'])}", *lines]
    return ["on the CRL within seconds", *lines]


def _within(by: str) -> int | None:
    if not by:
        return None
    seconds = seconds_of(by)
    if seconds is None:
        raise Misused(f"{by!r} is no span of time", fix="for example: --by 2h, 90m or 3d")
    return seconds


def _moment(text: str) -> str | None:
    if not text:
        return None
    read = moment(text)
    if read is None:
        raise Misused(f"{text!r} is no moment", fix="for example: --invalidity-date 2026-11-20T08:00:00Z")
    return read.isoformat().replace("+00:00", "Z")
