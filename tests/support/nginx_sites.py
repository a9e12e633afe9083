"""A real nginx with several sites, each in a file of its own that a link in ``sites-enabled`` switches on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.nginx import DEADLINE, Nginx, free_port, wait_until_open
from tests.support.real import real_part

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
  include sites-enabled/*.conf;
}}
"""
_SITE = """
server {{
  listen 127.0.0.1:{port} ssl;
  server_name {name};
  ssl_certificate {target}/current/fullchain.pem;
  ssl_certificate_key {target}/current/privkey.pem;
  location / {{ return 204; }}
}}
"""


def switch(prefix: Path, name: str, *, on: bool) -> str:
    """Return the ``exec:`` command by which a host's owner lets the agent disable or enable this one site."""
    link = prefix / "sites-enabled" / f"{name}.conf"
    return f"exec:/bin/ln -sfn ../sites-available/{name}.conf {link}" if on else f"exec:/bin/rm -f {link}"


@contextmanager
def running_sites(prefix: Path, sites: Mapping[str, Path]) -> Iterator[Nginx]:
    """Run nginx with one site per name, all on one port; each serves what lies in its target directory."""
    program, port = real_part("nginx", "apt-get install nginx-light"), free_port()
    for folder in ("sites-available", "sites-enabled"):
        (prefix / folder).mkdir(parents=True)
    (prefix / "nginx.conf").write_text(_CONFIG.format(user="user root root;" if os.geteuid() == 0 else ""))
    for name, target in sites.items():
        (prefix / "sites-available" / f"{name}.conf").write_text(_SITE.format(port=port, name=name, target=target))
        (prefix / "sites-enabled" / f"{name}.conf").symlink_to(f"../sites-available/{name}.conf")
    with (prefix / "out.log").open("wb") as log:
        command = (program, "-p", str(prefix), "-c", "nginx.conf", "-e", "error.log")
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until_open(port, process, prefix)
        yield Nginx(program, prefix, next(iter(sites.values())), port, process)
    finally:
        process.terminate()
        process.wait(DEADLINE)
