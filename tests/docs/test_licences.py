"""The licences of all dependencies are known and allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.reference.licences import (
    forbidden,
    npm_licences,
    python_licences,
    vendored_licences,
)


def test_every_dependency_has_an_allowed_licence() -> None:
    licences = python_licences() | npm_licences() | vendored_licences()
    assert len(licences) > 50
    assert forbidden(licences) == {}


@pytest.mark.parametrize("licence", ["GPL-3.0-only", "UNKNOWN", "MIT AND GPL-3.0-only", ""])
def test_any_other_licence_is_forbidden(licence: str) -> None:
    assert forbidden({"package": licence}) == {"package": licence}


def test_of_two_licences_to_choose_from_one_has_to_be_allowed() -> None:
    assert forbidden({"package": "GPL-3.0-only OR MIT"}) == {}


def test_a_vendored_folder_without_a_known_licence_is_forbidden(tmp_path: Path) -> None:
    (tmp_path / "without").mkdir()
    (tmp_path / "strange").mkdir()
    (tmp_path / "strange" / "LICENSE").write_text("All rights reserved.")
    assert set(forbidden(vendored_licences(tmp_path))) == {"without", "strange"}
