"""The parameters of the page's address that ask for another kind of page."""

from __future__ import annotations

DISPLAY = "display"
"""A page for a projector, without controls."""

OVERLAY = "overlay"
"""The board alone on a transparent background, for a broadcast."""
