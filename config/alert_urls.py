"""Parses ALERT_URLS, which are URLs of apprise."""

from __future__ import annotations


def parse_alert_urls(text: str) -> tuple[str, ...]:
    """The URLs; raises ValueError, which quotes none of them, if apprise can't use one."""
    if not text.strip():
        return ()
    # apprise imports about a hundred modules, so it is imported only if there are URLs.
    from apprise import Apprise
    from apprise.utils.parse import parse_urls

    urls = tuple(parse_urls(text))  # type: ignore[no-untyped-call]
    if not urls or not all(Apprise.instantiate(url) for url in urls):
        raise ValueError("must be apprise URLs, separated by commas or white space")
    return urls
