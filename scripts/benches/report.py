"""The figures as text."""

from __future__ import annotations

from typing import Any


def table(figures: dict[str, Any]) -> str:
    """Return all figures as a table for people."""
    machine, issued = figures["machine"], figures["certificates"]
    sections = [
        f"{figures['measured_at']}  {machine['cpu']}, Python {machine['python']}, {machine['openssl']}",
        _certificates(issued),
        _stages(issued),
        _scale(figures["scale"]),
        _append(figures["append"]),
        _verify(figures["verify"]),
        _views(figures["views"]),
    ]
    return "\n\n".join(sections)


def _certificates(issued: dict[str, Any]) -> str:
    bare = f"{issued['bare_us']:.0f} us, least {issued['least_bare_us']:.0f}"
    lines = [
        f"certificates over HTTPS: CPU of the whole server against parse + verify + build + sign alone ({bare})",
        "clients   per s  CPU ms each  x bare  least x least   p50 ms   p99 ms",
    ]
    lines += [
        f"{row['clients']:7.0f} {row['per_s']:7.0f} {row['cpu_us'] / 1e3:12.2f} {row['to_bare']:7.1f}"
        f" {row['least_to_least_bare']:14.1f} {row['p50_ms']:8.1f} {row['p99_ms']:8.1f}"
        for row in issued["clients"]
    ]
    return "\n".join(lines)


def _stages(issued: dict[str, Any]) -> str:
    stages: dict[str, float] = issued["stages_us"]
    whole = sum(stages.values())
    lines = ["where the CPU of a certificate goes with 32 clients"]
    lines += [f"{name:34} {spent:7.0f} us {spent / whole:5.0%}" for name, spent in stages.items()]
    return "\n".join(lines)


def _scale(scale: dict[str, Any]) -> str:
    lines = [
        f"by workers; in bulk = calls of {scale['in_bulk']}; bare = parse + verify + build + sign alone on one core",
        "workers  clients   per s  of bare rate  CPU ms each  x bare   p99 ms",
    ]
    lines += [
        f"{row['workers']:7.0f} {_clients(row):>8} {row['per_s']:7.0f}"
        f" {row['of_bare_rate']:13.2f}"
        f" {row['cpu_us'] / 1e3:12.2f} {row['cpu_to_bare']:7.1f} {row['p99_ms']:8.1f}"
        for row in scale["rows"]
    ]
    lines += [
        f"p99 of single calls while bulk calls run, {row['workers']:.0f} worker(s): {row['p99_ratio']:.1f} times quiet"
        for row in scale["beside_a_bulk_call"]
    ]
    return "\n".join(lines)


def _clients(row: dict[str, float]) -> str:
    return f"{row['clients']:.0f}" if row["clients"] else "in bulk"


def _append(rows: list[dict[str, float]]) -> str:
    lines = [
        "durable chained appends against the eventsourcing library's SQLite recorder, same disk",
        "callers  ours per s  library per s  ratio  CPU us ours  CPU us library",
    ]
    lines += [
        f"{row['callers']:7.0f} {row['ours_per_s']:11.0f} {row['library_per_s']:14.0f} {row['ratio']:6.1f}"
        f" {row['ours_cpu_us']:12.0f} {row['library_cpu_us']:15.0f}"
        for row in rows
    ]
    return "\n".join(lines)


def _verify(checked: dict[str, float]) -> str:
    return (
        f"chain verification: {checked['verified_per_s']:.0f} events/s;"
        f" SHA-256 alone over the same bytes is {checked['sha256_to_verify']:.1f} times as fast"
    )


def _views(views: dict[str, float]) -> str:
    lines = ["read models (CPU time)"]
    lines += [f"{name.replace('_', ' '):40} {value:9.0f}" for name, value in views.items()]
    return "\n".join(lines)
