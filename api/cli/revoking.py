"""Revoking: one certificate or many, at once or after their replacement, and calling it off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from api.cli.errors import CliError, Misused, Refused, SignedOut
from api.cli.invocation import Run, command
from api.cli.naming import exact_id
from api.cli.orders import act
from api.cli.text import moment, seconds_of

APP = typer.Typer()
PANEL = "Certificates"
_MANY = 1_000
Reason = Annotated[str, typer.Option(help="For the record, in your own words.")]


Why = Annotated[str, typer.Option(help="RFC 5280: unspecified, keyCompromise, affiliationChanged, superseded, …")]
Replace = Annotated[str, typer.Option(help="first: order a replacement, revoke when it serves; no: now.")]
By = Annotated[str, typer.Option(metavar="SPAN", help="With first: regardless after, e.g. 2h.")]
Since = Annotated[str, typer.Option(metavar="TIME", help="Since when the key is suspected, with its zone.")]
Remove = Annotated[
    bool | None, typer.Option("--remove/--keep", help="Disable the site too; default: where nothing replaces it.")
]


@command(APP, "revoke", changes=True, panel=PANEL)
def revoke(
    run: Run,
    certificates: Annotated[list[str], typer.Argument(metavar="CERTIFICATE...", help="Their ids.")],
    *,
    revocation_reason: Why = "unspecified",
    replace: Replace = "no",
    by: By = "",
    invalidity_date: Since = "",
    remove: Remove = None,
    reason: Reason = "",
) -> None:
    """Revoke certificates for good; each is a command of its own. The next CRL, within seconds, says so."""
    wanted = [exact_id(one, "certificate") for one in dict.fromkeys(certificates)]
    if len(wanted) > _MANY:
        raise Misused(f"at most {_MANY} at once", fix="divide them over several runs")
    body = {
        "revocation_reason": revocation_reason,
        "reason": reason,
        "replace": replace,
        "within": _within(by),
        "invalidity_date": _moment(invalidity_date),
        "remove": remove,
    }
    body = {name: value for name, value in body.items() if value is not None}
    _tell(run, [_one(run, certificate, body, part=certificate if wanted[1:] else "") for certificate in wanted])


@command(APP, "call-off", changes=True, panel=PANEL)
def call_off(
    run: Run, certificate: Annotated[str, typer.Argument(help="Id of the certificate.")], *, reason: Reason = ""
) -> None:
    """Call a planned revocation off; not where the key is compromised."""
    path = f"/certificates/{exact_id(certificate, 'certificate')}/call-off-revocation"
    act(run, path, {"reason": reason}, f"{certificate} is not revoked.")


def _one(run: Run, certificate: str, body: Mapping[str, Any], *, part: str) -> dict[str, Any]:
    """Revoke one of several; what is refused is an outcome and does not stop the others."""
    try:
        return dict(run.api.post(f"/certificates/{certificate}/revoke", body, part=part))
    except SignedOut:
        raise
    except CliError as error:
        if not part:
            raise
        told = {"detail": error.message, "fix": error.fix, "rule": error.rule}
        return {"id": certificate, "state": "refused" if isinstance(error, Refused) else "unknown", **told}


def _tell(run: Run, outcomes: Sequence[dict[str, Any]]) -> None:
    bad = [one for one in outcomes if one["state"] in {"refused", "unknown"}]
    if run.out.as_json:
        run.out.document(outcomes if outcomes[1:] else outcomes[0])
    else:
        for one in outcomes:
            run.out.say(f"{one['id']}: {one['state']}")
            for line in _follows(run, one):
                run.out.say(f"  {line}")
    if bad:
        done = len(outcomes) - len(bad)
        raise Refused(f"{len(bad)} of {len(outcomes)} not revoked", fix=f"{done} are done; see why above")


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
