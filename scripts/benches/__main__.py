"""All benches in one run: ratios for people as a table, for machines as JSON, and as a picture."""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.backends.openssl import backend as openssl

from scripts.benches import certificates, picture, report, scale
from tests.bench import bench_ledger, bench_views

SHARES = {"certificates": 0.4, "scale": 0.3, "append": 0.2, "views": 0.1}
"""How the time is divided; verification takes what it takes."""

_APPEND_CASES = 8


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=40, help="about how long to measure; set-up comes on top")
    parser.add_argument("--out", type=Path, help="folder for bench.json and bench.png; default: a fresh temporary one")
    parser.add_argument("--from", dest="start", type=Path, default=Path(), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    out: Path = asked.start / asked.out if asked.out else Path(tempfile.mkdtemp(prefix="sslclm-bench-out-"))
    out.mkdir(parents=True, exist_ok=True)
    figures = measure(asked.seconds)
    (out / "bench.json").write_text(json.dumps(figures, indent=1) + "\n")
    picture.draw(figures, out / "bench.png")
    print(report.table(figures))
    print(f"\n{out / 'bench.json'}\n{out / 'bench.png'}")


def measure(seconds: float) -> dict[str, Any]:
    """Return all figures; ratios are of one run, and only they should be compared between machines."""
    with tempfile.TemporaryDirectory(prefix="sslclm-bench-") as name:
        issued = certificates.run(seconds * SHARES["certificates"], Path(name) / "one")
        scaled = scale.run(seconds * SHARES["scale"], Path(name))
    ledger = bench_ledger.run(seconds * SHARES["append"] / _APPEND_CASES)
    checked = ledger["verify"]
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": seconds,
        "machine": {
            "cpu": _cpu_model(),
            "system": platform.platform(),
            "python": platform.python_version(),
            "openssl": openssl.openssl_version_text(),
        },
        "certificates": issued,
        "scale": scaled,
        "append": ledger["append"],
        "verify": checked | {"sha256_to_verify": checked["raw_sha256_per_s"] / checked["verified_per_s"]},
        "views": bench_views.run(seconds * SHARES["views"]),
    }


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{len(models)} x {models[0]}" if models else platform.machine()


if __name__ == "__main__":
    main()
