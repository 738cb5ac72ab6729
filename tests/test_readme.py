"""The README says what the code says."""

from __future__ import annotations

from tests.servers import ROOT
from tools.settings_table import settings_table


def test_the_settings_table_is_the_codes() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert settings_table() in readme, "python -m tools.settings_table prints the table anew"
