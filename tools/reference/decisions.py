"""The index of docs/decisions."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

_FOLDER = Path(__file__).resolve().parents[2] / "docs" / "decisions"
_UNUSED = {4: "never used: no file of the history has this number"}


def decisions_table() -> str:
    """One row for each decision, from its front matter, in Markdown."""
    rows = {number: f"| {number} | | {reason} | |" for number, reason in _UNUSED.items()}
    for path in _FOLDER.glob("[0-9]*.md"):
        found = re.match(r"---\n(.*?)\n---\n", path.read_text(encoding="utf-8"), re.S)
        fields = yaml.safe_load(found[1]) if found else {}
        number = int(path.name[:4])
        title, status, date = (str(fields.get(name, "")) for name in ("title", "status", "date"))
        title = title.removeprefix(f"{number}. ")
        rows[number] = f"| {number} | [{title}]({path.name}) | {status} | {date} |"
    head = ["| number | title | status | date |", "|---|---|---|---|"]
    return "\n".join([*head, *(rows[number] for number in sorted(rows))])
