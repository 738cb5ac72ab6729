"""ALERT_URLS, in the syntax of apprise, which knows what each service's URL has to be."""

from __future__ import annotations


def parse_alert_urls(text: str) -> tuple[str, ...]:
    """The URLs, each one that apprise can use; raises ValueError, which quotes none of them."""
    if not text.strip():
        return ()
    # Here, because it brings some hundred modules that only those who want alerts need.
    from apprise import Apprise
    from apprise.utils.parse import parse_urls

    urls = tuple(parse_urls(text))  # type: ignore[no-untyped-call]
    if not urls or not all(Apprise.instantiate(url) for url in urls):
        raise ValueError("must be URLs that apprise knows, between commas or white space")
    return urls
