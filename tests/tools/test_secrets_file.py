"""The .env that tools.secrets_file prints has all that the settings ask for, new each time."""

from __future__ import annotations

import io

import pytest
from dotenv import dotenv_values

from config.settings import load_settings
from tools.secrets_file import main


def _printed(capsys: pytest.CaptureFixture[str]) -> dict[str, str | None]:
    main()
    return dotenv_values(stream=io.StringIO(capsys.readouterr().out))


def test_its_secrets_are_settings_that_can_be_used(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://somebody@192.0.2.1/scores")
    monkeypatch.setenv("REDIS_URL", "redis://192.0.2.1/0")
    for name, value in _printed(capsys).items():
        assert value
        monkeypatch.setenv(name, value)
    assert load_settings().jwt_private_key.key_size == 2048


def test_no_two_are_alike(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = _printed(capsys), _printed(capsys)
    assert set(first) == set(second)
    assert not set(first.values()) & set(second.values())
