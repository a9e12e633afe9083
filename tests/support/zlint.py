"""zlint (https://github.com/zmap/zlint), the linter that public CAs run, on certificates and CRLs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.support.real import missing

PACKAGE = "github.com/zmap/zlint/v3/cmd/zlint@v3.7.1"
SOURCES = "RFC5280,RFC5480,RFC5891,RFC8813"
_HARMLESS = {"pass", "NA", "NE"}


def zlint_program() -> str:
    """Return the program: from PATH, from the cache, or built once with Go; skip (in CI: fail) without Go."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "sslclm-tests" / "zlint-3.7.1"
    found = shutil.which("zlint") or shutil.which("zlint", path=cache)
    if found:
        return found
    go = shutil.which("go")
    if go is None:
        missing("zlint", f"install Go, then: go install {PACKAGE}")
    environment = {**os.environ, "GOBIN": str(cache)}
    built = subprocess.run(
        [go, "install", PACKAGE], env=environment, capture_output=True, text=True, timeout=280, check=False
    )
    if built.returncode:
        missing("zlint", f"go install {PACKAGE} failed: {built.stderr[-300:]}")
    return str(cache / "zlint")


def zlint_findings(program: str, pem: Path) -> dict[str, str]:
    """Return what zlint holds against a certificate or CRL (PEM file): lint name -> notice, warn or error."""
    command = [program, "-includeSources", SOURCES, str(pem)]
    output = subprocess.run(command, capture_output=True, timeout=60, check=True).stdout
    results: dict[str, Any] = json.loads(output)
    return {name: result["result"] for name, result in results.items() if result["result"] not in _HARMLESS}
