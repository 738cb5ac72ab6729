"""The page's files: kept by browsers under the address of their build, and only there."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urljoin

import pytest
from flask.testing import FlaskClient

from app.factory import create_app
from app.web.assets import (
    CLIENT,
    CLIENT_FOLDER,
    EMBED_STYLES,
    FOLDER,
    PAGE_SCRIPTS,
    fingerprint,
    joined_styles,
    page_modules,
    page_styles,
)
from app.web.scripts import without_comments
from tests.support.services import Services

LINK = re.compile(r'(?:href|src)="(/?assets/[^"]+)"')
STYLE_URL = re.compile(r'url\("([^"]+)"\)')
LATE_MODULES = {
    "chart/chart-data.js",
    "chart/chart-labels.js",
    "chart/chart-options.js",
    "chart/scores-plot.js",
    "standings/search-field.js",
    "standings/standings-table.js",
    "standings/standings.js",
}
"""Loaded when the reader opens, or scrolls to, what they show."""
OTHER_MODULES_OF_THE_CLIENT = {"index.js", "service.js", "uuid7.js", "watch/node-websocket.js"}
"""For other programs, and for Node."""
ALL_STYLES = page_styles("display", has_contest=True)
FACE = re.compile(r"@font-face \{[^}]*font-weight: 400 800;\s*font-stretch: 80% 100%;[^}]*\}")
KEPT = "public, max-age=31536000, immutable"


@pytest.fixture
def client(shared_services: Services) -> FlaskClient:
    return create_app(shared_services).test_client()


@pytest.mark.parametrize("page", ["/", "/?display", "/docs", "/embed/main", "/?overlay"])
def test_browsers_keep_every_file_that_a_page_names(client: FlaskClient, page: str) -> None:
    addresses = LINK.findall(client.get(page).text)
    assert addresses
    for address in addresses:
        reply = client.get(address)
        assert reply.status_code == 200
        assert reply.headers["Cache-Control"] == KEPT


def test_scripts_and_styles_name_files_of_their_own_build(client: FlaskClient) -> None:
    address = f"/assets/build-{fingerprint()}/{ALL_STYLES}"
    fonts = STYLE_URL.findall(client.get(address).text)
    assert fonts
    for font in fonts:
        reply = client.get(urljoin(address, font))
        assert (reply.status_code, reply.content_type) == (200, "font/woff2")
        assert reply.headers["Cache-Control"] == KEPT


def test_the_pages_styles_are_all_of_its_stylesheets(client: FlaskClient) -> None:
    of_other_pages = {"styles/docs.css", "styles/embed.css", "styles/no-script.css"}
    styles = {path.relative_to(FOLDER).as_posix() for path in (FOLDER / "styles").rglob("*.css")}
    all_joined = joined_styles("display", has_contest=True)
    assert {name for name in all_joined if "vendor" not in name} == styles - of_other_pages
    joined = client.get(f"/assets/{ALL_STYLES}").text
    for name in all_joined:
        assert served(FOLDER / name) in joined


def test_a_page_loads_only_the_styles_of_its_mode_and_those_of_a_contest_if_it_has_one(
    client: FlaskClient,
) -> None:
    def styles(path: str) -> str:
        match = re.search(r'<link rel="stylesheet" href="(assets/[^"]+)"', client.get(path).text)
        assert match is not None
        return client.get(f"/{match[1]}").text

    for_displays = served(FOLDER / "styles/display.css")
    for_contests = served(FOLDER / "styles/contest/podium.css")
    assert for_displays not in styles("/")
    assert for_displays in styles("/?display")
    assert for_contests not in styles("/") + styles("/?display")


def test_the_page_names_each_module_that_its_script_imports(client: FlaskClient) -> None:
    scripts = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.js")}
    other = {name for name in scripts if name.startswith(("vendor/", "docs/"))}
    imported = {name for mode in PAGE_SCRIPTS for name in page_modules(mode)}
    entries = {*PAGE_SCRIPTS.values(), "page-failure.js"}
    of_client = {path.relative_to(CLIENT_FOLDER).as_posix() for path in CLIENT_FOLDER.rglob("*.js")}
    used = {f"{CLIENT}/{name}" for name in of_client - OTHER_MODULES_OF_THE_CLIENT}
    assert imported == (scripts - other - LATE_MODULES - entries) | used
    for path, mode in (("/", "play"), ("/?display", "display"), ("/?overlay", "embed")):
        preloaded = re.findall(r'<link rel="modulepreload" href="([^"]+)"', client.get(path).text)
        modules = page_modules(mode)
        assert preloaded == [f"assets/build-{fingerprint()}/{name}" for name in modules]


def served(path: Path) -> str:
    """A file of the page as browsers get it."""
    content = path.read_bytes()
    return (content if "vendor" in path.parts else without_comments(content)).decode()


def test_a_page_loads_no_module_of_the_other_mode() -> None:
    assert not any(name.startswith("display/") for name in page_modules("play"))
    assert not any(name.startswith(("play/", "standings/")) for name in page_modules("display"))
    assert {name.partition("/")[0] for name in page_modules("embed")} == {
        "api",
        "board",
        "client",
        "common",
        "live",
    }


def test_the_styles_of_a_theme_have_no_rule_for_the_other(client: FlaskClient) -> None:
    def rules(theme: str) -> str:
        return client.get(f"/assets/{EMBED_STYLES[theme]}").text

    preference = "@media (prefers-color-scheme: dark)"
    assert preference in rules("")
    assert rules("dark") == rules("").replace(preference, "@media all")
    assert rules("light") == rules("").replace(preference, "@media not all")


def test_the_styles_use_only_weights_and_widths_that_the_basic_font_has(
    client: FlaskClient,
) -> None:
    styles = client.get(f"/assets/{ALL_STYLES}").text
    assert len(FACE.findall(styles)) == 3
    used = FACE.sub("", styles)
    weights = re.findall(r"font(?:-weight)?: (\d+)\b(?!px|r?em)", used)
    widths = re.findall(r"font-stretch: ([^;]+);", used)
    assert {int(weight) for weight in weights} <= set(range(400, 801))
    assert all(re.fullmatch(r"(8\d|9\d|100)%", width) for width in widths)
    assert weights
    assert widths


def test_a_file_of_another_build_is_sent_but_not_kept(client: FlaskClient) -> None:
    for address in ("/assets/build-0123456789abcdef/main.js", "/assets/main.js"):
        reply = client.get(address)
        assert reply.data == without_comments((FOLDER / "main.js").read_bytes())
        assert reply.headers["Cache-Control"] == "no-cache"


def test_the_modules_of_the_client_are_those_of_the_published_package(client: FlaskClient) -> None:
    address = f"/assets/build-{fingerprint()}/{CLIENT}/watch/watch.js"
    reply = client.get(address)
    assert reply.data == without_comments((CLIENT_FOLDER / "watch" / "watch.js").read_bytes())
    assert reply.headers["Cache-Control"] == KEPT


def test_scripts_come_without_comments_and_with_each_statement_on_its_line() -> None:
    source = b"/** Do it.\n * Twice. */\nf(1);\n  // Again.\n  f(/* x */ 2); // y\n/* z */\nf(3)"
    expected = b"\n\nf(1);\n\nf(/* x */ 2); // y\n\nf(3)"
    source += b"\n/* x */ f(4);\nf(5)"
    expected += b"\n/* x */ f(4);\nf(5)"
    assert without_comments(source) == expected


def test_no_text_of_a_script_spans_lines_which_could_look_like_comments() -> None:
    scripts = [path for path in FOLDER.rglob("*.js") if "vendor" not in path.parts]
    for path in (*scripts, *CLIENT_FOLDER.rglob("*.js")):
        lines = path.read_text(encoding="utf-8").splitlines()
        # A comment may have an apostrophe, but no script has a single backtick.
        assert [line for line in lines if line.count("`") % 2] == [], path


def test_a_missing_file_is_not_kept(client: FlaskClient) -> None:
    reply = client.get(f"/assets/build-{fingerprint()}/missing.js")
    assert (reply.status_code, reply.headers["Cache-Control"]) == (404, "no-store")


@pytest.mark.parametrize("folder", ["", f"build-{fingerprint()}/"])
def test_a_file_is_sent_again_only_if_it_changed(client: FlaskClient, folder: str) -> None:
    address = f"/assets/{folder}main.js"
    tag = client.get(address).headers["ETag"]
    again = client.get(address, headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    assert client.get(address, headers={"If-None-Match": '"other"'}).status_code == 200
