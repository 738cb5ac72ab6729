"""Pictures of the page for a person to look at: `make screens FOLDER=…`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER = os.environ.get("SCREENS", "")
on_request = pytest.mark.skipif(not FOLDER, reason="only for `make screens`")
SIZES = ((360, 740), (768, 1024), (1280, 800), (1920, 1080), (1080, 1920))
# The chart is drawn at most once a second, and is loaded when it is visible.
_CHART_MS = 1_200
_OTHER_MS = 150


def take(page: Page, name: str, *, full: bool = True) -> None:
    """A picture in each size and scheme, of the whole page or of the window."""
    is_loaded = False
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("document.fonts.ready")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            if full:
                page.evaluate("scrollTo(0, document.body.scrollHeight)")
                page.wait_for_timeout(_OTHER_MS if is_loaded else _CHART_MS)
                is_loaded = True
                page.evaluate("scrollTo(0, 0)")
            has_chart = page.locator(".chart-card:visible").count() > 0
            page.wait_for_timeout(_CHART_MS if has_chart else _OTHER_MS)
            folder = Path(FOLDER) / name
            page.screenshot(path=folder / f"{width}x{height}-{scheme}.png", full_page=full)


def take_paper(page: Page, name: str) -> None:
    """A picture of the page as it is printed."""
    page.set_viewport_size({"width": 794, "height": 1123})
    page.emulate_media(media="print")
    page.screenshot(path=Path(FOLDER) / "print" / f"{name}.png")
    page.emulate_media(media="screen")
