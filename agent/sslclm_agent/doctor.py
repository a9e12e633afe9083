from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cryptography import x509

from sslclm_agent.backend.channel import ENROL_AGAIN
from sslclm_agent.backend.client import Backend
from sslclm_agent.clock import Clock
from sslclm_agent.config.settings import Settings
from sslclm_agent.deploy.runners import Exec, RunFailedError, Touch, refuse_unsafe_program
from sslclm_agent.errors import AgentError
from sslclm_agent.state.files import private_directory
from sslclm_agent.state.identity import IdentityStore
from sslclm_agent.state.safe_mode import SafeMode

_CLOCK_SECONDS = 120


@dataclass(frozen=True)
class Finding:
    """One check: what was looked at, whether it is well, what was seen, and the command that mends it."""

    check: str
    ok: bool
    detail: str = ""
    mend: str = ""

    def line(self) -> str:
        """One or two lines for a person."""
        mend = f"     mend: {self.mend}\n" if self.mend else ""
        return f"{'ok  ' if self.ok else 'BAD '} {self.check}{': ' if self.detail else ''}{self.detail}\n{mend}"


def examine(settings: Settings, config: Path, clock: Clock) -> list[Finding]:
    """Look at everything an installation needs; changes nothing. The properties file was checked when it was read."""
    return [
        Finding("properties", ok=True, detail=str(config)),
        _try("state directory", lambda: str(private_directory(settings.state_dir))),
        _try("identity", lambda: _identity(settings, clock)),
        _try("backend and clock", lambda: _backend(settings)),
        _safe_mode(settings),
        *_directories(settings),
        *_commands(settings, clock),
    ]


def _try(check: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(check, ok=True, detail=look())
    except AgentError as error:
        return Finding(check, ok=False, detail=error.sentence, mend=error.fix)


def _identity(settings: Settings, clock: Clock) -> str:
    store = IdentityStore(settings.state_dir)
    identity = store.load()
    until = x509.load_pem_x509_certificate(store.pem_path.read_bytes()).not_valid_after_utc
    if until <= clock.now():
        raise AgentError(f"the agent's certificate expired on {until:%Y-%m-%d}", fix=ENROL_AGAIN)
    return f"{identity.host_id}, certificate valid until {until:%Y-%m-%d %H:%MZ}"


def _backend(settings: Settings) -> str:
    reason = SafeMode(settings.state_dir).reason
    ahead = Backend(settings).heartbeat("safe-mode" if reason else "ok", reason or "")
    if ahead is not None and abs(ahead) > _CLOCK_SECONDS:
        raise AgentError(f"this host's clock differs by {ahead:+.0f} s", fix="timedatectl set-ntp true")
    return "answers over mutual TLS" + (f", clocks differ by {ahead:+.0f} s" if ahead is not None else "")


def _safe_mode(settings: Settings) -> Finding:
    reason = SafeMode(settings.state_dir).reason
    return Finding("safe mode", ok=not reason, detail=reason or "off", mend="sslclm-agent resume" if reason else "")


def _directories(settings: Settings) -> Iterator[Finding]:
    if not settings.directories:
        yield Finding("directories", ok=False, detail="none is allowed", mend="add allow.directory.1=/etc/ssl/clm")
    for path in settings.directories:
        missing = f"install -d -o sslclm -m 2750 {path}"
        is_there = Path(path).is_dir()
        yield Finding(f"directory {path}", is_there, "" if is_there else "does not exist", "" if is_there else missing)


def _commands(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """Run validators; the others are only looked at, since looking must not change anything."""
    for name, command in settings.validators.items():
        if isinstance(command, Exec):
            yield _run(f"validator.{name}", partial(command.run, 30, clock))
    tables = {
        "validator": settings.validators,
        "reloader": settings.reloaders,
        "disabler": settings.disablers,
        "enabler": settings.enablers,
    }
    every = {f"{what}.{name}": command for what, table in tables.items() for name, command in table.items()}
    for name, command in every.items():
        if isinstance(command, Touch):
            folder = Path(command.trigger).parent
            mend = "" if folder.is_dir() else f"install -d -o sslclm -m 0755 {folder}"
            yield Finding(name, not mend, "" if not mend else f"{folder} does not exist", mend)
        elif not name.startswith("validator."):
            yield _run(name, partial(refuse_unsafe_program, command.argv[0]))
    for name in settings.disablers.keys() - settings.enablers.keys():
        mend = f"add enabler.{name}: what brings the site back when its removal fails"
        yield Finding(f"disabler.{name}", ok=False, detail="has no enabler: it could not be taken back", mend=mend)


def _run(check: str, act: Callable[[], None]) -> Finding:
    try:
        act()
    except RunFailedError as error:
        return Finding(check, ok=False, detail=str(error), mend="run it by hand as the agent's account")
    return Finding(check, ok=True)
