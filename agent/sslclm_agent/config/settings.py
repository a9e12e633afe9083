from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sslclm_agent.config.properties import parse, read_private
from sslclm_agent.deploy.runners import Command, parse_command
from sslclm_agent.errors import ConfigError

KINDS = ("make-key", "install", "remove", "renew-identity")
DEFAULT_PATH = "/etc/sslclm/agent.properties"
_NUMBERS = {
    "probe.seconds": (8, 1, 300),
    "probe.hits": (3, 3, 20),
    "command.seconds": (30, 1, 600),
    "poll.seconds": (25, 0, 60),
    "versions.keep": (3, 2, 100),
}
_NAMED = re.compile(r"(validator|reloader|disabler|enabler)\.[a-z0-9-]{1,64}")
_PATTERNS = ("allow.directory.N", "validator.<name>", "reloader.<name>", "disabler.<name>", "enabler.<name>")
_FILES = ("keep", "delete")
_DIRECTORY = re.compile(r"allow\.directory\.\d{1,3}")


@dataclass(frozen=True)
class Settings:
    """What the host's owner allows; the backend cannot widen it."""

    state_dir: Path
    pin_file: Path
    kinds: frozenset[str]
    directories: tuple[str, ...]
    validators: Mapping[str, Command] = field(default_factory=dict)
    reloaders: Mapping[str, Command] = field(default_factory=dict)
    disablers: Mapping[str, Command] = field(default_factory=dict)
    enablers: Mapping[str, Command] = field(default_factory=dict)
    deletes_removed: bool = False
    numbers: Mapping[str, int] = field(default_factory=lambda: {key: row[0] for key, row in _NUMBERS.items()})

    @property
    def probe_seconds(self) -> int:
        """How long the new certificate may take to be served everywhere."""
        return self.numbers["probe.seconds"]

    @property
    def probe_hits(self) -> int:
        """How many handshakes in a row must show the new certificate (old workers linger)."""
        return self.numbers["probe.hits"]


def load(path: str) -> Settings:
    """Read and check ``agent.properties``; raise ``ConfigError`` with the mending command."""
    return from_properties(parse(read_private(path), path))


def from_properties(properties: Mapping[str, str]) -> Settings:
    """Make settings of parsed properties; an unknown key is refused because a misspelt limit limits nothing."""
    _refuse_unknown(properties)
    state_dir = _absolute(properties, "state_dir", "/var/lib/sslclm")
    return Settings(
        state_dir=state_dir,
        pin_file=_absolute(properties, "backend.pin_file", str(state_dir / "backend-ca.pem")),
        kinds=_kinds(properties.get("allow.kinds", ",".join(KINDS))),
        directories=tuple(_prefix(key, text) for key, text in sorted(properties.items()) if _DIRECTORY.fullmatch(key)),
        validators=_commands(properties, "validator."),
        reloaders=_commands(properties, "reloader."),
        disablers=_commands(properties, "disabler."),
        enablers=_commands(properties, "enabler."),
        deletes_removed=_files(properties.get("removed.files", _FILES[0])) == "delete",
        numbers={key: _number(properties, key) for key in _NUMBERS},
    )


def _refuse_unknown(properties: Mapping[str, str]) -> None:
    known = {"state_dir", "backend.pin_file", "allow.kinds", "removed.files", *_NUMBERS}
    for key in properties:
        if key not in known and not _NAMED.fullmatch(key) and not _DIRECTORY.fullmatch(key):
            fix = f"known are: {', '.join((*sorted(known), *_PATTERNS))}"
            raise ConfigError(f"{key} is not a known property", fix=fix)


def _absolute(properties: Mapping[str, str], key: str, default: str) -> Path:
    path = Path(properties.get(key, default))
    if not path.is_absolute() or ".." in path.parts:
        raise ConfigError(f"{key} must be an absolute path without ..", fix=f"for example {key}={default}")
    return path


def _prefix(key: str, text: str) -> str:
    if not text.startswith("/") or ".." in Path(text).parts or Path(text) == Path("/"):
        raise ConfigError(f"{key} must be an absolute directory, not / and without ..", fix=f"{key}=/etc/ssl/clm")
    return text


def _kinds(text: str) -> frozenset[str]:
    kinds = frozenset(part.strip() for part in text.split(",") if part.strip())
    if not kinds <= set(KINDS):
        raise ConfigError(f"allow.kinds names unknown kinds: {sorted(kinds - set(KINDS))}", fix=f"known: {KINDS}")
    return kinds


def _files(text: str) -> str:
    if text not in _FILES:
        raise ConfigError(f"removed.files must be one of {', '.join(_FILES)}", fix=f"removed.files={_FILES[0]}")
    return text


def _commands(properties: Mapping[str, str], prefix: str) -> dict[str, Command]:
    chosen = {key: text for key, text in properties.items() if key.startswith(prefix)}
    return {key.removeprefix(prefix): parse_command(key, text) for key, text in chosen.items()}


def _number(properties: Mapping[str, str], key: str) -> int:
    default, low, high = _NUMBERS[key]
    text = properties.get(key, str(default))
    if not re.fullmatch(r"\d{1,4}", text) or not low <= int(text) <= high:
        raise ConfigError(f"{key} must be a number from {low} to {high}", fix=f"{key}={default}")
    return int(text)
