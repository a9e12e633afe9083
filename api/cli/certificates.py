"""Looking: lists of certificates and orders, any object with its history."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

import typer

from api.cli.cards import CARDS, plain_card
from api.cli.errors import Misused, Refused
from api.cli.invocation import Run, command
from api.cli.naming import PATHS, Names, exact_id, id_or_none, is_id
from api.cli.output import Cell
from api.cli.text import seconds_of

APP = typer.Typer()
PANEL = "Certificates"
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")]
Team = Annotated[str, typer.Option(help="Name or id.")]
_AUDITORS = frozenset({"ROLE_VIEWER", "ROLE_SEC_OPS", "ROLE_ADMIN"})
_HEX = frozenset("0123456789abcdef:")
_SHA256_HEX = 64
_SERIAL_HEX = 40


@command(APP, "list", panel=PANEL)
def list_certificates(
    run: Run,
    *,
    team: Team = "",
    name: Annotated[str, typer.Option(help="Exact DNS name or IP address.")] = "",
    state: Annotated[str, typer.Option(help="started, issued, failed, superseded or revoked.")] = "",
    expiring: Annotated[int | None, typer.Option(metavar="DAYS", min=0, help="Not after so many days.")] = None,
    within: Annotated[str, typer.Option("--expiring-within", help="The same as a span: 30d, 12h, 8w.")] = "",
    host: Annotated[str, typer.Option(help="Name or id.")] = "",
    limit: Limit = 50,
) -> None:
    """List certificates, the newest first; with --expiring the next to expire first."""
    within = within or ("" if expiring is None else f"{expiring}d")
    before = moment_in(run, within) if within else None
    asked = {
        "team": id_or_none(run.api, "team", team),
        "host": id_or_none(run.api, "host", host),
        "name": name or None,
        "state": state or ("issued" if before else None),
        "expiring_before": before,
    }
    names = Names(run.api)
    columns: Mapping[str, Cell] = {
        "certificate": lambda row: certificate_lines(row, names),
        "state, team": lambda row: [row["state"], names.team(row["team_id"])],
        "expires": lambda row: run.out.when_lines(row["not_after"]),
    }
    show_list(run, "/certificates", limit, asked, columns, nothing="No certificates.")


@command(APP, "orders", panel=PANEL)
def list_orders(
    run: Run,
    *,
    waiting: Annotated[bool, typer.Option("--waiting", help="Those that wait for people.")] = False,
    mine: Annotated[bool, typer.Option("--mine", help="Those that you requested.")] = False,
    team: Team = "",
    limit: Limit = 50,
) -> None:
    """List orders, the newest first."""
    asked = {
        "state": "waiting" if waiting else None,
        "mine": mine or None,
        "team": id_or_none(run.api, "team", team),
    }
    names = Names(run.api)
    columns: Mapping[str, Cell] = {
        "order": lambda row: [*row["subject"]["dns_names"], *row["subject"]["ip_addresses"], row["order_id"]],
        "state": lambda row: row["state"],
        "for": lambda row: [names.team(row["team_id"]), names.profile(row["profile_id"])],
        "requested": lambda row: [_requester(row), *run.out.when_lines(row["requested_at"])],
    }
    show_list(run, "/orders", limit, asked, columns, nothing="No orders.")


def certificate_lines(row: Mapping[str, Any], names: Names) -> list[str]:
    """Return a certificate's names and id; an agent's, which has no names, by its host."""
    called = [*row["dns_names"], *row["ip_addresses"]]
    if not called and row["purpose"] == "agent":
        called = [f"agent of {names.host(row['host_id'])}"]
    return [*called, row["certificate_id"]]


def moment_in(run: Run, within: str) -> str:
    """Return the moment that lies so far ahead, as the API takes it. Raises Misused."""
    seconds = seconds_of(within)
    if seconds is None:
        raise Misused(f"{within!r} is no span of time", fix="write it like 30d, 12h or 8w")
    return (run.around.now() + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def _requester(row: Mapping[str, Any]) -> object:
    return row.get("requester_name") or row["requester"]


def show_list(
    run: Run, path: str, limit: int, asked: Mapping[str, Any], columns: Mapping[str, Cell], *, nothing: str
) -> None:
    """Ask for a list and print it."""
    found = run.api.listing(path, limit, **asked)
    if run.out.as_json:
        run.out.document(found)
        return
    run.out.table(columns, found["items"], nothing=nothing)
    if found["next_cursor"]:
        run.out.say(f"There are more than these {len(found['items'])}: add --limit.", style="dim")


@command(APP, "show", panel=PANEL)
def show(
    run: Run,
    object_id: Annotated[str, typer.Argument(metavar="ID", help="Any object's id; a serial or SHA-256 in hex.")],
    *,
    chain: Annotated[bool, typer.Option("--chain", help="Only the chain, PEM; also of an order's CSR.")] = False,
) -> None:
    """Show an object with its history, where you may read it."""
    kind, found_id = _kind_and_id(run, object_id)
    if chain:
        _print_chain(run, kind, found_id)
        return
    show_object(run, kind, found_id)


def show_object(run: Run, kind: str, object_id: str) -> None:
    """Show one object with its history."""
    row = run.api.get(f"{PATHS[kind]}/{object_id}")
    past = _history(run, object_id)
    if run.out.as_json:
        run.out.document({"object": row, "history": past})
        return
    if kind in CARDS:
        CARDS[kind](run, row)
    else:
        plain_card(run, row, object_id)
    if past:
        run.out.say("")
        history_table(run, past)


def history_table(run: Run, past: list[dict[str, Any]]) -> None:
    """Print an object's history."""
    columns: Mapping[str, Cell] = {
        "position": lambda row: row["position"],
        "when": lambda row: run.out.when_lines(row["at"]),
        "what": lambda row: row["topic"].removeprefix("sslclm.").removesuffix(".v1"),
        "who": lambda row: [row["actor_name"] or row["actor"], row["role"]],
        "why": lambda row: "(erased)" if row["erased"] else row["reason"],
    }
    run.out.table(columns, past, nothing="No history.")


