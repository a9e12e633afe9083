"""The web server of the story: nginx where there is one, else a small TLS server of our own; never with rights.

Either reads ``<site>/current/fullchain.pem`` and ``privkey.pem``, and starts with a self-signed pair, as servers do.
"""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import shutil
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from scripts.story.place import Place, StoryError, is_open
from scripts.story.processes import BARE, Processes

NAME = "webserver"
HOST = "web1.shop.test"
SITES = {"www": "www.shop.test", "api": "api.shop.test"}
"""Site -> the name it answers to; each has a port and a target directory of its own."""
_BROKEN = "put-there-on-purpose.conf"
_FIRST = "v0001-00000000"
_SERVER = """
  server {{
    listen 127.0.0.1:{port} ssl;
    server_name {name};
    ssl_certificate {folder}/current/fullchain.pem;
    ssl_certificate_key {folder}/current/privkey.pem;
    location / {{ return 200 "served by nginx for {name}\\n"; }}
  }}
"""
_CONFIG = """{user}
daemon off;
worker_processes 1;
pid nginx.pid;
error_log error.log info;
events {{ worker_connections 64; }}
http {{
  access_log off;
  ssl_protocols TLSv1.2 TLSv1.3;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  include more/*.conf;
{servers}}}
"""


@dataclass(frozen=True)
class WebServer:
    """The server of one place. ``nginx`` is its program, "" where there is none."""

    place: Place
    nginx: str

    @classmethod
    def found(cls, place: Place) -> WebServer:
        """Look for nginx where Debian and others keep it."""
        return cls(place, shutil.which("nginx", path=BARE["PATH"]) or "")

    @property
    def kind(self) -> str:
        """What it is, for people."""
        return "nginx" if self.nginx else "the demo's own small TLS server"

    @property
    def account(self) -> pwd.struct_passwd | None:
        """The account without rights that it runs under; None for our own, where there is no better one."""
        if (
            not self.nginx
            or os.geteuid() != 0
            or not all(parent.stat().st_mode & 0o001 for parent in self.place.web.parents)
        ):
            return None
        known = {one.pw_name: one for one in pwd.getpwall()}
        return known.get("www-data") or known.get("nobody")

    def folder(self, site: str) -> Path:
        """Return the target directory of a site, where the agent keeps its versions."""
        return self.place.web / site

    def target(self, site: str) -> dict[str, Any]:
        """Return a target as an order names it: where the pair goes, who may read it, how it is proven."""
        endpoint = {"address": "127.0.0.1", "port": self.place.ports[site], "server_name": SITES[site]}
        group = _group(self.account.pw_gid) if self.account else ""
        how = (
            {"kind": "nginx", "validator": "web", "reloader": "web"}
            if self.nginx
            else {"kind": "files", "reloader": "web"}
        )
        return {**how, "directory": str(self.folder(site)), "group": group, "endpoints": [endpoint]}

    def agent_properties(self) -> list[str]:
        """Return what the host's owner allows the agent: these two folders, these two commands."""
        allowed = [f"allow.directory.{n}={self.folder(site)}" for n, site in enumerate(SITES, 1)]
        if not self.nginx:
            return [*allowed, f"reloader.web=touch:{self.place.agent}/reload {self.place.web}/reload.status"]
        return [
            *allowed,
            f"validator.web=exec:{self._nginx('-t', '-q')}",
            f"reloader.web=exec:{self._nginx('-s', 'reload')}",
        ]

    def start(self, processes: Processes) -> None:
        """Start it, and wait until it listens."""
        for site in SITES:
            self._seed(site)
            if is_open(self.place.ports[site]):
                raise StoryError(f"port {self.place.ports[site]} of {self.place.folder} is taken by a stranger")
        self.mend()
        processes.log(NAME).unlink(missing_ok=True)
        processes.start(NAME, self._command(), account=self.account.pw_uid if self.account else None)
        processes.wait(NAME, f"{self.kind} was to listen", self._listens)

    def _listens(self) -> bool:
        return all(is_open(self.place.ports[site]) for site in SITES)

    def break_on_purpose(self) -> str:
        """Put a mistake into the server's configuration; returns what was done."""
        (self._more / _BROKEN).write_text("ssl_certificat oops;\n")
        (self._more / _BROKEN).chmod(0o644)
        return f"more/{_BROKEN}"

    def mend(self) -> None:
        """Take the mistake away."""
        (self._more / _BROKEN).unlink(missing_ok=True)

    @property
    def _more(self) -> Path:
        return self.place.web / "more"

    def _command(self) -> list[str | Path]:
        if self.nginx:
            self._configure()
            return list(shlex.split(self._nginx()))
        sites = [f"{self.place.ports[site]}={self.folder(site)}/current" for site in SITES]
        trigger, status = self.place.agent / "reload", self.place.web / "reload.status"
        return [sys.executable, "-m", "scripts.story.tls_server", self._more, trigger, status, *sites]

    def _nginx(self, *arguments: str) -> str:
        return shlex.join((self.nginx, "-p", str(self.place.web), "-c", "nginx.conf", "-e", "error.log", *arguments))

    def _configure(self) -> None:
        servers = "".join(
            _SERVER.format(port=self.place.ports[site], name=name, folder=self.folder(site))
            for site, name in SITES.items()
        )
        user = f"user {self.account.pw_name} {_group(self.account.pw_gid)};" if self.account else _as_ourselves()
        configuration = self.place.web / "nginx.conf"
        configuration.write_text(_CONFIG.format(user=user, servers=servers))
        configuration.chmod(0o644)

    def _seed(self, site: str) -> None:
        """Give a site the self-signed pair that it has before anybody manages it."""
        folder = self.folder(site)
        gid = self.account.pw_gid if self.account else -1
        for each in (self._more, folder):
            each.mkdir(exist_ok=True)
            each.chmod(0o755)  # whatever our umask is: the server's account reads here
        if self.account:
            os.chown(self.place.web, self.account.pw_uid, gid)  # its pid, its log
        if (folder / "current").exists():
            return
        pair = folder / _FIRST
        pair.mkdir(mode=0o750)
        for name, content in _self_signed(SITES[site]).items():
            (pair / name).write_bytes(content)
            (pair / name).chmod(0o640)
            os.chown(pair / name, -1, gid)
        os.chown(pair, -1, gid)
        (folder / "current").symlink_to(_FIRST)


def _group(gid: int) -> str:
    return grp.getgrgid(gid).gr_name


def _as_ourselves() -> str:
    return "user root root;" if os.geteuid() == 0 else ""


def _self_signed(name: str) -> dict[str, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return {
        "fullchain.pem": certificate.public_bytes(Encoding.PEM),
        "privkey.pem": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    }
