"""The licences of the pinned Python and npm packages, and of the vendored files of the page."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_ROOT = Path(__file__).resolve().parents[2]
_VENDORED = _ROOT / "app" / "web" / "static" / "vendor"
ALLOWED = frozenset(
    {
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "BSD License",
        "CC-BY-4.0",
        "CC0-1.0",
        "CNRI-Python",
        "ISC",
        "MIT",
        "MIT-0",
        "MPL-2.0",
        "OFL-1.1",
        "PSF-2.0",
        "Python-2.0",
        "ZPL-2.1",
        "LGPL with exceptions",
    }
)
"""MPL-2.0 and psycopg2's LGPL restrict changed copies; this project changes none. The licences of
Creative Commons are those of the linter's tables of browsers."""
_SPDX = {
    "MIT License": "MIT",
    "MIT license": "MIT",
    "DFSG approved; MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "GNU Library or Lesser General Public License (LGPL)": "LGPL with exceptions",
}
"""Names of PyPI's classifiers that mean the same as an SPDX identifier."""
_STATED_ELSEWHERE = {"axe-playwright-python": "MIT"}
"""Packages whose metadata names no licence; taken from the LICENSE file of the source."""
_VENDORED_TEXTS = {
    "Apache-2.0": "Apache License Version 2.0, January 2004",
    "MIT": "to any person obtaining a copy of this software and associated documentation",
    "OFL-1.1": "SIL OPEN FONT LICENSE Version 1.1",
}


def python_licences() -> dict[str, str]:
    """The licence of each package in requirements-dev.txt that is installed on this platform."""
    command = [
        sys.executable,
        "-m",
        "piplicenses",
        "--from=mixed",
        "--format=json",
        "--with-system",
    ]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, str] = {
        canonicalize_name(row["Name"]): row["License"] for row in json.loads(answer.stdout)
    }
    wanted = pinned("requirements-dev.txt")
    return {
        name: _STATED_ELSEWHERE.get(name) or _SPDX.get(found[name], found[name])
        for name in sorted(wanted)
        if name in found
    }


def pinned(file: str) -> set[str]:
    """The packages that a list of requirements installs on this platform."""
    lines = (_ROOT / file).read_text(encoding="utf-8").splitlines()
    requirements = [Requirement(line.rstrip("\\ ")) for line in lines if line[:1].isalnum()]
    return {
        canonicalize_name(each.name)
        for each in requirements
        if each.marker is None or each.marker.evaluate()
    }


def npm_licences() -> dict[str, str]:
    """The licence of each npm package that package-lock.json pins."""
    packages = json.loads((_ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    licences: dict[str, set[str]] = {}
    for path, package in packages.items():
        if path:  # the empty path is this project
            name = path.rpartition("node_modules/")[2]
            licences.setdefault(name, set()).add(package.get("license", "unknown"))
    return {name: " AND ".join(sorted(found)) for name, found in licences.items()}


def vendored_licences(vendored: Path = _VENDORED) -> dict[str, str]:
    """The licence of each folder of vendored files, known by the text of its LICENSE."""
    licences = {}
    for folder in sorted(path for path in vendored.iterdir() if path.is_dir()):
        file = folder / "LICENSE"
        text = " ".join(file.read_text(encoding="utf-8").split()) if file.exists() else ""
        known = [name for name, words in _VENDORED_TEXTS.items() if words in text]
        licences[folder.name] = known[0] if known else "unknown"
    return licences


def forbidden(licences: dict[str, str]) -> dict[str, str]:
    """The entries whose licence is not in ALLOWED.

    Of `A OR B` one has to be allowed, of `A AND B` both.
    """
    return {name: each for name, each in licences.items() if not _allowed(each)}


def _allowed(expression: str) -> bool:
    return any(
        all(part.strip("() ") in ALLOWED for part in choice.split(" AND "))
        for choice in expression.split(" OR ")
    )


def licences_tables() -> str:
    """The tables of docs/reference/licences.md."""
    production = pinned("requirements.txt")
    rows = [
        f"| {name} | {licence} | {'production' if name in production else 'development'} |"
        for name, licence in python_licences().items()
    ]
    npm = [f"| {name} | {licence} |" for name, licence in sorted(npm_licences().items())]
    vendored = [f"| {name} | {licence} |" for name, licence in vendored_licences().items()]
    return "\n".join(
        [
            *("## Python packages", "", "| package | licence | used in |", "|---|---|---|", *rows),
            *("", "## npm packages, for development", ""),
            *("| package | licence |", "|---|---|", *npm),
            *("", "## Vendored files", "", "| folder | licence |", "|---|---|", *vendored),
        ]
    )
