"""The routes that applications really serve, for tests that hold them against the table of routes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def served(routes: Any) -> Iterator[tuple[str, str]]:
    """Yield (method, path) of every route, those of included routers too; HEAD goes with GET."""
    for route in routes:
        if getattr(route, "path", None) is not None and getattr(route, "methods", None):
            yield from ((method, route.path) for method in sorted(route.methods - {"HEAD"}))
        else:
            router = getattr(route, "original_router", route)
            yield from served(router.routes)
