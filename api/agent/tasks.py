"""The agents' queue over HTTP: a long-poll that the projection wakes, and signed tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from api.edge import Edge
from api.pem import pem_from_base64, pem_from_der
from api.waiting import rung_or_draining
from commands.keys.redeem import form_of
from domain.hosts.targets import Window
from domain.hosts.windows import is_open
from domain.keys.key import Key
from domain.moments import microseconds
from domain.profiles.spec import ProfileSpec
from projections.certificates.inventory import INVENTORY, InventoryRow
from projections.hosts.queue import QUEUE, QueueFilter, TaskRow
from projections.keys.keys import KEYS
from projections.profiles.profiles import PROFILES

LEASE_SECONDS = 60
GOOD_FOR_SECONDS = 900
AT_ONCE = 20


async def next_tasks(edge: Edge, host_id: str, *, wait: float, draining: asyncio.Event | None) -> list[TaskRow]:
    """Return the open tasks of a host, waiting up to ``wait`` seconds for the first one."""
    edge.bus.services.gate.executing("agent.tasks")  # a queue from before what was published would undo it
    with edge.tasks.wakeups.listen(host_id) as bell:
        tasks = _open(edge, host_id)
        if tasks or wait <= 0 or (draining is not None and draining.is_set()):
            return tasks
        await rung_or_draining(bell, wait, draining)
    return _open(edge, host_id)


def _open(edge: Edge, host_id: str) -> list[TaskRow]:
    """Return up to :data:`AT_ONCE` tasks whose targets may be changed now; a window holds nobody else's task back."""
    now, cursor = edge.clock(), None
    rows: list[TaskRow] = []
    while len(rows) < AT_ONCE:
        page = edge.views.find(QUEUE, QueueFilter(host_id=host_id), cursor=cursor, limit=AT_ONCE)
        rows += [row for row in page.rows if _may_now(row, now)]
        cursor = page.next_cursor
        if cursor is None:
            break
    rows = rows[:AT_ONCE]
    return [row for row in rows if edge.tasks.leases.lease(row["task_id"], host_id, LEASE_SECONDS)]


def _may_now(row: TaskRow, now: datetime) -> bool:
    """Tell whether the target may be changed now: inside its windows, or because its end has come too near."""
    until = row["windows_until_us"]
    if not row["target"] or until is None or microseconds(now) >= until:
        return True
    return is_open(map(Window.model_validate, row["target"].get("windows") or ()), now)


def signed_task(edge: Edge, row: TaskRow) -> dict[str, str]:
    """Return one task as the agent gets it: signed over host, id, kind, parameters and expiry."""
    now = int(edge.clock().timestamp())
    payload = {
        "host": row["host_id"],
        "task_id": row["task_id"],
        "kind": row["kind"],
        "parameters": _parameters(edge, row),
        "iat": now,
        "exp": now + GOOD_FOR_SECONDS,
    }
    return {"task_id": row["task_id"], "jws": edge.tasks.signer.sign(payload)}


def _parameters(edge: Edge, row: TaskRow) -> Mapping[str, Any]:
    if row["kind"] == "make-key":
        wanted = ("order_id", "generation", "key_algorithm", "dns_names", "ip_addresses", "common_name")
        return {name: row[name] for name in wanted}  # type: ignore[literal-required] # names of TaskRow
    certificate = edge.views.get(INVENTORY, row["certificate_id"] or "")
    if certificate is None:
        raise LookupError(f"the inventory lacks the certificate of {row['task_id']}")
    if row["kind"] == "remove":
        return removal(row, certificate["fingerprint"])
    *above, root = edge.issuers.chain(certificate["issuer_id"])
    return _key_parameters(edge, row, certificate) | {
        "deployment_id": row["deployment_id"],
        "order_id": row["order_id"],
        "generation": row["generation"],
        "certificate_id": row["certificate_id"],
        "chain": [pem_from_base64(certificate["certificate"]), *map(pem_from_der, above)],
        "root": pem_from_der(root),
        "fingerprint": certificate["fingerprint"],
        "target": told_target(row["target"] or {}),
    }


def removal(row: TaskRow, fingerprint: str) -> Mapping[str, Any]:
    """Return the parameters of a remove task: ``fingerprint`` is that of the certificate to take out of service."""
    target = row["target"] or {}
    return {
        "deployment_id": row["deployment_id"],
        "certificate_id": row["certificate_id"],
        "fingerprint": fingerprint,
        "disabler": target.get("disabler", ""),
        "target": told_target(target),
    }


def _key_parameters(edge: Edge, row: TaskRow, certificate: InventoryRow) -> dict[str, str]:
    """Return where the key comes from, and how a key store file of it is encrypted, where that is not as usual."""
    told = {}
    key = edge.views.get(KEYS, Key.id_for(certificate["spki_sha256"]))
    if key is not None and key["stored_as"] is not None:
        told["key_from"] = "server"
    profile = edge.views.get(PROFILES, certificate["profile_id"] or "")
    if profile is not None and (row["target"] or {}).get("layout") == "pkcs12":
        told["keystore_form"] = form_of(ProfileSpec.model_validate(profile["spec"]), edge.clock())
    return told


def told_target(target: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an agent is told of a target: when it may be changed is decided here."""
    return {name: value for name, value in target.items() if name not in {"windows", "disabler"}}
