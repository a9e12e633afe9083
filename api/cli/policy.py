"""Policy: the rules of a day, and what they would say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.certificates import Limit, Team, show_list
from api.cli.errors import Refused, Waiting
from api.cli.invocation import Run, command
from api.cli.naming import Names, id_of, id_or_none
from api.cli.orders import order_body
from api.cli.output import Cell
from api.cli.preview import Ahead, look_ahead
from api.cli.text import span
from api.cli.wish import Place, seconds

APP = typer.Typer(help="What may be issued on which day, and what a rule would break.", no_args_is_help=True)
Day = Annotated[str, typer.Option("--date", metavar="YYYY-MM-DD", help="A day in UTC; default: today.")]
_BREAKS = 1
_BINDS = {
    "requests": "requests",
    "issued": "requests, and what is issued from its day on",
    "living": "requests, and everything that lives on its day",
}
_ALWAYS = "1970-01-01"
_SAID = {"passes": "passes", "waits": "waits", "refuses": "refused", "not-in-force": "not in force"}


@command(APP, "rules")
def rules(run: Run, *, day: Day = "") -> None:
    """List the rules that are in force on a day, with their sources."""
    answer = run.api.get("/policy/rules", on=day or None)
    if run.out.as_json:
        run.out.document(answer)
        return
    columns: Mapping[str, Cell] = {
        "rule, what helps": lambda row: [row["rule"], row["fix"]],
        "in force": _days,
        "binds": lambda row: _BINDS.get(row["binds"], row["binds"]),
        "source": lambda row: row["citation"],
    }
    run.out.table(columns, answer["items"], nothing="No rules.")


def _days(row: Mapping[str, Any]) -> list[str]:
    since = "always" if row["effective"] == _ALWAYS else f"since {row['effective']}"
    return [since, *([f"until {row['until']}"] if row["until"] else [])]


@command(APP, "preview")
def preview(
    run: Run,
    *,
    day: Annotated[
        str, typer.Option("--date", metavar="YYYY-MM-DD", help="In UTC; default: the next day on which a rule begins.")
    ] = "",
    team: Team = "",
    each: Annotated[bool, typer.Option("--list", help="Each certificate and profile, not only how many.")] = False,
    limit: Limit = 1_000,
) -> None:
    """Tell what of today's profiles, certificates and renewals a day will break, for whom.

    Exit code 0: nothing breaks; 1: something breaks, which is a finding and no error.
    At most --limit things are listed; all are counted.
    """
    found = look_ahead(run.api, day, id_or_none(run.api, "team", team), limit)
    if run.out.as_json:
        run.out.document(found.document())
    else:
        _tell_preview(run, found, each=each)
    if found.broken:
        _tell_broken(run, found, team, each=each)
        raise typer.Exit(_BREAKS)


def _tell_broken(run: Run, found: Ahead, team: str, *, each: bool) -> None:
    """Say what was found, and how to see more of it; it is a finding, and no error."""
    things = "1 thing breaks" if found.broken == 1 else f"{found.broken} things break"
    run.out.say(f"On {found.on} {things}.")
    if not each:
        of_team = f" --team {team}" if team else ""
        run.out.say(f"Which, and why: sslclm policy preview --date {found.on}{of_team} --list")


def _tell_preview(run: Run, found: Ahead, *, each: bool) -> None:
    names = Names(run.api)
    grouped: Mapping[str, Cell] = {
        "team": lambda row: names.team(row["team"]),
        "what": lambda row: [row["kind"], row["outcome"]],
        "how many": lambda row: row["count"],
        "from": lambda row: row["first"],
        "rule, fix": lambda row: [row["rule"], row["fix"]],
    }
    nothing = f"{found.examined} certificates and all profiles: nothing breaks on {found.on}."
    run.out.table(grouped, found.rows(), nothing=nothing)
    if each and found.items:
        columns: Mapping[str, Cell] = {
            "what": lambda row: [row["kind"], *row["names"], row["certificate_id"] or row["profile_id"]],
            "why": lambda row: names.teams_in(row["message"]),
            "from": lambda row: row["when"],
        }
        run.out.table(columns, found.items, nothing="")


@command(APP, "breaches")
def breaches(
    run: Run,
    *,
    team: Team = "",
    rule: Annotated[str, typer.Option(help="Only this rule.")] = "",
    limit: Limit = 100,
) -> None:
    """List the living certificates that break a rule in force, with what helps."""
    names = Names(run.api)
    columns: Mapping[str, Cell] = {
        "rule, source": lambda row: [row["rule"], row["citation"]],
        "what": lambda row: [row["message"], row["certificate_id"]],
        "team": lambda row: names.team(row["team_id"]),
        "found": lambda row: run.out.when_lines(row["found_at"]),
    }
    asked = {"team": id_or_none(run.api, "team", team), "rule": rule or None}
    show_list(run, "/policy/breaches", limit, asked, columns, nothing="No living certificate breaks a rule.")


@command(APP, "explain")
def explain(  # noqa: PLR0913 - each parameter is one option
    run: Run,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="DNS names.")] = None,
    *,
    team: Annotated[str, typer.Option(help="Owner: name or id.")],
    profile: Annotated[str, typer.Option(help="Name or id.")],
    csr: Annotated[Path | None, typer.Option(help="Your own CSR (PEM).")] = None,
    host: Annotated[str, typer.Option(help="Host whose agent would make the key: name or id.")] = "",
    directory: Annotated[str, typer.Option(help="Absolute path on the host.")] = "",
    endpoint: Annotated[list[str] | None, typer.Option(help="address:port/servername. Repeat.")] = None,
    targets_file: Annotated[Path | None, typer.Option("--targets", help='JSON: [{"host", "spec"}, …].')] = None,
    ip: Annotated[list[str] | None, typer.Option(help="IP address to name. Repeat.")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Validity; default: the profile's maximum.")] = None,
    validity: Annotated[int | None, typer.Option(min=1, help="Validity in seconds.")] = None,
    key_algorithm: Annotated[str, typer.Option(help="e.g. EC-P256; default: the profile's first.")] = "",
    every: Annotated[bool, typer.Option("--all", help="The rules that pass, too.")] = False,
) -> None:
    """Tell what would come of a request now, rule by rule; it is not made, and nothing is recorded.

    Exit code 0: policy would approve it; 5: it would wait for a person; 1: it would be refused.
    """
    place = Place(host, directory, tuple(endpoint or ()), targets=targets_file)
    body = order_body(run, names or [], place, csr)
    body |= {"team_id": id_of(run.api, "team", team), "profile_id": id_of(run.api, "profile", profile)}
    body |= {"ip_addresses": ip or [], "validity": seconds(days, validity), "key_algorithm": key_algorithm or None}
    answer = run.api.ask("/policy/explain", body)
    _told(run, answer, every=every)
    _outcome(answer)


def _told(run: Run, answer: dict[str, Any], *, every: bool) -> None:
    if run.out.as_json:
        run.out.document(answer)
        return
    named = ", ".join([*answer["dns_names"], *answer["ip_addresses"]])
    run.out.card(
        f"Asked on {answer['on']}",
        {"names": named, "key": answer["key_algorithm"], "validity": span(answer["validity"])},
    )
    known = Names(run.api)
    columns: Mapping[str, Cell] = {
        "rule": lambda row: row["rule"],
        "verdict": lambda row: _SAID[row["verdict"]],
        "why": lambda row: known.teams_in(row["message"]) or _since(row),
        "fix, source": lambda row: [row["fix"], row["citation"]] if row["message"] else row["citation"],
    }
    rows = [row for row in answer["rules"] if every or row["verdict"] in {"waits", "refuses"}]
    run.out.table(columns, rows, nothing=f"{len(answer['rules'])} rules, none objects: policy would approve it.")


def _since(row: Mapping[str, Any]) -> str:
    if row["verdict"] == "passes":
        return ""
    return f"from {row['effective']}" + (f" until {row['until']}" if row["until"] else "")


def _outcome(answer: dict[str, Any]) -> None:
    """Leave with the exit code that scripts see. Raises Refused and Waiting."""
    if answer["outcome"] == "conforms":
        return
    said = "refuses" if answer["outcome"] == "refused" else "waits"
    first = next(row for row in answer["rules"] if row["verdict"] == said)
    if said == "refuses":
        raise Refused(f"it would be refused: {first['message']}", fix=first["fix"], rule=first["rule"])
    raise Waiting(f"it would wait for a person: {first['message']}", fix=first["fix"], rule=first["rule"])
