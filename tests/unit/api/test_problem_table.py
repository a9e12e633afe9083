"""The one table from errors to statuses, and the table of routes: complete, or the build fails."""

from __future__ import annotations

import re
from http import HTTPStatus

import pytest

import api.app
from api.problem_types import PROBLEM_TYPES
from api.problems import STATUS, status_of
from api.routes import ROUTES, Public, action_of
from commands.access.permissions import PERMISSIONS
from domain.errors import ClmError
from tests.support.sources import python_files

OURS = {"infra.keystore.errors"}
"""Modules whose errors are never the caller's: a 500 that says nothing."""


def every_error(kind=ClmError):
    """Yield all error classes below one."""
    for child in kind.__subclasses__():
        yield child
        yield from every_error(child)


def test_every_error_has_a_status():
    """Harm prevented: a new kind of refusal that reaches its caller as a 500."""
    assert api.app
    missing = [kind for kind in every_error() if status_of(kind) is HTTPStatus.INTERNAL_SERVER_ERROR]

    assert [] == [kind for kind in missing if kind.__module__ not in OURS]


def test_a_class_without_a_row_is_a_500():
    """An error nobody thought of says nothing to its caller."""
    assert HTTPStatus.INTERNAL_SERVER_ERROR == status_of(ClmError)


@pytest.mark.parametrize("status", sorted(set(STATUS.values())))
def test_no_status_is_a_success_or_a_redirect(status):
    """Refusals are 4xx, and 503 where a part does not answer."""
    assert 400 <= status < 500 or status == HTTPStatus.SERVICE_UNAVAILABLE


def test_every_route_names_actions_of_the_permission_table():
    """Harm prevented: a misspelt action, which would deny everybody or stand for nothing."""
    named = {row if isinstance(row, tuple) else (row,) for row in ROUTES.values() if not isinstance(row, Public)}

    assert set() == {action for actions in named for action in actions} - set(PERMISSIONS)


def test_a_public_route_is_no_read_of_anything():
    """Asking for the action of a public route is a mistake in the code, and says so."""
    with pytest.raises(LookupError, match="names no one action"):
        action_of("GET", "/auth/login")


def test_the_rules_of_the_interface_are_explained():
    """Harm prevented: a problem's ``type`` that leads to a page which does not know it."""
    files = [path for path in python_files("api") if not {"agent", "cli"} & set(path.parts)]
    written = {rule for path in files for rule in re.findall(r'rule ?= ?"([a-z0-9-]+)"', path.read_text())}

    assert "csrf" in written
    assert set() == written - set(PROBLEM_TYPES)
