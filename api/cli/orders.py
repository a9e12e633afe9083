"""Orders: wish for a certificate, decide about one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.asking import confirm, may_ask
from api.cli.cards import order_card
from api.cli.delivery import as_it_is, check_folder, wait_for, write_chain
from api.cli.errors import CliError, Misused, Refused, ServerDown
from api.cli.invocation import Run, command
from api.cli.naming import exact_id, id_of
from api.cli.outcome import complete, tell, waiting
from api.cli.wish import Place, read_csr, seconds, targets

APP = typer.Typer()
PANEL = "Certificates"
OrderId = Annotated[str, typer.Argument(metavar="ORDER", help="order-…")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask; you have read it.")]
Reason = Annotated[str, typer.Option(help="Why; kept where it can be erased.")]

_OPTIONS = {
    "key_algorithm": "--key-algorithm",
    "ip_addresses": "--ip",
    "validity": "--days (in seconds: --validity)",
    "dns_names": "NAME",
    "targets.0.spec.endpoints": "--endpoint",
    "targets.0.spec.directory": "--directory",
}
"""Member of an order's body -> the option that gives it."""


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
    server_key: Annotated[bool, typer.Option("--server-key", help="The server makes and holds the key.")] = False,
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
    """Order a certificate: for your own CSR, for hosts whose agents make the key, or for a key of the server."""
    place = Place(host, directory, tuple(endpoint or ()), validator, reloader, targets_file)
    body = order_body(run, names or [], place, csr, server_key=server_key)
    body |= {"team_id": id_of(run.api, "team", team), "profile_id": id_of(run.api, "profile", profile)}
    body |= {"ip_addresses": ip or [], "validity": seconds(days, validity), "key_algorithm": key_algorithm or None}
    _deliver(run, body, out, timeout if wait else 0)


def order_body(
    run: Run, names: list[str], place: Place, csr: Path | None, *, server_key: bool = False
) -> dict[str, Any]:
    """Return names with targets or a CSR, as an order's body has them. Raises Misused and Refused."""
    if server_key:
        if csr is not None:
            raise Misused("a CSR brings its own key", fix="leave out --csr, or --server-key")
        places = targets(run.api, place, names[0] if names else "") if place.given() else []
        return {"dns_names": names, "targets": places, "server_key": True}
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
    answer = _order(run, body)
    late = _finish(run, answer, out, wait_s)
    if late is not None:
        raise late


def _order(run: Run, body: dict[str, Any]) -> dict[str, Any]:
    """Send the order; where a member is refused, the option that gave it is named."""
    try:
        answer: dict[str, Any] = run.api.post("/orders", body)
    except Refused as error:
        for member, option in _OPTIONS.items():
            if error.message.startswith((f"{member}:", f"{member}.")):
                error.message = f"{option}{error.message.removeprefix(member)}"
        raise
    return answer


def _finish(run: Run, answer: dict[str, Any], out: Path | None, wait_s: int) -> CliError | None:
    """Wait, write files, and tell: what was ordered is ordered. Returns what stood in the way, if anything did."""
    order: dict[str, Any] | None = None
    late: CliError | None = None
    try:
        if answer["state"] != "fulfilled":  # that is what the command came to: a repeated one is answered the same
            order = wait_for(run, answer["order_id"], wait_s) if wait_s else _seen(run, answer["order_id"])
            complete(run, answer, order or {})
        if answer["state"] != "fulfilled":
            late = waiting(run, order or answer)
        elif out is not None:
            answer["files"] = write_chain(out, run.api.text(f"/certificates/{answer['certificate_id']}/chain"))
    except CliError as error:
        late = error
    tell(run, answer, order)
    return late


def _seen(run: Run, order_id: str) -> dict[str, Any] | None:
    """Return the order as it is now; None where the server cannot say: it is accepted all the same."""
    try:
        return as_it_is(run, order_id)
    except ServerDown:
        return None


@command(APP, "approve", changes=True, panel=PANEL)
def approve(
    run: Run,
    order: OrderId,
    *,
    yes: Yes = False,
) -> None:
    """Approve somebody else's order: exactly the request that is shown, by its hash."""
    path = f"/orders/{exact_id(order, 'order')}"
    may_ask(run, yes=yes)
    seen = run.api.get(path)
    if not run.out.as_json:
        order_card(run, seen)
    if not yes:
        confirm("Approve exactly this?")
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
