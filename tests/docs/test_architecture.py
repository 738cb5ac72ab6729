"""docs/architecture.md draws the layers of tests/layers.py; CONTRIBUTING.md lists the rooms."""

from __future__ import annotations

import re
from pathlib import Path

from tests.layers import LEVEL
from tests.support.servers import ROOT

TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
FLOWS = 10


def rooms_picture() -> str:
    """The Mermaid source of the section "Rooms"."""
    (picture,) = re.findall(r"^## Rooms\n.*?^```mermaid\n(.*?)^```$", TEXT, re.M | re.S)
    return str(picture)


def nodes() -> dict[str, list[str]]:
    """The rooms of each node."""
    return {
        node: label.split(", ")
        for node, label in re.findall(r"(\w+)\[\"([^\"]+)\"\]", rooms_picture())
    }


def test_the_picture_has_every_room_once() -> None:
    drawn = [room for rooms in nodes().values() for room in rooms]
    assert sorted(drawn) == sorted(LEVEL)


def test_the_table_below_the_picture_has_every_room_once() -> None:
    (table,) = re.findall(r"^\| room \| subject \|\n(.*?)\n\n", TEXT, re.M | re.S)
    rooms = [row.split(" | ")[0] for row in table.splitlines()]
    listed = [room for cell in rooms for room in re.findall(r"`([\w.]+)`", cell)]
    assert sorted(listed) == sorted(LEVEL)


def test_every_arrow_points_to_a_lower_layer() -> None:
    rooms = nodes()
    arrows = re.findall(r"^ *(\w+)(?:\[.*?\])? --> (\w+)", rooms_picture(), re.M)
    assert len(arrows) >= len(rooms) - 1
    for upper, lower in arrows:
        assert min(LEVEL[room] for room in rooms[upper]) > max(
            LEVEL[room] for room in rooms[lower]
        ), f"{upper} --> {lower}"


def test_every_flow_has_a_section_with_its_files() -> None:
    sections = re.split(r"^### (\d+)\. ", TEXT, flags=re.M)
    numbers = [int(number) for number in sections[1::2]]
    assert numbers == list(range(1, FLOWS + 1))
    assert all(len(re.findall(r"\]\(\.\./", body)) > 1 for body in sections[2::2])


def test_contributing_says_what_belongs_in_each_room() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"^## Where a change goes\n(.*?)^## ", text, re.M | re.S)
    listed = {Path(target).with_suffix("") for target in re.findall(r"\]\(([^)]+)\)", table)}
    rooms = {Path(*room.split(".")) for room in LEVEL if room.startswith("app.")}
    assert rooms | {Path("broadcaster"), Path("config"), Path("migrations")} <= listed
