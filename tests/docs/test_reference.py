"""The generated tables of the documents agree with the code."""

from __future__ import annotations

import pytest

from tools.reference.documents import FOLDER, GENERATED, with_generated_part


@pytest.mark.parametrize("name", GENERATED)
def test_the_generated_part_is_up_to_date(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert text == with_generated_part(name), "`make reference` writes it again"
