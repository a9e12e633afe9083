"""The one command that measures everything runs to its end, with a real server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.full
@pytest.mark.serial
def test_the_bench_writes_figures_and_a_picture(tmp_path):
    """A short run has every figure in its JSON, draws its picture, and tells the ratio first."""
    command = [sys.executable, "-m", "scripts.benches", "--seconds", "3", "--out", str(tmp_path)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400, check=True).stdout
    figures = json.loads((tmp_path / "bench.json").read_text())

    assert [1, 8, 32] == [row["clients"] for row in figures["certificates"]["clients"]]
    assert [1, 8, 32, 128] == [row["callers"] for row in figures["append"]]
    assert [1, 16, 32, 0] * 2 == [row["clients"] for row in figures["scale"]["rows"]]
    assert [1, 2] == [row["workers"] for row in figures["scale"]["beside_a_bulk_call"]]
    assert all(row["to_bare"] > 1 for row in figures["certificates"]["clients"])
    assert figures["verify"]["sha256_to_verify"] > 1
    assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")
    assert "certificates over HTTPS" in said
