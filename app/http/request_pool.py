"""Which of a worker's request pools serves a view, declared at the view.

docs/decisions/0022-requests-side-by-side.md says what the pools are for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from flask import Flask

View = Callable[..., Any]
RequestPool = Literal["health", "passwords", "scoring"]
_REQUEST_POOL = "request_pool"


def served_by(pool: RequestPool) -> Callable[[View], View]:
    """Declare that a view's requests are answered in this pool, not by an ordinary thread.

    For routes without variables only. Place it directly below the route decorator.
    """

    def declare(view: View) -> View:
        setattr(view, _REQUEST_POOL, pool)
        return view

    return declare


def declared_pools(app: Flask) -> Mapping[bytes, RequestPool]:
    """The pool of each declared route, by method and path as a request starts with them."""
    return declared_at_views(app, _REQUEST_POOL)


def declared_at_views(app: Flask, attribute: str) -> dict[bytes, Any]:
    """The attribute of each view that has it, by method and path as a request starts with them."""
    found: dict[bytes, Any] = {}
    for rule in app.url_map.iter_rules():
        declared = getattr(app.view_functions[rule.endpoint], attribute, None)
        if declared is None:
            continue
        if rule.arguments:
            raise ValueError(f"{rule.rule} has variables, so the worker can't find its {attribute}")
        for method in (rule.methods or set()) - {"OPTIONS"}:
            found[f"{method} {rule.rule}".encode()] = declared
    return found


def scoring_routes(app: Flask) -> frozenset[tuple[str, str]]:
    """Method and path of each route whose requests are answered in batches."""
    declared = declared_pools(app).items()
    routes = [route.decode().split(" ", 1) for route, pool in declared if pool == "scoring"]
    return frozenset((method, path) for method, path in routes)
