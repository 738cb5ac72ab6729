"""tools.secrets_file makes new values for every required secret, and completes a file."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from dotenv import dotenv_values

from config.settings import load_settings
from tools.secrets_file import main, public_key_of


def _printed(capsys: pytest.CaptureFixture[str]) -> dict[str, str | None]:
    main()
    return dotenv_values(stream=io.StringIO(capsys.readouterr().out))


def test_its_secrets_are_valid_settings(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://scoreboard@192.0.2.1/scores")
    monkeypatch.setenv("REDIS_URL", "redis://192.0.2.1/0")
    for name, value in _printed(capsys).items():
        assert value
        monkeypatch.setenv(name, value)
    assert load_settings().jwt_private_key.key_size == 2048


def test_two_calls_share_no_value(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = _printed(capsys), _printed(capsys)
    assert set(first) == set(second)
    assert not set(first.values()) & set(second.values())


def test_a_new_file_is_readable_only_by_its_owner(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = os.umask(0)
    try:
        assert main([str(tmp_path / ".env")]) == 0
    finally:
        os.umask(before)
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    values = dotenv_values(tmp_path / ".env")
    printed = capsys.readouterr().out
    assert all(name in printed and str(value) not in printed for name, value in values.items())


def test_an_older_file_keeps_its_values_and_gets_those_that_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    main([str(path)])
    complete = dotenv_values(path)
    key = complete["JWT_PRIVATE_KEY"]
    path.write_text(f"JWT_PRIVATE_KEY='{key}'\nVALKEY_PASSWORD=\nSITE_ORIGIN=https://s", "utf-8")
    path.chmod(0o644)
    assert main([str(path)]) == 0
    after = dotenv_values(path)
    assert (after["JWT_PRIVATE_KEY"], after["SITE_ORIGIN"]) == (key, "https://s")
    assert set(after) == set(complete) | {"SITE_ORIGIN"}
    assert after["VALKEY_PASSWORD"]
    assert after["JWT_PUBLIC_KEYS"] == complete["JWT_PUBLIC_KEYS"]
    assert public_key_of(str(key).replace("\\n", "\n")).replace("\n", "\\n") == str(
        after["JWT_PUBLIC_KEYS"]
    )
    assert path.stat().st_mode & 0o777 == 0o600
    unchanged = path.read_text()
    assert main([str(path)]) == 0
    assert path.read_text() == unchanged


@pytest.mark.parametrize("content", ["JWT_PRIVATE_KEY=hidden\n", None])
def test_a_file_that_cannot_be_completed_is_named_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None
) -> None:
    path = tmp_path / "file" if content else tmp_path
    if content:
        path.write_text(content)
    assert main([str(path)]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert str(path) in error
    assert "hidden" not in error
