"""The services of docker-compose.yml."""

from __future__ import annotations

import re
from typing import Any

import yaml

from tests.support.servers import ROOT

FILE = ROOT / "docker-compose.yml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text())["services"]
_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<word>[^}]*))?\}")


def environment(service: str, **dot_env: str) -> dict[str, str]:
    """A service's environment with the values of `dot_env`; KeyError if a value is missing."""

    def value(match: re.Match[str]) -> str:
        if match["kind"] == "-":
            return dot_env.get(match["name"]) or match["word"]
        return dot_env[match["name"]]

    found: dict[str, str] = SERVICES[service].get("environment", {})
    return {name: _VARIABLE.sub(value, text) for name, text in found.items()}
