"""A real nginx on a free loopback port, with its own prefix and configuration, serving a target directory."""

from __future__ import annotations

import os
import shlex
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.pki import Pair
from tests.support.real import real_part

DEADLINE = 10.0
_CONFIG = """
{user}
daemon off;
worker_processes 1;
pid nginx.pid;
error_log error.log info;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    server_name www.example.test;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_certificate {target}/current/fullchain.pem;
    ssl_certificate_key {target}/current/privkey.pem;
    location / {{ return 204; }}
  }}
}}
"""


@dataclass(frozen=True)
class Nginx:
    """Where it listens, and the commands that validate and reload it."""

    program: str
    prefix: Path
    target: Path
    port: int
    process: subprocess.Popen[bytes]

    def command(self, *arguments: str) -> str:
        """Return a shell-quoted command line for this server."""
        return shlex.join((self.program, "-p", str(self.prefix), "-c", "nginx.conf", "-e", "error.log", *arguments))

    @property
    def endpoint(self) -> dict[str, object]:
        """The endpoint as a target names it."""
        return {"address": "127.0.0.1", "port": self.port, "server_name": "www.example.test"}


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def seed(target: Path, chain_pem: bytes, key_pem: bytes, version: str = "v0001-00000000") -> None:
    """Put a first pair in place, as an earlier installation would have."""
    folder = target / version
    folder.mkdir(parents=True)
    (folder / "fullchain.pem").write_bytes(chain_pem)
    (folder / "privkey.pem").write_bytes(key_pem)
    (folder / "privkey.pem").chmod(0o600)
    (target / "current").symlink_to(version)


def seed_pair(target: Path, pair: Pair) -> None:
    """Put a test pair in place."""
    seed(target, pair.chain_pem, pair.key_pem)


@contextmanager
def running_nginx(prefix: Path, target: Path, user: int | None = None) -> Iterator[Nginx]:
    """Run nginx until the block ends, under account ``user`` if given; ``target`` must hold a pair already."""
    program = real_part("nginx", "apt-get install nginx-light")
    port = free_port()
    prefix.mkdir(parents=True)
    account = "user root root;" if os.geteuid() == 0 and user is None else ""
    (prefix / "nginx.conf").write_text(_CONFIG.format(user=account, port=port, target=target))
    if user is not None:
        os.chown(prefix, user, user)
    with (prefix / "out.log").open("wb") as log:
        command = (program, "-p", str(prefix), "-c", "nginx.conf", "-e", "error.log")
        process = subprocess.Popen(command, stdout=log, stderr=log, user=user, group=user)
    try:
        wait_until_open(port, process, prefix)
        yield Nginx(program, prefix, target, port, process)
    finally:
        process.terminate()
        process.wait(DEADLINE)


def wait_until_open(port: int, process: subprocess.Popen[bytes], prefix: Path) -> None:
    """Wait until the server listens; fails with its logs."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise AssertionError((prefix / "out.log").read_text() + (prefix / "error.log").read_text())


def served_der(port: int, name: str = "www.example.test") -> bytes:
    """Return the leaf that is served now, DER, unverified."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port), DEADLINE) as raw,
        context.wrap_socket(raw, server_hostname=name) as link,
    ):
        return link.getpeercert(binary_form=True) or b""
