"""The packed JavaScript client, installed in a new folder, runs the quick start of its README."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.clients.conftest import Judge
from tests.clients.js.node_program import CLIENT, node, run_program
from tests.support.servers import ROOT
from tests.support.system.harness import SystemHarness
from tests.support.system.player import PASSWORD

PROJECT = ROOT / "clients" / "js"
README = (PROJECT / "README.md").read_text(encoding="utf-8")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new project in which the packed file is installed."""
    node()
    folder = tmp_path_factory.mktemp("project")
    packed = npm("pack", "--json", "--pack-destination", str(folder), str(PROJECT), folder=folder)
    (folder / "package.json").write_text('{"private": true}')
    name = json.loads(packed)[0]["filename"]
    npm("install", "--offline", "--no-audit", "--no-fund", f"./{name}", folder=folder)
    return folder


def npm(*words: str, folder: Path) -> str:
    ended = subprocess.run(
        ["npm", *words], capture_output=True, text=True, check=False, timeout=60, cwd=folder
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_the_quick_start_runs_with_the_installed_package(
    running_system: SystemHarness, judge: Judge, installed: Path
) -> None:
    player = running_system.register()
    replaced = {
        "http://127.0.0.1:8000": running_system.url,
        '"ada"': f'"{player.username}"',
        '"correct horse"': f'"{PASSWORD}"',
        '"sk_…"': f'"{judge.key}"',
        '"quiz-night"': f'"{judge.board}"',
    }
    programs: list[str] = re.findall(r"^```js\n(.*?)^```$", README, re.M | re.S)
    for old, new in replaced.items():
        assert any(old in program for program in programs), old
        programs = [program.replace(old, new) for program in programs]
    first, second, third = programs
    assert re.search(r"^1 .+ \d+$", run_program(first, installed), re.M)
    assert re.search(r"^\d+ players$", run_program(second, installed), re.M)
    assert run_program(third, installed) == "counted 120\n"


def test_the_package_holds_the_modules_and_their_types(installed: Path) -> None:
    package = installed / "node_modules" / "live-scoreboard-client"
    names = {path.relative_to(package).as_posix() for path in package.rglob("*.*")}
    sources = {path.relative_to(PROJECT).as_posix() for path in (PROJECT / "src").rglob("*.*")}
    assert names == sources | {"package.json", "README.md"}
    assert "dependencies" not in json.loads((package / "package.json").read_text())


# The public members of each class: its methods, its accessors, and the fields of an instance.
MEMBERS = """
import * as client from "live-scoreboard-client";
const session = new client.Session();
const scoreboard = new client.Scoreboard("http://127.0.0.1:9", { session });
const watch = scoreboard.watch();
watch.close();
const error = new client.ApiError(400, {}, { waitSeconds: 0 });
const service = new client.Service("http://127.0.0.1:9", "sk_");
const unanswered = new client.ScoresUnanswered([], [], error);
const members = {};
for (const instance of [session, scoreboard, watch, service, error, unanswered]) {
  const names = new Set(Object.keys(instance));
  for (let type = Object.getPrototypeOf(instance); ![Object, Error].includes(type.constructor);
      type = Object.getPrototypeOf(type)) {
    for (const name of Object.getOwnPropertyNames(type)) names.add(name);
  }
  names.delete("constructor");
  members[instance.constructor.name] = [...names].sort();
}
console.log(JSON.stringify(members));
"""
OF_ERRORS = {"cause", "message", "stack"}


def declared_members(types: str, name: str) -> set[str]:
    """The members that the declarations give a class, with those of its base class."""
    found = re.search(rf"^export class {name}(?: extends (\w+))? \{{(.*?)^}}", types, re.M | re.S)
    if found is None:
        return set()
    own = set(re.findall(r"^  (?:readonly )?(\w+)[:?<(]", found[2] or "", re.M))
    base = declared_members(types, found[1]) if found[1] else set()
    return own - {"constructor"} | base


def test_the_types_declare_the_members_of_every_class(installed: Path) -> None:
    types = CLIENT.with_suffix(".d.ts").read_text(encoding="utf-8")
    members = json.loads(run_program(MEMBERS, installed))
    for name, found in members.items():
        assert declared_members(types, name) - OF_ERRORS == set(found) - OF_ERRORS, name


def test_the_types_declare_every_name_that_the_module_exports(installed: Path) -> None:
    exported = run_program(
        "import * as client from 'live-scoreboard-client';"
        "console.log(Object.keys(client).join(' '));",
        installed,
    )
    types = CLIENT.with_suffix(".d.ts").read_text(encoding="utf-8")
    declared = re.findall(r"^export (?:class|function|const) (\w+)", types, re.M)
    assert sorted(declared) == sorted(exported.split())
