"""What holds for every test: no network but loopback, and the same examples for everybody in CI."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest

from tests.support.mongosets import any_set, fresh_database

hypothesis.settings.register_profile("home", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") == "true" else "home")

LOOPBACK_NAMES = {"localhost", "localhost.localdomain", "ip6-localhost", ""}


class NotLoopbackError(AssertionError):
    """A test tried to reach something that is not on this machine."""


def refuse_outside(host: object) -> None:
    """Raise unless a host (name, address or ``None`` for "any") stays on this machine."""
    name = host.decode() if isinstance(host, bytes) else host
    if name is None or name in LOOPBACK_NAMES:
        return
    try:
        address = ipaddress.ip_address(str(name).split("%", maxsplit=1)[0])
    except ValueError:
        raise NotLoopbackError(f"a test may not look up {name!r}: use 127.0.0.1, or hand in a double") from None
    if not (address.is_loopback or address.is_unspecified):
        raise NotLoopbackError(f"a test may not reach {name!r}: use 127.0.0.1")


def _guarded(original: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: socket.socket, *arguments: Any) -> Any:
        if self.family in {socket.AF_INET, socket.AF_INET6}:
            refuse_outside(arguments[-1][0])  # the address is the last argument of connect, connect_ex and sendto
        return original(self, *arguments)

    return call


@pytest.fixture(autouse=True, scope="session")
def _loopback_only() -> Iterator[None]:
    """Harm prevented: a test that depends on, or leaks to, the world outside; uvloop connects below this guard."""
    with pytest.MonkeyPatch.context() as patch:
        for method in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, method, _guarded(getattr(socket.socket, method)))
        look_up = socket.getaddrinfo

        def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
            refuse_outside(host)
            return look_up(host, *arguments, **options)

        patch.setattr(socket, "getaddrinfo", getaddrinfo)
        yield


@pytest.fixture(autouse=True)
def _own_umask() -> Iterator[None]:
    """Harm prevented: the agent, run in the process of a test, sets the umask for all tests after it."""
    former = os.umask(0o022)
    yield
    os.umask(former)


@pytest.fixture(scope="session")
def mongo_set(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of this process's one replica set; it is started by the first test that asks for it."""
    with any_set(tmp_path_factory.mktemp("mongod")) as url:
        yield url


@pytest.fixture
def mongo_url(mongo_set: str) -> Iterator[str]:
    """Give the URL of a database of this test's own, which is dropped afterwards."""
    with fresh_database(mongo_set) as url:
        yield url


@pytest.fixture(scope="module")
def mongo_module_url(mongo_set: str) -> Iterator[str]:
    """Give the URL of a database that the tests of one module share, which is dropped afterwards."""
    with fresh_database(mongo_set) as url:
        yield url
