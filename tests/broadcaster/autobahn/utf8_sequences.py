"""Valid and invalid sequences of bytes, from the stress test that the suite uses, by its groups."""

from __future__ import annotations

from collections.abc import Iterable

KOSME = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"
"""A Greek word with characters of two and three bytes."""
_CHARACTER_ENDS = {0, 2, 5, 7, 9, 11}


def _all(is_valid: bool, *sequences: str) -> list[tuple[bool, bytes]]:
    return [(is_valid, bytes.fromhex(sequence)) for sequence in sequences]


def _starts(first: int, end: int) -> bytes:
    """Start bytes, each with a space behind it."""
    return b"".join(bytes((start, 0x20)) for start in range(first, end))


def _noncharacters() -> Iterable[str]:
    planes = [0, *(plane * 0x10000 for plane in range(1, 17))]
    for plane in planes:
        for last in (0xFFFE, 0xFFFF):
            yield chr(plane + last)


_INCOMPLETE = (
    "c0 e080 f08080 f8808080 fc80808080 df efbf f7bfbf fbbfbfbf fdbfbfbfbf".split()  # noqa: SIM905 - a table
)

SEQUENCES: dict[int, list[tuple[bool, bytes]]] = {
    # Some correct text.
    5: [(True, f"hello{sign}world".encode()) for sign in "$¢€𤭢"] + [(True, KOSME)],
    # All prefixes of a text.
    6: [(size in _CHARACTER_ENDS, KOSME[:size]) for size in range(1, len(KOSME) + 1)],
    # The first sequence of each length.
    7: _all(True, "00", "c280", "e0a080", "f0908080"),
    8: _all(False, "f888808080", "fc8480808080"),
    # The last sequence of each length.
    9: _all(True, "7f", "dfbf", "efbfbf", "f48fbfbf"),
    10: _all(False, "f7bfbfbf", "fbbfbfbfbf", "fdbfbfbfbfbf"),
    # Other boundaries.
    11: _all(True, "ed9fbf", "ee8080", "efbfbd", "f48fbfbf") + _all(False, "f4908080"),
    # Continuation bytes without a start.
    12: [
        *_all(False, "80", "bf", "80bf", "80bf80", "80bf80bf", "80bf80bf80", "80bf80bf80bf"),
        (False, bytes(range(0x80, 0xBF))),
    ],
    # Starts without a continuation.
    13: [
        (False, _starts(first, end))
        for first, end in ((0xC0, 0xDF), (0xE0, 0xEF), (0xF0, 0xF7), (0xF8, 0xFB), (0xFC, 0xFD))
    ],
    # The last continuation byte is missing.
    14: _all(False, *_INCOMPLETE),
    15: _all(False, "".join(_INCOMPLETE)),
    # Impossible bytes.
    16: _all(False, "fe", "ff", "fefeffff"),
    # Overlong forms.
    17: _all(False, "c0af", "e080af", "f08080af", "f8808080af", "fc80808080af"),
    18: _all(False, "c1bf", "e09fbf", "f08fbfbf", "f887bfbfbf", "fc83bfbfbfbf"),
    19: _all(False, "c080", "e08080", "f0808080", "f880808080", "fc8080808080"),
    # Surrogates, alone and in pairs.
    20: _all(False, "eda080", "edadbf", "edae80", "edafbf", "edb080", "edbe80", "edbfbf"),
    21: _all(
        False,
        *(
            high + low
            for high in ("eda080", "edadbf", "edae80", "edafbf")
            for low in ("edb080", "edbfbf")
        ),
    ),
    # Code points that are no characters are valid.
    22: [(True, sign.encode()) for sign in _noncharacters()],
    23: [(True, chr(code).encode()) for code in range(0xFFF9, 0x10000)],
}
