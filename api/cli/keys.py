"""Keys: where they live; and reveals: asked for, approved by a second person, redeemed into a file."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.access import sign_in_for
from api.cli.asking import confirm, may_ask
from api.cli.cards import reveal_card, reveal_state
from api.cli.certificates import Limit, Team, show_list
from api.cli.errors import Misused, ServerDown, SignedOut
from api.cli.invocation import Run, command
from api.cli.naming import Names, exact_id, id_or_none
from api.cli.orders import Yes, act
from api.cli.output import Cell
from api.cli.secret_files import NewSecret

KEYS = typer.Typer(help="Where private keys live, and who has had them.", no_args_is_help=True)
REVEAL = typer.Typer(help="See a private key: asked, approved by a second person, once.", no_args_is_help=True)
STEP_UP_RULE = "insufficient-user-authentication"
KeyId = Annotated[str, typer.Argument(metavar="KEY", help="key-…")]
RevealId = Annotated[str, typer.Argument(metavar="REVEAL", help="reveal-…")]
Why = Annotated[str, typer.Option(help="Why; it is kept where it can be erased.")]


@command(KEYS, "list")
def list_keys(
    run: Run,
    *,
    team: Team = "",
    certificate: Annotated[str, typer.Option(help="certificate-…")] = "",
    held: Annotated[bool, typer.Option("--held", help="Only those in the key store.")] = False,
    seen: Annotated[bool, typer.Option("--seen", help="Only those that a person has, or may have.")] = False,
    limit: Limit = 50,
) -> None:
    """List the keys that you may see, the newest first."""
    asked = {
        "team": id_or_none(run.api, "team", team),
        "certificate": exact_id(certificate, "certificate") if certificate else None,
        "held": held or None,
        "seen": seen or None,
    }
    names = Names(run.api)
    columns: Mapping[str, Cell] = {
        "key": lambda row: row["key_id"],
        "kind": lambda row: row["algorithm"],
        "made by": lambda row: row["made"],
        "team": lambda row: names.team(row["team_id"]),
        "key store": _in_store,
        "seen": lambda row: "yes" if row["seen"] else "no",
    }
    show_list(run, "/keys", limit, asked, columns, nothing="No keys.")


@command(KEYS, "show")
def show_key(run: Run, key: KeyId) -> None:
    """Show a key: where it lives, who owns it, how often it left, whether somebody has seen it."""
    row = run.api.get(f"/keys/{exact_id(key, 'key')}")
    if run.out.as_json:
        run.out.document(row)
        return
    names = Names(run.api)
    facts = {
        "algorithm": row["algorithm"],
        "made by": row["made"],
        "team": names.team(row["team_id"]),
        "host": names.host(row["host_id"]),
        "key store": _in_store(row),
        "left for agents": f"{row['deliveries']} times, last {run.out.when(row['delivered_at'])}"
        if row["deliveries"]
        else "never",
        "seen by a person": run.out.when(row["seen_at"]) if row["seen"] else "no",
        "compromised": "yes" if row["compromised"] else "",
        "certificates": row["certificate_ids"],
        "SHA-256 of the public key": row["spki_sha256"],
    }
    run.out.card(row["key_id"], facts)


def _in_store(row: Mapping[str, Any]) -> str:
    if row["held"]:
        return "archived" if row["archived"] else "held"
    return f"destroyed ({row['copy_ended']})" if row["copy_ended"] else "never"


@command(REVEAL, "list")
def list_reveals(
    run: Run,
    *,
    state: Annotated[str, typer.Option(help="waiting, approved, rejected or used.")] = "",
    mine: Annotated[bool, typer.Option("--mine", help="Only those that you requested.")] = False,
    limit: Limit = 50,
) -> None:
    """List reveals, the newest first."""
    columns: Mapping[str, Cell] = {
        "reveal": lambda row: [*row["dns_names"], *row["ip_addresses"], row["reveal_id"]],
        "state": lambda row: [reveal_state(row), row["team_name"] or row["team_id"]],
        "requested": lambda row: [row["requester_name"] or row["requester"], *run.out.when_lines(row["requested_at"])],
    }
    asked = {"state": "authorised" if state == "used" else state or None, "mine": mine or None}
    show_list(run, "/reveals", limit, asked, columns, nothing="No reveals.")


@command(REVEAL, "show")
def show_reveal(run: Run, reveal: RevealId) -> None:
    """Show a reveal, and why it was requested."""
    row = run.api.get(f"/reveals/{exact_id(reveal, 'reveal')}")
    if run.out.as_json:
        run.out.document(row)
    else:
        reveal_card(run, row)


@command(REVEAL, "request", changes=True)
def request_reveal(
    run: Run, certificate: Annotated[str, typer.Argument(metavar="CERTIFICATE", help="certificate-…")], *, reason: Why
) -> None:
    """Ask to see the key of a certificate; somebody else of ROLE_SEC_OPS decides."""
    answer = run.api.post(f"/certificates/{exact_id(certificate, 'certificate')}/reveals", {"reason": reason})
    if run.out.as_json:
        run.out.document(answer)
    run.out.say(f"{answer['id']} waits for a second person: sslclm reveal approve {answer['id']}")


@command(REVEAL, "approve", changes=True)
def approve_reveal(run: Run, reveal: RevealId, *, yes: Yes = False) -> None:
    """Approve somebody else's reveal: exactly the request that is shown, by its hash."""
    path = f"/reveals/{exact_id(reveal, 'reveal')}"
    may_ask(run, yes=yes)
    seen = run.api.get(path)
    if not run.out.as_json:
        reveal_card(run, seen)
    if not yes:
        confirm("Let them see this key?")
    answer = run.api.post(f"{path}/approve", {"request_sha256": seen["request_sha256"]})
    if run.out.as_json:
        run.out.document(answer | {"reveal": seen})
    run.out.say("Approved, for 15 minutes.")


