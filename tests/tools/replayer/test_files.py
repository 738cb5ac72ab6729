"""The event file and the published table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.replayer.comparison import Standing
from tools.replayer.files import Event, UnreadableFile, read_events, read_table

HEADER = b"at_seconds,player,points\n"


def test_events_are_read_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    text = '\ufeffat_seconds,player,points\n1.5,"Korea, South",1\n1.500,Curaçao,2\n0,Ann,1\n'
    path.write_text(text, encoding="utf-8")
    events = [Event(1.5, "Korea, South", 1), Event(1.5, "Curaçao", 2), Event(0, "Ann", 1)]
    assert read_events(path) == events
    assert read_events(path, rows=2) == events[:2]


@pytest.mark.parametrize(
    "content",
    [
        b"1,Ann,1\n2,Bob,2\n",
        b"1,Ann,1\n2,Bob,2",
        b"1,Ann,1\r\n2,Bob,2\r\n",
        b"1,Ann,1\r2,Bob,2\r",
        b"\n1,Ann,1\n\n2,Bob,2\n\n\n",
        b"1,Ann,1\r\n\r\n2,Bob,2\r\n\r\n",
        b"1,Ann,1\n   \n,,\n2,Bob,2\n \t,\n",
        b"1, Ann ,1\n2,Bob, 2\n",
    ],
)
def test_blank_lines_and_the_kind_of_line_ends_do_not_matter(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(b"\xef\xbb\xbf" + HEADER + content)
    assert read_events(path) == [Event(1, "Ann", 1), Event(2, "Bob", 2)]


def test_names_are_read_as_the_api_stores_them(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("at_seconds,player,points\n1,Zoe\u0308,1\n2,Zo\u00eb ,2\n", encoding="utf-8")
    assert {event.player for event in read_events(path)} == {"Zo\u00eb"}


HUGE = b"1" + b"0" * 30
POINTS = "points needs a whole number from 1 to 1,000,000, such as 1, not "
SECONDS = "at_seconds needs a number from -10,000,000,000 to 10,000,000,000, such as 12.5, not "
NAME = "player needs a name that the API accepts ("


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "first line must be at_seconds,player,points; it is empty"),
        (b"\n\n", "first line must be at_seconds,player,points; it is empty"),
        (b"at,name\n1,Ann\n", "first line must be at_seconds,player,points, not 'at,name'"),
        (b"at_seconds;player;points\n1;Ann;1\n", "its columns are separated by ';'"),
        (b"at_seconds\tplayer\tpoints\n1\tAnn\t1\n", r"its columns are separated by '\t'"),
        (HEADER, "has no events"),
        (HEADER + b"\n \n", "has no events"),
        (HEADER + b"1,Ann,1\n\nsoon,Ann,1\n", f"line 4: {SECONDS}'soon'"),
        (HEADER + b"nan,Ann,1\n", f"line 2: {SECONDS}'nan'"),
        (HEADER + b"inf,Ann,1\n", f"line 2: {SECONDS}'inf'"),
        (HEADER + b"1e30,Ann,1\n", f"line 2: {SECONDS}'1e30'"),
        (HEADER + b'"1,5",Ann,1\n', f"line 2: {SECONDS}'1,5'"),
        (HEADER + b"1,Ann,0\n", f"line 2: {POINTS}'0'"),
        (HEADER + b"1,Ann,-1\n", f"line 2: {POINTS}'-1'"),
        (HEADER + b"1,Ann,1.5\n", f"line 2: {POINTS}'1.5'"),
        (HEADER + b"1,Ann,1_0\n", f"line 2: {POINTS}'1_0'"),
        (HEADER + "1,Ann,٣\n".encode(), f"line 2: {POINTS}'٣'"),
        (HEADER + b"1,Ann,1000001\n", f"line 2: {POINTS}'1000001'"),
        (HEADER + b"1,Ann," + HUGE, f"line 2: {POINTS}'1000000000000000000000000000000'"),
        (HEADER + b"1,Ann," + b"9" * 5000, f"line 2: {POINTS}'{'9' * 40}…'"),
        (HEADER + b"1,Ann,1000000\n" * 11, "line 12: with this row the file has more than 10,000,"),
        (HEADER + b"1,,1\n", f"line 2: {NAME}"),
        (HEADER + b"1,Ann\t,1\n", f"line 2: {NAME}"),
        (HEADER + b"1,A\0nn,1\n", f"line 2: {NAME}"),
        (HEADER + b'1,"Ann\nBob",1\n', f"line 3: {NAME}"),
        (HEADER + b"1," + b"A" * 101 + b",1\n", f"line 2: {NAME}"),
        (HEADER + "1,\u202eAnn,1\n".encode(), f"line 2: {NAME}"),
        (HEADER + b"1,Ann\n", "line 2: 2 columns, not 3"),
        (HEADER + b"1,Ann,1\n1,\xff,1\n", "line 3: it is not UTF-8"),
        ("at_seconds,player,points\n1,Ann,1\n".encode("utf-16"), "line 1: it is not UTF-8"),
        (HEADER + b'1,"Ann,1\n', "line 2: unexpected end"),
    ],
)
def test_the_error_for_a_wrong_event_file_names_the_line(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match=re.escape(complaint)):
        read_events(path)


@pytest.mark.parametrize(
    "row", ["0,Ann,1", "1000000000001,Ann,1", "1,Ann,-1", "x,Ann,1", "1,Ann,1e3"]
)
def test_a_published_table_with_a_wrong_number_is_refused(tmp_path: Path, row: str) -> None:
    path = tmp_path / "final.csv"
    path.write_text(f"rank,player,points\n1,Bob,2\n\n{row}\n")
    with pytest.raises(
        UnreadableFile, match=r"line 4: .* needs a whole number from [01] to 1,000,"
    ):
        read_table(path)


def test_a_path_that_can_not_be_read_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"^[^\n]*: Is a directory$"):
        read_events(tmp_path)


def test_a_published_table_with_a_player_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "final.csv"
    path.write_text("rank,player,points\n1,Ann,2\n2,Bob,0\n")
    assert read_table(path) == {"Ann": Standing(1, 2), "Bob": Standing(2, 0)}
    path.write_text("rank,player,points\n1,Ann,2\n2,Ann,1\n")
    with pytest.raises(UnreadableFile, match="line 3: Ann is in the table twice"):
        read_table(path)