def _history(run: Run, object_id: str) -> list[dict[str, Any]] | None:
    """Return the history, None for whoever may not read it: asking anyway would put a refusal on record."""
    if not _AUDITORS & {held["role"] for held in run.api.get("/me")["roles"]}:
        return None
    return run.api.items(f"/audit/objects/{object_id}", 200)


def _print_chain(run: Run, kind: str, object_id: str) -> None:
    if kind == "order":
        object_id = _certificate_of(run, object_id)
    elif kind != "certificate":
        raise Misused("--chain is for certificates and orders", fix="leave it out")
    pem = run.api.text(f"/certificates/{object_id}/chain")
    if run.out.as_json:
        run.out.document({"certificate_id": object_id, "chain": pem})
    elif not all(line.isascii() and line.isprintable() for line in pem.splitlines()):
        raise Refused("the server's chain is not PEM text")
    else:
        typer.echo(pem, nl=False)


def _certificate_of(run: Run, order_id: str) -> str:
    order = run.api.get(f"/orders/{order_id}")
    found = order["certificates"].get("")
    if not found:
        why = "its hosts hold its certificates" if order["targets"] else f"it is {order['state']}"
        raise Refused(f"{order_id} has no chain to show: {why}", fix=f"see: sslclm show {order_id}")
    return exact_id(str(found), "certificate")


def _kind_and_id(run: Run, given: str) -> tuple[str, str]:
    kind = given.partition("-")[0]
    if kind in PATHS and is_id(given, kind):
        return kind, given
    digits = given.lower()
    if not digits or set(digits) - _HEX:
        raise Misused(f"{given!r} is no object's id", fix=f"ids begin with {', '.join(PATHS)}; or give a serial in hex")
    digits = digits.replace(":", "")
    if len(digits) not in (_SHA256_HEX, *range(1, _SERIAL_HEX + 1)):
        raise Misused("neither a serial (up to 40 hex digits) nor a SHA-256 (64)", fix="check its length")
    member = "fingerprint" if len(digits) == _SHA256_HEX else "serial"
    found = run.api.items("/certificates", 1, **{member: digits})
    if not found:
        raise Refused(f"there is no certificate with this {member}, or none that you may see", fix="see: sslclm list")
    return "certificate", str(found[0]["certificate_id"])
