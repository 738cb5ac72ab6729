"""Scripts that take features away from Chromium, so that it has only those of another browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from tests.support.servers import ROOT

BROWSER_DATA = ROOT / "node_modules" / "@mdn" / "browser-compat-data" / "data.json"
"""MDN's table of features and browsers, which `make lint-js` installs."""
OLDEST_BROWSERS: tuple[str, ...] = tuple(
    json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["browserslist"]
)
"""Such as "chrome >= 94"."""

_MDN_NAMES = {"ios_saf": "safari_ios"}
_REMOVE = """for (const path of %s) {
    const names = path.split(".");
    const member = names.pop();
    delete names.reduce((object, name) => object?.[name] ?? {}, window)[member];
}"""
_BLOCK_SITE_DATA = """for (const [object, name] of [
    [window, "localStorage"], [window, "sessionStorage"], [window, "indexedDB"], [window, "caches"],
    [Document.prototype, "cookie"],
]) {
    const refuse = () => { throw new DOMException("Access is denied.", "SecurityError"); };
    Object.defineProperty(object, name, { get: refuse, set: refuse });
}
const denied = () => new DOMException("The request was denied.", "SecurityError");
LockManager.prototype.request = () => Promise.reject(denied());
window.BroadcastChannel = class { constructor() { throw denied(); } };"""
_FILL_STORAGE = """Storage.prototype.setItem = () => {
    throw new DOMException("The quota has been exceeded.", "QuotaExceededError");
};"""
STORAGE_FAULTS = {"blocked": _BLOCK_SITE_DATA, "full": _FILL_STORAGE}


def remove(paths: Iterable[str]) -> str:
    """A script that deletes these members of the window, such as "Array.prototype.at"."""
    return _REMOVE % json.dumps(list(paths))


def features_missing_in(browser: str) -> list[str]:
    """The paths of the features that an entry of OLDEST_BROWSERS does not have."""
    name, version = browser.split(" >= ")
    oldest = _MDN_NAMES.get(name, name), _number(version)
    return [path for path, support in _all_features() if not _has(support, *oldest)]


@cache
def _all_features() -> list[tuple[str, Mapping[str, Any]]]:
    data = json.loads(BROWSER_DATA.read_text(encoding="utf-8"))
    return [
        *_features_of(data["api"], _paths_in_dom),
        *_features_of(data["javascript"]["builtins"], _paths_in_javascript),
    ]


def _features_of(
    objects: Mapping[str, Any], paths_of: Callable[[str, str], list[str]]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for owner, members in objects.items():
        for member, details in members.items():
            if member == "__compat":
                yield owner, details["support"]
            elif member != owner and "__compat" in details:
                for path in paths_of(owner, member):
                    yield path, details["__compat"]["support"]


def _paths_in_dom(owner: str, member: str) -> list[str]:
    if owner == "Window":
        return [member]
    name = member.removesuffix("_static")
    return [f"{owner}.{name}" if name != member else f"{owner}.prototype.{name}"]


def _paths_in_javascript(owner: str, member: str) -> list[str]:
    """Both possible paths, because the table does not mark static members."""
    return [f"{owner}.{member}", f"{owner}.prototype.{member}"]


def _has(support: Mapping[str, Any], browser: str, version: float) -> bool:
    statements = support.get(browser, {"version_added": True})
    for each in statements if isinstance(statements, list) else [statements]:
        if each.keys() & {"flags", "prefix", "alternative_name", "version_removed"}:
            continue
        added = each["version_added"]
        if added is True or (isinstance(added, str) and _number(added) <= version):
            return True
    return False


def _number(version: str) -> float:
    """The major and minor version as a number; infinity for a preview."""
    match = re.match(r"≤?(\d+)(?:\.(\d+))?", version)
    return int(match[1]) + int(match[2] or 0) / 100 if match else float("inf")
