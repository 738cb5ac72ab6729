"""The AsyncAPI document: valid, with all events, commands and close codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
import requests
from websockets.sync.client import connect

from app.api.asyncapi.json_schema import schema_of
from app.contract import commands, events
from app.contract.viewers import close_codes
from app.contract.viewers.close_codes import CloseKind
from tests.support.api_requests import Api
from tests.support.servers import ROOT
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player

SCHEMA = ROOT / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.0.0-without-$id.json"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def document(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = api.get("/asyncapi.json").json()
    return found


def check(schema: Path, instance: Path) -> subprocess.CompletedProcess[str]:
    """Validate a JSON file against a JSON schema."""
    tool = Path(sys.executable).parent / "check-jsonschema"
    return subprocess.run(
        [tool, "--schemafile", schema, instance], capture_output=True, text=True, check=False
    )


def test_the_schema_of_asyncapi_3_accepts_it(document: dict[str, Any], tmp_path: Path) -> None:
    if not SCHEMA.exists():
        pytest.skip("needs the package @asyncapi/specs: make lint-js")
    path = tmp_path / "asyncapi.json"
    path.write_text(json.dumps(document))
    checked = check(SCHEMA, path)
    assert checked.returncode == 0, checked.stdout
    del document["channels"]["viewer"]["messages"]["pong"]["$ref"]
    document["operations"]["watch"]["action"] = "shout"
    path.write_text(json.dumps(document))
    assert check(SCHEMA, path).returncode == 1


def test_it_has_every_event_command_and_close_code(api: Api) -> None:
    document = api.get("/api/asyncapi.json").json()
    messages = document["components"]["messages"]
    sent = {name for name, each in messages.items() if "event" in each["payload"]["properties"]}
    names = {kind.name for kind in events.ViewerEvent.__subclasses__()}
    assert sent == names | {events.Pong.name}
    parsed = {
        type(commands.parse_command(json.dumps(example["payload"])))
        for name in messages.keys() - sent
        for example in messages[name]["examples"]
    }
    assert parsed == set(get_args(commands.Command))
    catalogue = [kind for kind in vars(close_codes).values() if isinstance(kind, CloseKind)]
    listed = document["channels"]["viewer"]["x-closeCodes"]
    found = {(each["code"], each["reason"]) for each in listed}
    assert found == {(kind.code, kind.reason) for kind in catalogue} | {(1001, "shutting_down")}


def test_fields_that_may_be_missing_or_null_are_described(document: dict[str, Any]) -> None:
    messages = document["components"]["messages"]
    watch = messages["watch"]["payload"]
    assert watch["required"] == ["type"]
    assert watch["properties"].keys() == {"type", "board", "period"}
    details = messages["disconnect"]["payload"]["properties"]["data"]["properties"]["details"]
    types = {name: each["type"] for name, each in details["properties"].items()}
    nullable = ["null", "string"]
    assert types == {"bannedAt": "string", "until": nullable, "reason": nullable}
    watched = {"board", "period"}
    for name, optional in (
        ("connected", watched),
        ("leaderboard_update", watched | {"committedAt"}),
        ("rank_update", watched),
    ):
        data = messages[name]["payload"]["properties"]["data"]
        assert optional == data["properties"].keys() - data["required"], name


def test_a_viewer_connects_at_its_address_and_gets_the_messages_that_it_describes(
    running_system: SystemHarness, tmp_path: Path
) -> None:
    player = Player.register(running_system.url)
    document = Api(running_system.url).get("/asyncapi.json").json()
    server, channel = document["servers"]["broadcaster"], document["channels"]["viewer"]
    address = f"{server['protocol']}://{server['host']}{channel['address']}"
    headers = {"Authorization": f"Bearer {player.access_token}"}
    with connect(address, additional_headers=headers) as socket:
        frames = [json.loads(socket.recv(10)) for _ in range(2)]
    for frame in frames:
        schema, instance = tmp_path / "schema.json", tmp_path / "frame.json"
        schema.write_text(json.dumps(document["components"]["messages"][frame["event"]]["payload"]))
        instance.write_text(json.dumps(frame))
        checked = check(schema, instance)
        assert checked.returncode == 0, checked.stdout


def test_the_stream_at_its_address_sends_a_message_that_it_describes(
    running_system: SystemHarness,
) -> None:
    Player.register(running_system.url).score_point()
    document = Api(running_system.url).get("/asyncapi.json").json()
    server, channel = document["servers"]["streams"], document["channels"]["stream"]
    address = f"{server['protocol']}://{server['host']}{channel['address']}"
    with requests.get(address, stream=True, timeout=10) as reply:
        names = (
            line.partition(": ")[2] for line in reply.iter_lines(1, decode_unicode=True) if line
        )
        next(names)
        assert next(names) in channel["messages"]


def test_a_field_is_required_only_if_all_samples_have_it() -> None:
    schema = schema_of([{"reason": "a", "after": 1}, {"reason": "b", "after": None, "details": {}}])
    assert schema["required"] == ["reason", "after"]
    assert schema["properties"]["after"] == {"type": ["integer", "null"]}
