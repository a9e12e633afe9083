"""What comes of an order: waiting for it, and writing certificate and chain to files."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from api.cli.errors import Misused, Refused, ServerDown, Waiting
from api.cli.invocation import Run

PAUSE_S = 2.0
OVER = frozenset({"fulfilled", "rejected", "cancelled", "abandoned"})
_FILES = ("cert.pem", "chain.pem", "fullchain.pem")
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")


def wait_for(run: Run, order_id: str, timeout_s: int) -> dict[str, Any]:
    """Return the order once it is fulfilled. Raises Refused where it never will be, Waiting after the time."""
    end, told = run.around.monotonic() + timeout_s, False
    while True:
        order = as_it_is(run, order_id)
        if order["state"] == "fulfilled":
            return order
        if run.around.monotonic() + PAUSE_S > end:
            raise Waiting(f"{order_id} is still {order['state']}", fix=f"see: sslclm show {order_id}")
        if not told:
            run.out.say(f"{order_id} is {order['state']}; waiting for it.")
            told = True
        run.around.pause(PAUSE_S)


def as_it_is(run: Run, order_id: str) -> dict[str, Any]:
    """Return an order that is or may still be fulfilled. Raises Refused for one that never will be."""
    order: dict[str, Any] = run.api.get(f"/orders/{order_id}")
    if order["state"] != "fulfilled":
        _never(order)
    return order


def _never(order: Mapping[str, Any]) -> None:
    order_id = order["order_id"]
    if order["state"] in OVER:
        raise Refused(f"{order_id} is {order['state']}", fix=f"see: sslclm show {order_id}")
    failed = [name for name, state in order["deployments"].items() if state == "failed"]
    if failed:
        mend = f"see: sslclm show {failed[0]}; then: sslclm deployments retry {failed[0]}"
        raise Refused(f"{failed[0]} has failed", fix=mend)
    if order["refused_rules"]:
        rule = next(iter(order["refused_rules"].values()))
        raise Refused(f"a host's key was refused by the rule {rule}", fix=f"see: sslclm show {order_id}")


def check_folder(folder: Path) -> None:
    """Refuse, before anything is ordered, a folder in which something would be overwritten."""
    taken = [name for name in _FILES if (folder / name).exists()]
    if taken or (folder.exists() and not folder.is_dir()):
        raise Misused(
            f"{folder / taken[0] if taken else folder} exists and is not overwritten", fix="name another --out"
        )
    there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        raise Misused(f"{folder} cannot be made or written to; nothing was ordered", fix="name another --out")


def write_chain(folder: Path, pem: str) -> list[str]:
    """Write certificate, chain and both into a folder; returns the files. ``pem`` is the leaf first."""
    found = [f"{one}\n" for one in _PEM.findall(pem)]
    if not found:
        raise ServerDown("the server sent no certificate", fix="try again: sslclm show")
    contents = (found[0], "".join(found[1:]), "".join(found))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in zip(_FILES, contents, strict=True):
            with (folder / name).open("x", encoding="ascii") as file:
                file.write(content)
    except OSError as error:
        raise Misused(f"cannot write into {folder}: {error.strerror}", fix="name another --out") from error
    return [str(folder / name) for name in _FILES]