@command(REVEAL, "reject", changes=True)
def reject_reveal(run: Run, reveal: RevealId, *, reason: Why) -> None:
    """Reject a reveal, or take your own back."""
    act(run, f"/reveals/{exact_id(reveal, 'reveal')}/reject", {"reason": reason}, f"{reveal} is rejected.")


@command(REVEAL, "redeem", changes=True)
def redeem_reveal(
    run: Run,
    reveal: RevealId,
    *,
    out: Annotated[Path, typer.Option(help="New file for the key, PKCS#12, mode 0600.")],
    password_file: Annotated[Path | None, typer.Option(help="New file for its password; default: shown.")] = None,
    provider: Annotated[str, typer.Option(help="Identity provider; default: the server's first.")] = "",
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser.")] = True,
) -> None:
    """See the key, once: you sign in afresh for it, and the key goes into a file, never to the terminal."""
    reveal_id = exact_id(reveal, "reveal")
    if run.out.as_json and password_file is None:
        raise Misused("--json shows no password", fix="name a new file with --password-file")
    with NewSecret(out) as key_file, NewSecret(password_file) as secret:
        answer = _redeemed(run, reveal_id, provider, browser=browser)
        key_file.write(_decoded(answer["pkcs12"]))
        secret.write(f"{answer['password']}\n".encode())
    told = {name: answer[name] for name in ("reveal_id", "certificate_id", "form", "revoked_at_latest")}
    if run.out.as_json:
        run.out.document(told | {"file": str(out), "password_file": str(password_file)})
    run.out.say(f"The key is in {out}.")
    run.out.say(f"Its password, shown this once: {answer['password']}" if password_file is None else "")
    run.out.say(f"Its certificate is revoked at the latest {run.out.when(told['revoked_at_latest'])}.")


def _redeemed(run: Run, reveal_id: str, provider: str, *, browser: bool) -> dict[str, Any]:
    """Redeem, and where a fresh sign-in is asked for, make it and redeem once more."""
    path = f"/reveals/{reveal_id}/redeem"
    try:
        try:
            answer: dict[str, Any] = run.api.post(path)
        except SignedOut as error:
            if error.rule != STEP_UP_RULE:
                raise
            sign_in_for(run, f"reveal:{reveal_id}", provider, browser=browser)
            answer = run.api.post(path)
    except ServerDown as error:
        error.fix = (
            "if the key left, it counts as seen and this reveal is used: sslclm reveal show, then request another"
        )
        raise
    return answer


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):  # its words could repeat a part of the key
        raise ServerDown("the server's answer holds no readable key", fix="request another reveal") from None
