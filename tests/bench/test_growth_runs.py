"""The bench of growth, in small: every question is answered, its ledger verifies, its picture is drawn."""

from __future__ import annotations

from scripts.benches import estate, growth, growth_picture


def test_every_question_is_answered(tmp_path):
    """Two small estates: each question finds rows, each figure is a time, and the picture is a picture."""
    figures = growth.run((200, 400), 3, tmp_path)
    growth_picture.draw(figures, tmp_path / "growth.png")

    sure = [rows for name, rows in figures["questions"].items() if "team" not in name]  # a small team may have none
    assert all(row["rows"] >= 1 for rows in sure for row in rows)
    assert all(0 < row["p50_ms"] <= row["p99_ms"] for rows in figures["questions"].values() for row in rows)
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")
    assert "who accessed" in growth.table(figures)


def test_an_estate_is_a_real_one(tmp_path):
    """The made-up ledger's chain holds, and its certificate's key has the accesses that its events tell."""
    made = estate.fabricate(tmp_path, 60)
    with growth.opened(made) as asked:
        assert asked.edge.evidence.verify().holds
        assert asked.accesses(estate.key_of(0)) >= 5
        assert asked.history(0) >= 7
