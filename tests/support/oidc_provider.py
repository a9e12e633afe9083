"""npm's oidc-provider as a real, foreign OpenID provider: installed once into a cache, started per test module."""

from __future__ import annotations

import hashlib
import json
import os
import selectors
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.real import missing, real_part

HERE = Path(__file__).parent / "oidc_provider"
START_S = 30
INSTALL_S = 180
_FILES = ("package.json", "package-lock.json", "op.mjs")


def installed() -> Path:
    """Return a folder with the provider and its packages, installing them (npm ci) at first use."""
    npm = real_part("npm", "install Node.js 20 or newer with npm")
    wanted = hashlib.sha256(b"\0".join((HERE / name).read_bytes() for name in _FILES)).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))) / "sslclm-tests"
    ready = cache / f"oidc-provider-{wanted}"
    if ready.is_dir():
        return ready
    making = cache / f"making-{os.getpid()}"
    making.mkdir(parents=True)
    for name in _FILES:
        shutil.copy(HERE / name, making)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=making, capture_output=True, text=True, timeout=INSTALL_S, check=False)
    if done.returncode != 0:
        shutil.rmtree(making)
        missing("oidc-provider", f"`npm ci` in {HERE} needs the npm registry: {done.stderr[-300:]}")
    if not ready.exists():
        making.rename(ready)
    shutil.rmtree(making, ignore_errors=True)
    return ready


@contextmanager
def running(given: Mapping[str, object]) -> Iterator[str]:
    """Run the provider with these registrations; yields its issuer and stops it afterwards."""
    node = real_part("node", "install Node.js 20 or newer")
    command = [node, "op.mjs", json.dumps(given)]
    with subprocess.Popen(
        command, cwd=installed(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield _issuer(process)
        finally:
            process.terminate()
            process.wait(10)


def _issuer(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    with selectors.DefaultSelector() as ready:
        ready.register(process.stdout, selectors.EVENT_READ)
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and ready.select(deadline - time.monotonic()):
            line = process.stdout.readline().decode().strip()
            if line.startswith("http://"):
                return line
            if not line and process.poll() is not None:
                break
    raise AssertionError(f"oidc-provider did not start (exit code {process.poll()})")
