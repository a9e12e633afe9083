"""What an order came to: told to people, and why it waits where it waits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.cli.errors import Waiting
from api.cli.invocation import Run
from api.cli.naming import Names

REASONS = {
    "approval-required": "people approve every order of this profile",
    "key-strength-horizon": "its key would be in use beyond the day until which keys of that strength are allowed",
    "profile-by-another": "whoever orders has written this version of the profile",
    "owner-without-grant": "nobody may request for the team that owns it any more",
    "validity-maximum": "it asks for a longer validity than the profile gives by itself",
}
"""Rule that people may waive -> why an order waits for them."""


def waiting(run: Run, order: Mapping[str, Any]) -> Waiting:
    """Return that an order waits: why, who decides, and how its certificate is fetched afterwards."""
    order_id, own = order["order_id"], not order.get("targets")
    again = f"the same command again with --wait --idempotency-key {run.api.key}"
    if order["state"] != "waiting":
        follow = f"follow it: sslclm show {order_id}"
        return Waiting("accepted; it waits for its hosts" if not own else "accepted; not issued yet", fix=follow)
    why = [f"{REASONS.get(rule, 'a rule asks for people')} ({rule})" for rule in order.get("waived_rules", ())]
    fetch = f"sslclm show {order_id} --chain >fullchain.pem; or {again}" if own else again
    return Waiting(
        "; ".join(("accepted; it waits for people's approval", *why)),
        fix=f"who decides: ROLE_SEC_OPS, never the requester: sslclm approve {order_id}",
        then=(f"afterwards: {fetch}",),
    )


def complete(run: Run, answer: dict[str, Any], order: Mapping[str, Any]) -> None:
    """Add to the answer of an order what it has come to since: serial and expiry, for hosts one by one."""
    if not order:
        return
    answer["state"], own = order["state"], order["certificates"].get("")
    if own:
        answer["certificate_id"] = own
    rows = {host: run.api.get(f"/certificates/{one}") for host, one in order["certificates"].items()}
    members = ("certificate_id", "serial", "not_after")
    if own:
        answer |= {name: rows[""][name] for name in members}
    elif rows:
        hosts = [{"host_id": host} | {name: row[name] for name in members} for host, row in rows.items()]
        answer["hosts"] = hosts


def tell(run: Run, answer: Mapping[str, Any], order: Mapping[str, Any] | None) -> None:
    """Tell how far an order has come; ``order`` where it was looked at."""
    if run.out.as_json:
        run.out.document(answer)
        return
    names = Names(run.api)
    until = {"expires": run.out.when(answer["not_after"]) if answer.get("not_after") else ""}
    held = [
        f"{one['certificate_id']} on {names.host(one['host_id'])}: serial {one['serial']}, "
        f"expires {run.out.when(one['not_after'])}"
        for one in answer.get("hosts", ())
    ]
    facts = {
        "state": answer["state"],
        "replaces": answer.get("replaces"),
        "certificate": answer.get("certificate_id") or held,
        "serial": answer.get("serial"),
        **until,
        "served": _served(order, names) if order and held else [],
        "files": answer.get("files"),
    }
    run.out.card(answer["order_id"], facts)
    if answer.get("certificate_id") and not answer.get("files"):
        run.out.say("The certificate: sslclm show " + answer["certificate_id"] + " --chain")


def _served(order: Mapping[str, Any], names: Names) -> list[str]:
    """Return where the certificates are served: an order for hosts is fulfilled once every endpoint has shown it."""
    return [
        f"{one['server_name']} at {one['address']}:{one['port']}, from {names.host(target['host_id'])}:"
        f"{target['spec']['directory']}"
        for target in order["targets"]
        for one in target["spec"]["endpoints"]
    ]
