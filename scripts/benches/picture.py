"""The figures as one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

_OURS, _OTHER = "#1f77b4", "#b0b0b0"


def draw(figures: dict[str, Any], path: Path) -> None:
    """Write the picture (PNG)."""
    figure = Figure(figsize=(12, 8), layout="constrained")
    (certificates, stages), (append, verify) = figure.subplots(2, 2)
    _certificates(certificates, figures["certificates"])
    _stages(stages, figures["certificates"]["stages_us"])
    _append(append, figures["append"])
    _verify(verify, figures["verify"])
    machine = figures["machine"]
    figure.suptitle(f"SSL-CLM, {figures['measured_at']}, {machine['cpu']}: ratios of one run", fontsize=10)
    figure.savefig(path, dpi=110)


def _certificates(axes: Axes, issued: dict[str, Any]) -> None:
    rows = issued["clients"]
    bars = axes.bar([f"{row['clients']:.0f}" for row in rows], [row["to_bare"] for row in rows], color=_OURS)
    axes.bar_label(bars, fmt="%.1f")
    axes.axhline(1, color=_OTHER)
    axes.set_title("CPU per certificate over HTTPS / bare cryptography")
    axes.set_xlabel("clients")


def _stages(axes: Axes, stages: dict[str, float]) -> None:
    names = list(stages)[::-1]
    bars = axes.barh(names, [stages[name] for name in names], color=_OURS)
    axes.bar_label(bars, fmt="%.0f")
    axes.set_title("where it goes with 32 clients, µs of CPU")


def _append(axes: Axes, rows: list[dict[str, float]]) -> None:
    places = range(len(rows))
    axes.bar([place - 0.2 for place in places], [row["ours_per_s"] for row in rows], 0.4, color=_OURS, label="ours")
    library = [row["library_per_s"] for row in rows]
    axes.bar([place + 0.2 for place in places], library, 0.4, color=_OTHER, label="library's recorder (no chain)")
    axes.set_xticks(list(places), [f"{row['callers']:.0f}\nx {row['ratio']:.1f}" for row in rows])
    axes.set_title("durable appends per second, by callers")
    axes.legend()


def _verify(axes: Axes, checked: dict[str, float]) -> None:
    names = {"read_per_s": "read only", "verified_per_s": "verified", "raw_sha256_per_s": "SHA-256 alone"}
    bars = axes.bar(list(names.values()), [checked[name] for name in names], color=[_OTHER, _OURS, _OTHER])
    axes.bar_label(bars, fmt="%.0f")
    axes.set_title("chain verification, events per second")
