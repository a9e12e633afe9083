"""Reactions do one thing for each of many: one that fails holds no other up, and is told once all had their turn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def for_each(
    found: Iterable[T], act: Callable[[T], Awaitable[object]], *, ends_all: tuple[type[Exception], ...] = ()
) -> None:
    """Act on each, one after another; raise what the first raised that failed, after the last.

    ``ends_all``: what is raised at once, since the next one would meet it, too.
    """
    problems: list[Exception] = []
    for one in found:
        try:
            await act(one)
        except ends_all:
            raise
        except Exception as problem:  # noqa: BLE001 - whatever one of them meets, the others must not wait for it
            problems.append(problem)
    if problems:
        raise problems[0]
