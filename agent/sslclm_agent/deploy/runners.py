"""How the host validates and reloads: a fixed command, or a trigger file that a root-owned unit watches.

Nothing of a command comes from the backend: it sends a *name*, and ``agent.properties`` says what the name means.
"""

from __future__ import annotations

import os
import secrets
import shlex
import signal
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sslclm_agent.clock import Clock
from sslclm_agent.errors import ConfigError

_OUTPUT = 4096
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
_RETOUCH = 1.0
_STATUS_DIRECTORY = "/run/sslclm-reload"


class RunFailedError(Exception):
    """A validator or reloader said no, or did not answer; the text is what it said."""


@dataclass(frozen=True)
class Exec:
    """``exec:/absolute/path fixed arguments``: started directly, never by a shell."""

    argv: tuple[str, ...]

    def run(self, seconds: float, clock: Clock) -> None:
        """Run it to the end; raise ``RunFailedError`` on a status other than 0, a time-out or an unsafe file."""
        del clock  # the operating system measures this one
        refuse_unsafe_program(self.argv[0])
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(  # noqa: S603 - argv is agent.properties', which only the agent's account writes
                self.argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=_ENVIRONMENT, cwd="/",
                start_new_session=True,
            )  # fmt: skip
            status = _wait(process, seconds)
            said = _tail(output.fileno())
        if status != 0:
            raise RunFailedError(f"{Path(self.argv[0]).name} ended with {status}: {said}")


def _wait(process: subprocess.Popen[bytes], seconds: float) -> int | str:
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return f"no end within {seconds:g} s"
    finally:
        if process.returncode is None:  # a time-out, or a stop of the agent
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _tail(handle: int) -> str:
    size = os.fstat(handle).st_size
    text = os.pread(handle, _OUTPUT, max(0, size - _OUTPUT)).decode("utf-8", "replace")
    return " ".join(text.split())[-1000:]


def refuse_unsafe_program(path: str) -> None:
    """Refuse a program that somebody else than root or the agent could exchange (file or any folder above it)."""
    real = Path(os.path.realpath(path))
    for each in (real, *real.parents):
        try:
            found = each.stat()
        except OSError as error:
            raise RunFailedError(f"{each}: {error.strerror}") from error
        sticky = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX
        if found.st_uid not in {0, os.geteuid()} or (found.st_mode & 0o022 and not sticky):
            raise RunFailedError(f"{each} can be changed by others; mend: chown root {each} && chmod go-w {each}")
    if not stat.S_ISREG(real.stat().st_mode) or not os.access(real, os.X_OK):
        raise RunFailedError(f"{real} is not an executable file")


@dataclass(frozen=True)
class Touch:
    """``touch:/trigger [/status]``: write a nonce to the trigger, wait for the status file that answers it.

    A systemd path unit watches the trigger and runs a root-owned script. The status file is ``<nonce> ok`` or
    ``<nonce> failed``, then the script's words; it lives in a folder that only root may write.
    """

    trigger: str
    status: str

    def run(self, seconds: float, clock: Clock) -> None:
        """Trigger and wait; raise ``RunFailedError`` when the answer is no or does not come."""
        nonce, deadline, touched = secrets.token_hex(16), clock.monotonic() + seconds, 0.0
        while clock.monotonic() < deadline:
            if clock.monotonic() - touched >= _RETOUCH:  # a touch while the unit still ends would be lost
                self._touch(nonce)
                touched = clock.monotonic()
            answer = self._answer()
            if answer[:1] == [nonce]:
                return _judge(answer[1:])
            clock.sleep(0.02)
        raise RunFailedError(f"no answer in {self.status} within {seconds:g} s; is the path unit started?")

    def _touch(self, nonce: str) -> None:
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            handle = os.open(self.trigger, flags, 0o644)
        except OSError as error:
            raise RunFailedError(f"{self.trigger}: {error.strerror}") from error
        with os.fdopen(handle, "wb") as stream:
            stream.write(nonce.encode() + b"\n")

    def _answer(self) -> list[str]:
        try:
            handle = os.open(self.status, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise RunFailedError(f"{self.status}: {error.strerror}") from error
        with os.fdopen(handle, "rb") as stream:
            found = os.fstat(handle)
            if found.st_uid not in {0, os.geteuid()} or found.st_mode & 0o022:
                raise RunFailedError(f"{self.status} can be written by others; mend: chmod go-w {self.status}")
            return stream.read(_OUTPUT).decode("utf-8", "replace").split()


def _judge(words: list[str]) -> None:
    if words[:1] != ["ok"]:
        raise RunFailedError(f"the reload unit says: {' '.join(words)[:1000]}")


Command = Exec | Touch


def parse_command(key: str, text: str) -> Command:
    """Parse the value of ``validator.<name>`` or ``reloader.<name>``."""
    scheme, _, rest = text.partition(":")
    try:
        words = tuple(shlex.split(rest))
    except ValueError as error:
        raise ConfigError(f"{key}: {error}", fix="close the quotation marks") from error
    if not words or not words[0].startswith("/"):
        raise ConfigError(f"{key} needs an absolute path", fix=f"{key}=exec:/usr/sbin/nginx -t -q")
    if scheme == "exec":
        return Exec(words)
    if scheme == "touch" and len(words) <= 2:  # noqa: PLR2004 - trigger and status
        return Touch(words[0], words[1] if words[1:] else f"{_STATUS_DIRECTORY}/{Path(words[0]).name}.status")
    raise ConfigError(f"{key} must begin with exec: or touch:", fix=f"{key}=touch:/var/lib/sslclm/reload/nginx")
