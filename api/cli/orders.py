"""Orders: wish for a certificate, decide about one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.cards import order_card
from api.cli.delivery import check_folder, wait_for, write_chain
from api.cli.errors import CliError, Misused, Waiting
from api.cli.invocation import Run, command
from api.cli.naming import exact_id, id_of
from api.cli.wish import Place, read_csr, seconds, targets

APP = typer.Typer()
PANEL = "Certificates"
OrderId = Annotated[str, typer.Argument(metavar="ORDER", help="order-…")]
Reason = Annotated[str, typer.Option(help="Why; kept where it can be erased.")]


@command(APP, "request", changes=True, panel=PANEL)
def request(  # noqa: PLR0913 - each parameter is one option
    run: Run,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="DNS names; default: the CSR's.")
    ] = None,
    *,
    team: Annotated[str, typer.Option(help="Owner: name or id.")],
    profile: Annotated[str, typer.Option(help="Name or id.")],
    csr: Annotated[Path | None, typer.Option(help="Your own CSR (PEM).")] = None,
    host: Annotated[str, typer.Option(help="Host whose agent makes the key: name or id.")] = "",
    directory: Annotated[str, typer.Option(help="Absolute path on the host.")] = "",
    endpoint: Annotated[list[str] | None, typer.Option(help="address:port/servername; must serve it. Repeat.")] = None,
    validator: Annotated[str, typer.Option(help="Name of a validator in agent.properties.")] = "",
    reloader: Annotated[str, typer.Option(help="Name of a reloader in agent.properties.")] = "",
    targets_file: Annotated[Path | None, typer.Option("--targets", help='JSON: [{"host", "spec"}, …].')] = None,
    ip: Annotated[list[str] | None, typer.Option(help="IP address to name. Repeat.")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Validity; default: the profile's maximum.")] = None,
    validity: Annotated[int | None, typer.Option(min=1, help="Validity in seconds.")] = None,
    key_algorithm: Annotated[str, typer.Option(help="e.g. EC-P256; default: the profile's first.")] = "",
    out: Annotated[Path | None, typer.Option(help="Folder for cert.pem, chain.pem, fullchain.pem.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it is issued and served.")] = False,
    timeout: Annotated[int, typer.Option(min=1, help="Seconds to wait at most.")] = 900,
) -> None:
    """Order a certificate: for your own CSR, or for hosts whose agents make the key."""
    place = Place(host, directory, tuple(endpoint or ()), validator, reloader, targets_file)
    body = _body(run, names or [], place, csr)
    body |= {"team_id": id_of(run.api, "team", team), "profile_id": id_of(run.api, "profile", profile)}
    body |= {"ip_addresses": ip or [], "validity": seconds(days, validity), "key_algorithm": key_algorithm or None}
    _deliver(run, body, out, timeout if wait else 0)


def _body(run: Run, names: list[str], place: Place, csr: Path | None) -> dict[str, Any]:
    if csr is None:
        return {"dns_names": names, "targets": targets(run.api, place, names[0] if names else "")}
    if place.given():
        raise Misused("give either a CSR or targets", fix="leave out --csr, or --host and its like")
    return {"dns_names": names, "csr": read_csr(csr)}


def _deliver(run: Run, body: dict[str, Any], out: Path | None, wait_s: int) -> None:
    """Send the order, wait if asked to, write files, tell. Raises Waiting where there is no certificate yet."""
    if out is not None:
        if "csr" not in body:
            raise Misused("--out is for your own CSR", fix="hosts install their certificates themselves")
        check_folder(out)
    answer: dict[str, Any] = run.api.post("/orders", body)
    late = _finish(run, answer, out, wait_s)
    _tell(run, answer)  # first of all: what was ordered is ordered
    if late is not None:
        raise late


def _finish(run: Run, answer: dict[str, Any], out: Path | None, wait_s: int) -> CliError | None:
    """Wait and write files, adding to the answer; returns what stood in the way, None where nothing did."""
    try:
        if answer["state"] != "fulfilled":
            if not wait_s:
                return _waiting(answer)
            run.out.say(f"{answer['order_id']} is {answer['state']}; waiting for it.")
            order = wait_for(run, answer["order_id"], wait_s)
            answer |= {"state": order["state"], "certificate_id": order["certificates"].get("")}
        if out is not None and answer.get("certificate_id"):
            answer["files"] = write_chain(out, run.api.text(f"/certificates/{answer['certificate_id']}/chain"))
    except CliError as error:
        return error
    return None


def _waiting(answer: dict[str, Any]) -> Waiting:
    who = "people's approval" if answer["state"] == "waiting" else "its hosts"
    return Waiting(f"accepted; it waits for {who}", fix=f"follow it: sslclm show {answer['order_id']}")


def _tell(run: Run, answer: dict[str, Any]) -> None:
    if run.out.as_json:
        run.out.document(answer)
        return
    facts = {
        "state": answer["state"],
        "certificate": answer.get("certificate_id"),
        "serial": answer.get("serial"),
        "expires": run.out.when(answer["not_after"]) if answer.get("not_after") else "",
        "files": answer.get("files"),
    }
    run.out.card(answer["order_id"], facts)
    if answer.get("certificate") and not answer.get("files"):
        run.out.say("The certificate: sslclm show " + answer["certificate_id"] + " --chain")


@command(APP, "approve", changes=True, panel=PANEL)
def approve(
    run: Run,
    order: OrderId,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; you have read it.")] = False,
) -> None:
    """Approve somebody else's order: exactly the request that is shown, by its hash."""
    path = f"/orders/{exact_id(order, 'order')}"
    if run.out.as_json and not yes:
        raise Misused("--json asks nobody", fix="add --yes once you have read the order")
    seen = run.api.get(path)
    if not run.out.as_json:
        order_card(run, seen)
    if not yes and not typer.confirm("Approve exactly this?", err=True):
        raise typer.Exit(1)
    answer = run.api.post(f"{path}/approve", {"request_sha256": seen["request_sha256"]})
    if run.out.as_json:
        run.out.document(answer)
    run.out.say(f"Approved; {order} is {answer['state']}.")


@command(APP, "reject", changes=True, panel=PANEL)
def reject(run: Run, order: OrderId, *, reason: Annotated[str, typer.Option(help="Why not.")]) -> None:
    """Reject a waiting order."""
    act(run, f"/orders/{exact_id(order, 'order')}/reject", {"reason": reason}, f"{order} is rejected.")


@command(APP, "cancel", changes=True, panel=PANEL)
def cancel(run: Run, order: OrderId, *, reason: Reason = "") -> None:
    """Cancel an order while nothing is issued under it."""
    act(run, f"/orders/{exact_id(order, 'order')}/cancel", {"reason": reason}, f"{order} is cancelled.")


@command(APP, "resume", changes=True, panel=PANEL)
def resume(run: Run, order: OrderId, *, reason: Reason = "") -> None:
    """Certify the CSR of an order once more, after an issuance that failed."""
    act(run, f"/orders/{exact_id(order, 'order')}/resume", {"reason": reason}, f"{order} goes on.")


def act(run: Run, path: str, body: dict[str, Any], done: str) -> None:
    """Send a command and say that it is done."""
    answer = run.api.post(path, body)
    if run.out.as_json:
        run.out.document(answer)
    run.out.say(done)
