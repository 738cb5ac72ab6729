"""The page's texts: complete in each language, all used, none left in the template."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from app.contract import errors, handshake_errors
from app.contract.errors import DomainError
from app.factory import create_app
from app.web.assets import FOLDER as STATIC
from app.web.languages import DEFAULT, FOLDER, LANGUAGES, choose_language
from tests.support.services import Services

TEMPLATES = sorted(
    path for path in (FOLDER.parent / "templates").rglob("*.html") if path.name != "docs.html"
)
"""Those of the live page; the documentation has no other language than English."""
PLACEHOLDER = re.compile(r"\{(\w+)\}")
KEY = re.compile(r"[\"'`]([A-Za-z]+(?:\.\w+)*)[\"'`]")
PLURAL_CATEGORIES = {"zero", "one", "two", "few", "many", "other"}
SHOWN_ATTRIBUTES = {"alt", "aria-description", "aria-label", "content", "placeholder", "title"}
NOT_SHOWN = {"charset", "viewport", "color-scheme"}


@pytest.fixture
def client(shared_services: Services) -> FlaskClient:
    return create_app(shared_services).test_client()


def flat(entry: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, str]]]:
    """Each key with its text by plural category; a text without categories is under "other"."""
    for name, value in entry.items():
        key = f"{path}.{name}".lstrip(".")
        if isinstance(value, str):
            yield key, {"other": value}
        elif value.keys() <= PLURAL_CATEGORIES:
            yield key, value
        else:
            yield from flat(value, key)


TEXTS = {tag: dict(flat(language.texts)) for tag, language in LANGUAGES.items()}


def placeholders(forms: Mapping[str, str]) -> set[str]:
    return {name for form in forms.values() for name in PLACEHOLDER.findall(form)}


def test_there_are_english_and_german() -> None:
    assert {DEFAULT, "en", "de"} <= LANGUAGES.keys()


@pytest.mark.parametrize("tag", LANGUAGES)
def test_every_language_has_the_same_texts_with_the_same_placeholders(tag: str) -> None:
    english = {key: placeholders(forms) for key, forms in TEXTS[DEFAULT].items()}
    assert {key: placeholders(forms) for key, forms in TEXTS[tag].items()} == english


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_text_with_plural_forms_names_the_number_that_chooses_the_form(tag: str) -> None:
    for key, forms in TEXTS[tag].items():
        assert all(form.strip() == form != "" for form in forms.values()), key
        assert "other" in forms, key
        if len(forms) > 1:
            assert len(placeholders(forms) & {"count", "ordinal"}) == 1, key


def test_every_text_is_used() -> None:
    sources = [*TEMPLATES, *FOLDER.parent.glob("*.py"), *STATIC.rglob("*.js")]
    used = {
        key
        for source in sources
        if "vendor" not in source.parts
        for key in KEY.findall(source.read_text(encoding="utf-8"))
    }
    by_name = {key for key in TEXTS[DEFAULT] if key.startswith(("errors.", "fields."))}
    assert set(TEXTS[DEFAULT]) - used == by_name - used


def test_every_error_code_of_the_api_has_a_text() -> None:
    only_in_handshakes = {
        kind.code for kind in all_kinds(DomainError) if kind.__module__ == handshake_errors.__name__
    } - {handshake_errors.ApiNotReached.code}
    codes = {kind.code for kind in all_kinds(DomainError) if hasattr(kind, "code")}
    of_the_api = codes - only_in_handshakes | {errors.ValidationFailed.code}
    # The text about a ban depends on its end: ban-notice.js.
    named = set(LANGUAGES[DEFAULT].texts["errors"]) | {errors.UserBanned.code}
    assert named == of_the_api | {"NO_REPLY"}


def all_kinds(kind: type[DomainError]) -> Iterator[type[DomainError]]:
    for each in kind.__subclasses__():
        yield each
        yield from all_kinds(each)


def test_every_text_for_a_field_belongs_to_a_field_of_the_page() -> None:
    names = {
        name
        for template in TEMPLATES
        for name in re.findall(r'<input [^>]*?name="(\w+)"', template.read_text(encoding="utf-8"))
    }
    assert set(LANGUAGES[DEFAULT].texts["fields"]) == names


@pytest.mark.parametrize("tag", LANGUAGES)
def test_every_message_ends_with_a_full_stop(tag: str) -> None:
    messages = {
        key: forms
        for key, forms in TEXTS[tag].items()
        if key.startswith(("errors.", "fields.", "session.banned", "player.flagged"))
    }
    assert len(messages) > 30
    for key, forms in messages.items():
        assert all(form.endswith(".") for form in forms.values()), key


def test_the_messages_of_the_api_are_put_into_sentences_so_they_have_no_full_stop() -> None:
    messages = {kind.default_message for kind in all_kinds(DomainError)} - {""}
    assert len(messages) > 10
    assert [message for message in messages if message.endswith(".")] == []


class Words(HTMLParser):
    """Collects what a user would read of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if dict(attributes).get("name") in NOT_SHOWN:
            return
        self.found += [value or "" for name, value in attributes if name in SHOWN_ATTRIBUTES]

    def handle_data(self, data: str) -> None:
        self.found.append(data)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_has_no_words_of_its_own(template: Path) -> None:
    source = re.sub(r"\{[{%#].*?[}%#]\}", "", template.read_text(encoding="utf-8"), flags=re.S)
    words = Words()
    words.feed(source)
    assert [text for text in words.found if re.search(r"[^\W\d_]", text)] == []


@pytest.mark.parametrize(
    ("accepted", "tag"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT, en;q=0.5", "de"),
        ("fr, de;q=0.4, en;q=0.7", "en"),
        ("fr, de;q=0.4", "de"),
        ("fr", "en"),
        ("*", "en"),
        ("fr, de;q=0", "en"),
        ("nonsense;;q=x", "en"),
    ],
)
def test_the_page_is_in_the_language_that_the_browser_prefers(accepted: str, tag: str) -> None:
    assert choose_language(parse_accept_header(accepted, LanguageAccept)).tag == tag


@pytest.mark.parametrize("path", ["/", "/?display"])
def test_the_page_states_its_language(client: FlaskClient, path: str) -> None:
    assert '<html lang="en"' in client.get(path).text
    reply = client.get(path, headers={"Accept-Language": "de-AT, en;q=0.5"})
    assert '<html lang="de"' in reply.text
    assert LANGUAGES["de"].text("board.title") in reply.text
    assert reply.headers["Content-Language"] == "de"


def test_a_cache_keeps_the_pages_of_different_languages_apart(client: FlaskClient) -> None:
    reply = client.get("/")
    assert "Accept-Language" in reply.vary
    assert reply.headers["Cache-Control"] == "no-cache"
