"""Many certificates for CSRs of one's own, each written beside its CSR."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.batches import Told, send, unless_all_done
from api.cli.delivery import as_it_is
from api.cli.errors import Misused, Refused, Waiting
from api.cli.invocation import Run, command
from api.cli.naming import id_of
from api.cli.output import Cell
from api.cli.wish import read_csr, seconds

APP = typer.Typer()
PANEL = "Certificates"
SUFFIX = ".fullchain.pem"
_MANY = 10_000


@command(APP, "request-many", changes=True, panel=PANEL)
def request_many(
    run: Run,
    csrs: Annotated[list[Path], typer.Argument(metavar="CSR...", help="CSRs (PEM), and folders with *.csr in them.")],
    *,
    team: Annotated[str, typer.Option(help="Owner: name or id.")],
    profile: Annotated[str, typer.Option(help="Name or id.")],
    days: Annotated[int | None, typer.Option(min=1, help="Validity; default: the profile's maximum.")] = None,
    validity: Annotated[int | None, typer.Option(min=1, help="Validity in seconds.")] = None,
) -> None:
    """Order a certificate for each CSR: NAME.csr gets NAME.fullchain.pem beside it. What has that is left out."""
    every = {path: path.with_suffix(SUFFIX) for path in _files(csrs)}
    missing = {path: result for path, result in every.items() if not result.exists()}
    _check(every, missing)
    shared = {"team_id": id_of(run.api, "team", team), "profile_id": id_of(run.api, "profile", profile)}
    items = [{**shared, "validity": seconds(days, validity), "csr": read_csr(path)} for path in missing]
    run.out.say(f"If this is interrupted, repeat it with --idempotency-key {run.api.key}", style="dim")
    answers = zip(missing.items(), send(run, "/orders/bulk", items), strict=True)
    rows = [_row(run, path, result, told) for (path, result), told in answers]  # written as answers come
    _tell(run, rows, len(every) - len(missing))
    states = [row["state"] for row in rows]
    unless_all_done(run, states, "issued")
    waiting = states.count("waiting")
    if waiting:
        again = f"afterwards repeat this with --idempotency-key {run.api.key}"
        raise Waiting(f"{waiting} wait for people", fix=f"see: sslclm orders --waiting; {again}")


def _files(given: Sequence[Path]) -> list[Path]:
    """Return the CSRs in their order, each once. Raises Misused."""
    found: dict[Path, None] = {}
    for path in given:
        inside = sorted(path.glob("*.csr")) if path.is_dir() else [path]
        if not inside:
            raise Misused(f"there is no *.csr in {path}", fix="name the files")
        found |= dict.fromkeys(inside)
    if len(found) > _MANY:
        raise Misused(f"at most {_MANY} at once", fix="divide them over several runs")
    return list(found)


def _check(every: Mapping[Path, Path], missing: Mapping[Path, Path]) -> None:
    """Refuse, before anything is ordered, results that would meet in one file or cannot be written."""
    if len(set(every.values())) < len(every):
        raise Misused("two of these CSRs would get the same result file", fix="give them different names")
    for folder in {result.parent for result in missing.values()}:
        if not os.access(folder, os.W_OK | os.X_OK):
            raise Misused(f"{folder} cannot be written to; nothing was ordered", fix="copy the CSRs elsewhere")


def _row(run: Run, path: Path, result: Path, told: Told) -> dict[str, Any]:
    """Write the result where there is one; return what machines are told."""
    if told.problem:
        return {"csr": str(path), "state": told.state, **told.problem}
    row = {"csr": str(path), "state": "waiting", "order_id": told.answer["order_id"]}
    try:
        pem = _chain(run, told.answer)
    except Refused as error:  # people said no meanwhile
        return row | {"state": "refused", "detail": error.message, "fix": error.fix, "rule": error.rule}
    if not pem:
        return row
    try:
        with result.open("x", encoding="ascii") as file:
            file.write(pem)
    except OSError as error:
        raise Misused(
            f"{row['order_id']} is issued, but {result} cannot be written: {error.strerror}",
            fix=f"make room, and repeat this with --idempotency-key {run.api.key}",
        ) from error
    return row | {"state": "issued", "written": str(result)}


def _chain(run: Run, answer: Mapping[str, Any]) -> str:
    """Return certificate and chain; of an order that waited when it was made, as it is by now."""
    if answer.get("certificate"):
        return str(answer["certificate"] + "".join(answer["chain"]))
    order = as_it_is(run, answer["order_id"])
    made = list(order["certificates"].values()) if order["state"] == "fulfilled" else []
    return run.api.text(f"/certificates/{made[0]}/chain") if made else ""


def _tell(run: Run, rows: Sequence[dict[str, Any]], before: int) -> None:
    states = [row["state"] for row in rows]
    counts = {name: states.count(name) for name in ("issued", "waiting", "refused", "unknown")}
    if run.out.as_json:
        run.out.document({"items": rows, "counts": counts | {"there_before": before}, "key": run.api.key})
        return
    columns: Mapping[str, Cell] = {
        "CSR": lambda row: row["csr"],
        "state": lambda row: row["state"],
        "why": lambda row: [one for one in (row.get("order_id"), row.get("detail"), row.get("fix")) if one],
    }
    odd = [row for row in rows if row["state"] != "issued"]
    run.out.table(columns, odd, nothing="Every CSR has its certificate.")
    parts = [f"{count} {name}" for name, count in counts.items() if count]
    run.out.say(", ".join([*parts, *([f"{before} there before"] if before else [])]))
