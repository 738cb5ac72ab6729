"""The files that hosting platforms read, app.json and .python-version, agree with the code."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any
from unittest.mock import patch

from config.settings import VARIABLES, load_settings
from tests.support.servers import ROOT
from tools.secrets_file import new_private_key, new_secret

APP: dict[str, Any] = json.loads((ROOT / "app.json").read_text())
OF_ADDONS = {"DATABASE_URL": "postgres://u:p@h:5432/d", "REDIS_URL": "rediss://:p@h:6380"}


def test_an_app_made_from_app_json_has_valid_settings() -> None:
    values = {name: each["value"] for name, each in APP["env"].items() if "value" in each}
    assert (ROOT / values.pop("PROCFILE")).is_file()
    assert set(values) < {variable.name for variable in VARIABLES}
    made = {"JWT_PRIVATE_KEY": new_private_key(), "ACTION_TOKEN_SECRET": new_secret()}
    assert set(made) == {name for name, each in APP["env"].items() if "value" not in each}
    with patch.dict("os.environ", values | made | OF_ADDONS, clear=True):
        settings = load_settings()
    # The router sends SIGKILL after 30 s.
    assert settings.shutdown_seconds + 3 < 30
    assert settings.trusted_proxy_hops == 1


def test_app_json_asks_for_the_stores_of_the_required_settings() -> None:
    required = {variable.name for variable in VARIABLES if variable.default is None}
    assert required == set(OF_ADDONS) | {"JWT_PRIVATE_KEY", "ACTION_TOKEN_SECRET"}
    assert [each.split(":")[0] for each in APP["addons"]] == ["heroku-postgresql", "heroku-redis"]


def test_hosts_use_the_python_of_the_image_and_of_the_project() -> None:
    version = (ROOT / ".python-version").read_text().strip()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={version}"
    (image,) = re.findall(r"^FROM python:(\S+)", (ROOT / "Dockerfile").read_text(), re.M)
    assert image.startswith(f"{version}.")
