"""Growth as a picture: time over size, a logarithm on both sides; a straight rise of one decade a decade is linear."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

_GROUPS = ("inventory", "history", "who accessed", "audit")
_GREY = "#b0b0b0"


def draw(figures: Mapping[str, Any], path: Path) -> None:
    """Write the picture (PNG): p50 as lines, p99 dashed, what linear growth would be in grey."""
    figure = Figure(figsize=(14, 9), layout="constrained")
    for axes, group in zip(figure.subplots(2, 2).flat, _GROUPS, strict=True):
        _group(axes, group, figures["questions"])
    figure.suptitle("SSL-CLM: milliseconds of a question by the number of certificates (p50, dashed: p99)", fontsize=11)
    figure.savefig(path, dpi=110)


def _group(axes: Axes, group: str, questions: Mapping[str, Any]) -> None:
    for name, rows in questions.items():
        if not name.startswith(f"{group}:"):
            continue
        sizes = [row["size"] for row in rows]
        (line,) = axes.plot(sizes, [row["p50_ms"] for row in rows], marker="o", label=name.partition(": ")[2])
        axes.plot(sizes, [row["p99_ms"] for row in rows], linestyle="--", linewidth=0.8, color=line.get_color())
        if len(sizes) > 1:
            linear = [rows[0]["p50_ms"] * size / sizes[0] for size in sizes]
            axes.plot(sizes, linear, color=_GREY, linewidth=0.5, zorder=0)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_title(group)
    axes.set_xlabel("certificates")
    axes.set_ylabel("ms")
    axes.grid(visible=True, which="major", linewidth=0.3)
    axes.legend(fontsize=7)
