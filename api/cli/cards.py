"""One object, as a person wants to see it: names for ids, local times, what is empty left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import zip_longest
from typing import Any

from api.cli.invocation import Run
from api.cli.naming import Names
from api.cli.renewal_words import renewal_of
from api.cli.text import moment, span

Row = Mapping[str, Any]
Facts = dict[str, object]
_HIDDEN = frozenset({"created_position", "changed_position"})


def order_card(run: Run, row: Row) -> None:
    """Show an order: everything that an approval binds."""
    names = Names(run.api)
    subject = row["subject"]
    facts: Facts = {
        "state": row["state"],
        "team": names.team(row["team_id"]),
        "profile": f"{names.profile(row['profile_id'])}, version {row['profile_version']}",
        "requested by": person(row.get("requester_name"), row["requester"]),
        "requested": run.out.when(row["requested_at"]),
        "DNS names": subject["dns_names"],
        "IP addresses": subject["ip_addresses"],
        "common name": subject["common_name"],
        "key algorithm": subject["key_algorithm"],
        "valid for": f"{span(subject['validity'])} ({subject['validity']} s)",
        "targets": [target_line(one, names) for one in row["targets"]],
        "SHA-256 of the CSR": row["csr_sha256"],
        "rules waived by approval": row["waived_rules"],
        "approvals": f"{len(row['approvers'])} of {row['approvals_needed']}" if row["state"] == "waiting" else "",
        "approved by": _approvers(row) or row["approved_by"],
        "approval good until": run.out.when(row["approved_until"]) if row["state"] == "approved" else "",
        "rejected by": row["rejecter"],
        "refused keys": [f"{names.host(host)}: {rule}" for host, rule in row["refused_rules"].items()],
        "certificates": list(row["certificates"].values()),
        "deployments": [f"{name}: {state}" for name, state in row["deployments"].items()],
        "SHA-256 of the request": row["request_sha256"],
    }
    run.out.card(row["order_id"], facts)


def person(name: object, pseudonym: object) -> str:
    """Return who somebody is: the name, where the directory has one, and the pseudonym that the ledger knows."""
    return f"{name} · {pseudonym}" if name else str(pseudonym)


def _approvers(row: Row) -> list[str]:
    return [person(*one) for one in zip_longest(row.get("approver_names") or (), row["approvers"])]


def target_line(target: Row, names: Names) -> str:
    """Return a target in one line, with everything in it that is not empty."""
    spec = target["spec"]
    served = [f"{one['address']}:{one['port']}/{one['server_name']}" for one in spec["endpoints"]]
    rest = ("owner", "group", "mode", "validator", "reloader")
    told = [f"{name} {spec[name]}" for name in rest if spec.get(name)]
    parts = (f"{names.host(target['host_id'])}:{spec['directory']}", f"{spec['kind']} {spec['layout']}", *told, *served)
    return ", ".join(parts)


def reveal_card(run: Run, row: Row) -> None:
    """Show a reveal: whose key, of which certificate, and why; what a second person decides by."""
    facts: Facts = {
        "state": reveal_state(row),
        "DNS names": row["dns_names"],
        "IP addresses": row["ip_addresses"],
        "owner": row["team_name"] or row["team_id"],
        "requested by": person(row["requester_name"], row["requester"]),
        "requested": run.out.when(row["requested_at"]),
        "why": "(erased)" if row["reason_erased"] else row["reason"],
        "certificate": row["certificate_id"],
        "key": row["key_id"],
        "approved by": person(row["approver_name"], row["approver"]) if row["approver"] else "",
        "approval good until": run.out.when(row["approved_until"]) if row["state"] == "approved" else "",
        "rejected by": row["rejecter"],
        "used": run.out.when(row["authorised_at"]) if row["authorised_at"] else "",
        "SHA-256 of the request": row["request_sha256"],
    }
    run.out.card(row["reveal_id"], facts)


def reveal_state(row: Row) -> str:
    """Return a reveal's state; one that was redeemed is used."""
    return "used" if row["state"] == "authorised" else str(row["state"])


def certificate_card(run: Run, row: Row) -> None:
    """Show a certificate."""
    names = Names(run.api)
    facts: Facts = {
        "state": row["state"],
        "DNS names": row["dns_names"],
        "IP addresses": row["ip_addresses"],
        "valid from": run.out.when(row["not_before"]),
        "expires": run.out.when(row["not_after"]),
        "team": names.team(row["team_id"]),
        "host": names.host(row["host_id"]),
        "profile": f"{names.profile(row['profile_id'])}, version {row['profile_version']}" if row["profile_id"] else "",
        "purpose": row["purpose"],
        "order": row["order_id"],
        "issuer": row["issuer_name"] or row["issuer_id"],
        "its authority": row["ask_there"],
        "private key": "came along with the import: it counts as seen" if row["with_key"] else "",
        "serial": row["serial"],
        "SHA-256": row["fingerprint"],
        "SHA-256 of the public key": row["spki_sha256"],
        "revoked": run.out.when(row["revoked_at"]) if row["revoked_at"] else "",
        "will be revoked": _planned(run, row),
        "revocation reason": row["revocation_reason"],
        "invalid since": run.out.when(row["invalidity_at"]) if row["invalidity_at"] else "",
        "deployments": _deployments(run, row["certificate_id"], names),
        "superseded by": row["superseded_by"],
        "failure": row["failure"],
        "renewal": renewal_of(run, row["certificate_id"]),
    }
    run.out.card(row["certificate_id"], facts)


def _planned(run: Run, row: Row) -> str:
    if not row["revoke_at_latest"]:
        return ""
    first = f"once {row['revocation_order_id']} has replaced it, " if row["revocation_order_id"] else ""
    return f"{first}at the latest {run.out.when(row['revoke_at_latest'])}"


def _deployments(run: Run, certificate_id: str, names: Names) -> list[str]:
    """Return where it is deployed, and what became of it there: also why it could not be taken out of service."""
    rows = run.api.items("/deployments", 100, certificate=certificate_id)
    lines = []
    for row in rows:
        why = f": {row['stage']}: {row['detail']}" if row["stage"] else ""
        lines.append(f"{names.host(row['host_id'])}:{row['directory']} {row['state']}{why}")
    return lines


def plain_card(run: Run, row: Row, title: str) -> None:
    """Show any other object: every member that is not empty, under its own name."""
    names = Names(run.api)
    facts: Facts = {}
    for name, value in row.items():
        if name in _HIDDEN or value == title:
            continue
        facts[_label(name)] = names.team(value) if name == "team_id" else _shown(run, value)
    run.out.card(title, facts)


def _label(name: str) -> str:
    return name.removesuffix("_at").removesuffix("_id").replace("_", " ")


def _shown(run: Run, value: Any) -> object:
    if isinstance(value, dict):
        return [f"{_label(str(key))}: {_inline(one)}" for key, one in value.items() if one not in (None, "", [], {})]
    if isinstance(value, list):
        return [_inline(one) for one in value]
    return run.out.when(value) if isinstance(value, str) and "T" in value and moment(value) else value


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_inline(one)}" for key, one in value.items() if one not in (None, "", [], {}))
    return ", ".join(map(_inline, value)) if isinstance(value, list) else str(value)


CARDS: Mapping[str, Callable[[Run, Row], None]] = {
    "order": order_card, "certificate": certificate_card, "reveal": reveal_card,
}  # fmt: skip
"""Kind -> its own card; every other kind gets the plain one."""
