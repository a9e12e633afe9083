"""Golden states: for every topic the bytes that its versions stored, kept for ever in ``tests/vectors/topics``.

``<topic>.json`` is the first shape; where it has grown by members with a default, ``<topic>+2.json`` is the next.
``python -m tests.support.goldens`` writes the missing ones from an invented sample; it never touches one that exists.
Read what it wrote: from its first commit on, that shape is a promise.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import domain
from domain.base import Aggregate, Event
from tests.support.sources import ROOT

FOLDER = ROOT / "tests" / "vectors" / "topics"
ENVELOPE = {"originator_id", "originator_version"}
"""Fields that stand beside the state in the ledger, not in it."""
NAMED: dict[str, Any] = {
    "dns_names": ["www.example.com"],
    "ip_addresses": ["192.0.2.1"],
    "serial": "0b" * 16,
    "certificate": "MIIB",
    "chain": ["MIIB"],
    "csr": "MIIB",
    "crl": "MIIB",
    "fingerprint": "ab" * 32,
    "previous": None,
} | {f"{of}_sha256": "ab" * 32 for of in ("csr", "filter", "leaf", "request", "spki", "tbs", "token")}
"""What fields with these names hold, where their type allows it."""
TEXTS = (
    "example",
    "www.example.com",
    *(pair * length for length in (32, 20, 16) for pair in ("ab", "0b")),
    "https://www.example.com/",
    "192.0.2.1",
    "192.0.2.0/24",
    "550e8400-e29b-41d4-a716-446655440000",
    "/etc/ssl/example.pem",
    "0640",
    "1.2.3",
)
"""Texts to try where a pattern is asked for."""


def aggregates() -> list[type[Aggregate]]:
    """Import every module of the domain and return its aggregates, by name; not the parts that others are made of."""
    for module in pkgutil.walk_packages(domain.__path__, "domain."):
        importlib.import_module(module.name)
    found = {kind for kind in _subclasses(Aggregate) if kind.__module__.startswith("domain.")}
    parts = {part for kind in found for part in kind.__bases__}
    return sorted(found - parts, key=lambda kind: kind.__name__)


def _subclasses(kind: type[Aggregate]) -> Iterator[type[Aggregate]]:
    for subclass in kind.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def events() -> list[type[Event]]:
    """Return every event class of the domain."""
    return [event for aggregate in aggregates() for event in aggregate.events()]


def shapes(topic: str) -> list[Path]:
    """Return a topic's golden states, the oldest shape first."""
    later = sorted(FOLDER.glob(f"{topic}+*.json"), key=lambda path: int(path.stem.rpartition("+")[2]))
    first = FOLDER / f"{topic}.json"
    return [first, *later] if first.exists() else later


def topic_of(path: Path) -> str:
    """Return the topic whose golden state this is."""
    return path.stem.partition("+")[0]


def dumped(event: type[Event], stored: bytes) -> bytes:
    """Return what would be stored today of an event that was stored as these bytes."""
    return event.model_validate_json(stored).model_dump_json().encode()


def sample(event: type[Event]) -> Event:
    """Invent an event with every field set, from its JSON schema; raises ``ValueError`` where that takes a person."""
    schema = event.model_json_schema()
    fields = {name: part for name, part in schema["properties"].items() if name not in ENVELOPE}
    plain = {name: _value(part, schema) for name, part in fields.items()}
    try:
        return event.model_validate_json(json.dumps(plain | {name: NAMED[name] for name in plain if name in NAMED}))
    except ValidationError:
        return event.model_validate_json(json.dumps(plain))


def _value(part: dict[str, Any], schema: dict[str, Any]) -> Any:
    if "$ref" in part:
        return _value(schema["$defs"][part["$ref"].rsplit("/", 1)[-1]], schema)
    if "const" in part or "enum" in part:
        return part.get("const", part.get("enum", [None])[0])
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in part:
            return _value(next((one for one in part[choice] if one.get("type") != "null"), part[choice][0]), schema)
    made = {"string": _text, "integer": _number, "number": _number, "boolean": lambda _: True, "null": lambda _: None}
    if part.get("type") in made:
        return made[part["type"]](part)
    return _container(part, schema)


def _container(part: dict[str, Any], schema: dict[str, Any]) -> Any:
    if part.get("type") == "array":
        items = part.get("prefixItems") or [part.get("items", {"type": "string"})] * max(1, part.get("minItems", 0))
        return [_value(item, schema) for item in items]
    if "properties" in part:
        return {name: _value(field, schema) for name, field in part["properties"].items()}
    inner = part.get("additionalProperties")
    return {"example": _value(inner, schema) if isinstance(inner, dict) else "example"}


def _number(part: dict[str, Any]) -> int:
    return int(max(part.get("minimum", 1), part.get("exclusiveMinimum", 0) + 1))


def _text(part: dict[str, Any]) -> str:
    if part.get("format") == "date-time":
        return "2026-11-23T12:00:00Z"
    if isinstance(part.get("default"), str) and part["default"]:
        return str(part["default"])
    low, high, pattern = int(part.get("minLength", 0)), int(part.get("maxLength", 10_000)), str(part.get("pattern", ""))
    fits = (text for text in (*TEXTS, "a" * low) if low <= len(text) <= high and re.search(pattern, text))
    text = next(fits, None)
    if text is None:
        raise ValueError(f"no sample text for {part}: add one to TEXTS, or write the golden by hand")
    return text


def main() -> None:
    """Write the golden states that are missing, and say which."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for event in events():
        known = shapes(event.TOPIC)
        stored = known[-1].read_bytes().removesuffix(b"\n") if known else b""
        if known and stored == dumped(event, stored):
            continue
        path = FOLDER / f"{event.TOPIC}{f'+{len(known) + 1}' if known else ''}.json"
        path.write_bytes(sample(event).state() + b"\n")
        print(f"wrote {path.relative_to(ROOT)}: read it, then commit it")


if __name__ == "__main__":
    main()
