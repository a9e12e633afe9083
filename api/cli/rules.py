"""Who may do what: teams, grants, profiles, issuers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from api.cli.certificates import Limit, Team, show_list, show_object
from api.cli.invocation import Run, command
from api.cli.naming import Names, exact_id, id_of, id_or_none
from api.cli.orders import Reason, act
from api.cli.output import Cell
from api.cli.text import span
from api.cli.wish import read_json

TEAMS = typer.Typer(help="Owners of hosts, orders and certificates.", no_args_is_help=True)
GRANTS = typer.Typer(help="Which group or machine holds which role.", no_args_is_help=True)
PROFILES = typer.Typer(help="What may be issued, for whom, and who approves.", no_args_is_help=True)
ISSUERS = typer.Typer()
Profile = Annotated[str, typer.Argument(help="Name or id.")]


@command(TEAMS, "list")
def list_teams(run: Run, *, limit: Limit = 100) -> None:
    """List the teams that you may see."""
    columns: Mapping[str, Cell] = {
        "team": lambda row: [row["name"], row["team_id"]],
        "contact": lambda row: row.get("contact"),
        "created": lambda row: run.out.when_lines(row["created_at"]),
    }
    show_list(run, "/teams", limit, {}, columns, nothing="No teams.")


@command(TEAMS, "add", changes=True)
def add_team(run: Run, name: Annotated[str, typer.Argument(help="Lower-case letters, digits, hyphens.")]) -> None:
    """Create a team."""
    act(run, "/teams", {"name": name}, f"Team {name} is created.")


@command(TEAMS, "contact", changes=True)
def name_contact(
    run: Run,
    team: Annotated[str, typer.Argument(help="Name or id.")],
    address: Annotated[str, typer.Argument(help="A mail address that is read, best a mailbox of the team.")],
    *,
    reason: Reason = "",
) -> None:
    """Name whom to write to about what a team owns."""
    path = f"/teams/{id_of(run.api, 'team', team)}/contact"
    act(run, path, {"address": address, "reason": reason}, f"Team {team} has a contact.")


@command(GRANTS, "list")
def list_grants(
    run: Run,
    *,
    team: Team = "",
    role: Annotated[str, typer.Option(help="ROLE_VIEWER, ROLE_DEVOPS, ROLE_SEC_OPS or ROLE_ADMIN.")] = "",
    every: Annotated[bool, typer.Option("--all", help="Withdrawn ones too.")] = False,
    limit: Limit = 100,
) -> None:
    """List grants, the newest first."""
    names = Names(run.api)
    columns: Mapping[str, Cell] = {
        "holder": lambda row: [f"{row['subject_kind']} {row['subject']}", row["grant_id"]],
        "provider": lambda row: row["provider"],
        "role": lambda row: row["role"],
        "team": lambda row: names.team(row["team_id"]),
        "granted": lambda row: run.out.when_lines(row["granted_at"]) if row["in_force"] else "withdrawn",
    }
    asked = {
        "team": id_or_none(run.api, "team", team),
        "role": role or None,
        "in_force": None if every else True,
    }
    show_list(run, "/grants", limit, asked, columns, nothing="No grants.")


@command(GRANTS, "give", changes=True)
def give_grant(
    run: Run,
    role: Annotated[str, typer.Argument(help="ROLE_VIEWER, ROLE_DEVOPS, ROLE_SEC_OPS or ROLE_ADMIN.")],
    subject: Annotated[str, typer.Argument(help="The group's full path, or the client's id.")],
    *,
    provider: Annotated[str, typer.Option(help="The identity provider that knows it.")],
    team: Annotated[str, typer.Option(help="For ROLE_DEVOPS: name or id.")] = "",
    client: Annotated[bool, typer.Option("--client", help="A machine client, not a group.")] = False,
) -> None:
    """Grant a role to a group of an identity provider, or to a machine."""
    body = {
        "provider": provider,
        "subject_kind": "client" if client else "group",
        "subject": subject,
        "role": role,
        "team_id": id_or_none(run.api, "team", team),
    }
    act(run, "/grants", body, f"{role} is granted to {subject}.")


@command(GRANTS, "withdraw", changes=True)
def withdraw_grant(run: Run, grant: Annotated[str, typer.Argument(help="grant-…")], *, reason: Reason = "") -> None:
    """Withdraw a grant; it counts from the next request on."""
    act(run, f"/grants/{exact_id(grant, 'grant')}/withdraw", {"reason": reason}, f"{grant} is withdrawn.")


@command(PROFILES, "list")
def list_profiles(run: Run, *, team: Annotated[str, typer.Option(help="Usable by this team.")] = "") -> None:
    """List profiles."""
    columns: Mapping[str, Cell] = {
        "profile": lambda row: row["name"],
        "state": lambda row: row["state"],
        "version": lambda row: row["number"],
        "names": lambda row: row["spec"]["allowed_names"],
        "at most": lambda row: span(row["spec"]["max_validity"]),
        "approval": lambda row: row["spec"]["approval"],
    }
    show_list(run, "/profiles", 200, {"team": id_or_none(run.api, "team", team)}, columns, nothing="No profiles.")


@command(PROFILES, "show")
def show_profile(run: Run, profile: Profile) -> None:
    """Show a profile with its history, where you may read it."""
    show_object(run, "profile", id_of(run.api, "profile", profile))


@command(PROFILES, "define", changes=True)
def define_profile(
    run: Run, file: Annotated[Path, typer.Argument(help="JSON; team and issuer by name or id.")]
) -> None:
    """Define the profile of a file, or give it its next version."""
    spec = read_json(file)
    if isinstance(spec.get("teams"), list):
        spec["teams"] = [id_of(run.api, "team", str(one)) for one in spec["teams"]]
    if isinstance(spec.get("issuer_id"), str):
        spec["issuer_id"] = id_of(run.api, "issuer", spec["issuer_id"])
    act(run, "/profiles", spec, f"Profile {spec.get('name')} is in force.")


@command(PROFILES, "retire", changes=True)
def retire_profile(run: Run, profile: Profile, *, reason: Reason = "") -> None:
    """Retire a profile; what was issued by it stays as it is."""
    profile_id = id_of(run.api, "profile", profile)
    act(run, f"/profiles/{profile_id}/retire", {"reason": reason}, f"Profile {profile} is retired.")


@command(ISSUERS, "issuers", panel="Who may do what")
def list_issuers(run: Run) -> None:
    """List the certification authorities."""
    columns: Mapping[str, Cell] = {
        "issuer": lambda row: [row["name"], row["issuer_id"]],
        "kind": lambda row: row["kind"],
        "expires": lambda row: run.out.when_lines(row["not_after"]),
        "CRL until": lambda row: [*run.out.when_lines(row["next_update"]), f"number {row['crl_number']}"],
    }
    show_list(run, "/issuers", 200, {}, columns, nothing="No issuers.")
