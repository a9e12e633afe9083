"""Real servers and programs in tests: their absence is a skip at home and a failure in CI."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

SYSTEM_PATHS = "/usr/local/sbin:/usr/sbin:/sbin"
"""Where systems keep servers that are not on a person's PATH."""


def missing(name: str, how: str) -> NoReturn:
    """Skip this test, saying how to get what it needs; in CI (``CI=true``) fail, since a skip would hide a hole."""
    message = f"{name} is not here: {how}"
    if os.environ.get("CI") == "true":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def real_part(name: str, how: str) -> str:
    """Return the path of a program, or skip (at home) or fail (in CI) with the sentence ``how`` to get it."""
    path = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", os.defpath), SYSTEM_PATHS)))
    if path is None:
        missing(name, how)
    return path
