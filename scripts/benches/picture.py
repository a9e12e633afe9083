"""The figures as one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

_OURS, _OTHER = "#1f77b4", "#b0b0b0"


def draw(figures: dict[str, Any], path: Path) -> None:
    """Write the picture (PNG)."""
    figure = Figure(figsize=(17, 8), layout="constrained")
    (certificates, stages, rates), (append, verify, beside) = figure.subplots(2, 3)
    _certificates(certificates, figures["certificates"])
    _stages(stages, figures["certificates"]["stages_us"])
    _rates(rates, figures["scale"]["rows"])
    _beside(beside, figures["scale"]["beside_a_bulk_call"])
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


def _rates(axes: Axes, rows: list[dict[str, float]]) -> None:
    for shift, workers, colour in ((-0.2, 1, _OTHER), (0.2, 2, _OURS)):
        own = [row for row in rows if row["workers"] == workers]
        places = [place + shift for place in range(len(own))]
        bars = axes.bar(places, [row["of_bare_rate"] for row in own], 0.4, color=colour, label=f"{workers} worker(s)")
        axes.bar_label(bars, [f"{row['per_s']:.0f}/s" for row in own])
    names = [f"{row['clients']:.0f}" if row["clients"] else "bulk" for row in rows if row["workers"] == 1]
    axes.set_xticks(range(len(names)), names)
    axes.set_title("certificates over HTTPS, in the bare rate of one core, by clients")
    axes.legend()


def _beside(axes: Axes, rows: list[dict[str, float]]) -> None:
    bars = axes.bar([f"{row['workers']:.0f}" for row in rows], [row["p99_ratio"] for row in rows], color=_OURS)
    axes.bar_label(bars, fmt="%.1f")
    axes.axhline(1, color=_OTHER)
    axes.set_title("p99 of single requests while bulk calls run / quiet, by workers")


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
