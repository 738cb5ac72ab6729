"""The built Python package, installed in a new environment, runs the quick start of its README."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

from clients.python.live_scoreboard_client import __version__
from tests.clients.conftest import Judge
from tests.support.servers import ROOT
from tests.support.system.harness import SystemHarness
from tests.support.system.player import PASSWORD

PROJECT = ROOT / "clients" / "python"
README = (PROJECT / "README.md").read_text(encoding="utf-8")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built package, made from the built source archive."""
    folder = tmp_path_factory.mktemp("dist")
    command = "-m build --no-isolation"
    assert f"python {command} clients/python" in README
    run(sys.executable, *command.split(), "--outdir", folder, PROJECT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new environment with the package; what it needs comes from .venv."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    python = folder / "bin" / "python"
    (packages,) = folder.glob("lib/python*/site-packages")
    # Installed already, so that no registry is needed.
    (packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    outer_python = Path(sys.base_prefix) / "bin" / "python3"
    install = (outer_python, "-m", "pip", "--python", python, "install", "--quiet", "--no-index")
    run(*install, wheel)
    return python


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """The output of a command that has to succeed."""
    ended = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=90, cwd=cwd
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def programs(system: SystemHarness, username: str, judge: Judge) -> list[str]:
    """The programs of the README, with this system, player and board."""
    replaced = {
        "http://127.0.0.1:8000": system.url,
        '"ada"': f'"{username}"',
        '"correct horse"': f'"{PASSWORD}"',
        '"sk_…"': f'"{judge.key}"',
        '"quiz-night"': f'"{judge.board}"',
    }
    found: list[str] = re.findall(r"^```python\n(.*?)^```$", README, re.M | re.S)
    for old, new in replaced.items():
        assert any(old in program for program in found), old
        found = [program.replace(old, new) for program in found]
    return found


def test_the_quick_start_runs_with_the_installed_package(
    running_system: SystemHarness, judge: Judge, python: Path, tmp_path: Path
) -> None:
    player = running_system.register()
    first, second, third = programs(running_system, player.username, judge)
    assert re.search(r"^1 .+ \d+$", run(python, "-c", first, cwd=tmp_path), re.M)
    assert re.search(r"^\d+ players$", run(python, "-c", second, cwd=tmp_path), re.M)
    assert run(python, "-c", third, cwd=tmp_path) == "counted 120\n"
    where = "import live_scoreboard_client; print(live_scoreboard_client.__file__)"
    assert run(python, "-c", where, cwd=tmp_path).startswith(str(python.parents[1]))


def test_the_package_is_typed_and_has_the_version_of_its_module(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "live_scoreboard_client/py.typed" in names
    assert {name.partition("/")[0] for name in names} == {
        "live_scoreboard_client",
        f"live_scoreboard_client-{__version__}.dist-info",
    }


def test_the_package_imports_only_itself_and_what_it_declares() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split("[<>=]", each)[0] for each in project["dependencies"]}
    imported: set[str] = set()
    for path in PROJECT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                imported.add(node.module.split(".")[0])
    assert imported - sys.stdlib_module_names == declared
