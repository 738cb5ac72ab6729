"""Each decision has front matter and is in the index."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import pytest
import yaml

from tests.support.servers import ROOT

FOLDER = ROOT / "docs" / "decisions"
DECISIONS = sorted(path for path in FOLDER.iterdir() if path.name != "README.md")
STATUS = re.compile(r"accepted|superseded by \d+|accepted, in part superseded by \d+")


def front_matter(path: Path) -> dict[str, object]:
    """The YAML between the first two lines of three dashes."""
    found = re.match(r"---\n(.*?)\n---\n", path.read_text(encoding="utf-8"), re.S)
    assert found, f"{path.name} has no front matter"
    fields: dict[str, object] = yaml.safe_load(found[1])
    return fields


def number(path: Path) -> int:
    return int(path.name[:4])


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.name)
def test_a_decision_has_a_title_a_status_and_a_date(path: Path) -> None:
    assert re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", path.name)
    fields = front_matter(path)
    assert set(fields) - {"supersedes"} == {"title", "status", "date"}
    assert fields["title"]
    assert STATUS.fullmatch(str(fields["status"]))
    assert isinstance(fields["date"], datetime.date)


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.name)
def test_a_superseded_decision_and_its_successor_name_each_other(path: Path) -> None:
    by_number = {number(each): each for each in DECISIONS}
    fields = front_matter(path)
    if successor := re.search(r"superseded by (\d+)", str(fields["status"])):
        later = front_matter(by_number[int(successor[1])])
        assert str(number(path)) in re.findall(r"\d+", str(later["supersedes"]))
    for earlier in re.findall(r"\d+", str(fields.get("supersedes", ""))):
        status = str(front_matter(by_number[int(earlier)])["status"])
        assert status.endswith(f"superseded by {number(path)}")


def test_every_number_up_to_the_last_is_in_the_index() -> None:
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    numbers = [int(each) for each in re.findall(r"^\| \[?(\d+)\]?", index, re.M)]
    assert numbers == list(range(1, number(DECISIONS[-1]) + 1))
