"""The figures of both stores as text and as one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

AIM = 5
"""Times the bare rate, with 32 and more callers."""


def table(figures: dict[str, Any]) -> str:
    """Return all figures as a table for people."""
    lines = [
        f"{figures['measured_at']}, load {figures['load']:.1f}; bare = one chained durable insert after another",
        "store             processes  callers  appends/s  bare/s  x bare   p50 ms   p99 ms",
    ]
    lines += [
        f"{row['store']:17} {row['processes']:9} {row['callers']:8} {row['per_s']:10.0f} {row['bare_per_s']:7.0f}"
        f" {row['ratio']:7.1f} {row['p50_ms']:8.1f} {row['p99_ms']:8.1f}{'  with details' if row['details'] else ''}"
        for row in figures["rows"]
    ]
    for store, views in figures["views"].items():
        lines += ["", f"read models on {store}, events/s", *(f"{name:36} {rate:8.0f}" for name, rate in views.items())]
    lines += ["", "commands while all models are rebuilt, in quiet = 1"]
    lines += [
        f"{one['store']:8} p50 {one['p50_ratio']:.1f} ({one['p50_ms_quiet']:.1f} to {one['p50_ms_busy']:.1f} ms),"
        f" p99 {one['p99_ratio']:.1f} ({one['p99_ms_quiet']:.1f} to {one['p99_ms_busy']:.1f} ms)"
        for one in figures["beside_a_rebuild"]
    ]
    return "\n".join(lines)


def draw(figures: dict[str, Any], path: Path) -> None:
    """Write the picture (PNG)."""
    figure = Figure(figsize=(16, 5), layout="constrained")
    rates, ratios, views = figure.subplots(1, 3)
    plain = [row for row in figures["rows"] if not row["details"]]
    _lines(rates, plain, "per_s", "durable chained appends per second, by callers")
    _lines(ratios, plain, "ratio", "times one chained insert after another, by callers")
    ratios.axhline(AIM, color="#b0b0b0")
    _views(views, figures["views"])
    figure.suptitle(f"SSL-CLM, {figures['measured_at']}, load {figures['load']:.1f}", fontsize=10)
    figure.savefig(path, dpi=110)


def _lines(axes: Axes, rows: list[dict[str, Any]], name: str, title: str) -> None:
    for store, processes in dict.fromkeys((row["store"], row["processes"]) for row in rows):
        own = [row for row in rows if (row["store"], row["processes"]) == (store, processes)]
        label = f"{store}, {processes} process(es)"
        axes.plot([row["callers"] for row in own], [row[name] for row in own], marker="o", label=label)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_title(title)
    axes.legend(fontsize=7)


def _views(axes: Axes, views: dict[str, dict[str, float]]) -> None:
    for number, (store, figures) in enumerate(views.items()):
        places = [place + 0.4 * number for place in range(len(figures))]
        bars = axes.bar(places, list(figures.values()), 0.4, label=store)
        axes.bar_label(bars, fmt="%.0f", fontsize=7)
        names = [name.removesuffix("_events_per_s").replace("_", "\n") for name in figures]
        axes.set_xticks(range(len(names)), names, fontsize=7)
    axes.set_title("read models, events per second")
    axes.legend()
