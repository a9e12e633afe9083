"""The bench of the stores, in small: every case is measured and drawn."""

from __future__ import annotations

import pytest

from scripts.benches import stores, stores_report
from tests.support.mongod import mongod


@pytest.mark.serial
@pytest.mark.parametrize("sizes", [(), pytest.param((1,), marks=pytest.mark.full)], ids=["sqlite", "mongodb"])
def test_every_case_is_measured(tmp_path, monkeypatch, sizes):
    """Each figure of a short run is there and above nothing, and the picture is a picture."""
    if sizes:
        mongod()
    monkeypatch.chdir(tmp_path)
    figures = stores.run(1, sizes=sizes, callers=(1, 4), events=800)
    stores_report.draw(figures, tmp_path / "stores.png")

    assert len(figures["rows"]) == 5 * (1 + len(sizes))
    assert all(row["ratio"] > 0 and row["p50_ms"] <= row["p99_ms"] for row in figures["rows"])
    assert all(rate > 0 for views in figures["views"].values() for rate in views.values())
    assert len(figures["beside_a_rebuild"]) == len(figures["views"]) == 1 + len(sizes)
    assert (tmp_path / "stores.png").read_bytes().startswith(b"\x89PNG")
    assert "x bare" in stores_report.table(figures)
