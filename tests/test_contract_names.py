"""Names of the contract are written in the contract, the API and the page only."""

from __future__ import annotations

import re
from collections import defaultdict

from tests.test_structure import modules, string_literals

CAMEL_CASE = re.compile(r"\b[a-z]+[0-9]*[A-Z][A-Za-z0-9]*\b")
OF_THE_CONTRACT = re.compile(r"app\.(api|contract|web)(\.|$)")

# Names that are stored or logged, where they stay as they are: docs/decisions/0036-names.md.
STORED = {
    "app.accounts.session_cache": {"flaggedUntil"},
    "app.leaderboard.board_cache": {"walPosition", "walPositionWhole"},
    "app.fraud.rules": {"windowSeconds", "firstAt", "lastAt", "intervalsMs"},
    "app.http.request_log": {"requestId"},
    "app.alerting.alerts": {"requestId"},
}


def test_other_rooms_write_no_name_of_the_contract_but_what_they_store() -> None:
    found: dict[str, set[str]] = defaultdict(set)
    for module, path in modules("app", "broadcaster", "config"):
        if not OF_THE_CONTRACT.match(module):
            for text in string_literals(path):
                found[module].update(CAMEL_CASE.findall(text))
    assert {module: names for module, names in found.items() if names} == STORED
