"""Points of players and of trusted servers with the JavaScript client."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import FrozenBoard, Judge
from tests.clients.js.node_program import CLIENT, run_program
from tests.support.system.harness import SystemHarness
from tests.support.system.player import PASSWORD
from tests.support.system.relay import Relay
from tests.tools.scoreboard_stub import ErrorReply, Lost, StubScoreboard

pytestmark = pytest.mark.slow


def run(folder: Path, source: str, **values: Any) -> Any:
    """The value that the program, which sees these values, gives to `print`."""
    constants = "".join(f"const {name} = {json.dumps(each)};\n" for name, each in values.items())
    head = f"import * as client from {json.dumps(CLIENT.as_uri())};\n{constants}"
    output = run_program(
        f"{head}const print = (value) => console.log(JSON.stringify(value));\n{source}", folder
    )
    return json.loads(output)


def test_a_point_whose_replies_were_lost_counts_once(
    running_system: SystemHarness, api_relay: Relay, tmp_path: Path
) -> None:
    player = running_system.register()
    api_relay.replies_to_lose += [b"POST /api/scores/increment"] * 2
    scores = run(
        tmp_path,
        """
        const scoreboard = new client.Scoreboard(url);
        await scoreboard.login(username, password);
        const outcomes = await Promise.all([scoreboard.score(), scoreboard.score()]);
        const { score } = await scoreboard.call("GET", "api/users/me");
        await scoreboard.logout();
        const error = await scoreboard.score().catch((error) => error);
        const ended = error instanceof client.SessionEnded;
        print([...outcomes.map(({ newScore }) => newScore), score, ended]);
        """,
        url=f"http://127.0.0.1:{api_relay.port}",
        username=player.username,
        password=PASSWORD,
    )
    assert api_relay.replies_to_lose == []
    assert scores == [1, 2, 2, True]


def test_a_point_that_may_have_been_counted_keeps_its_token_until_that_is_known(
    tmp_path: Path,
) -> None:
    with StubScoreboard() as stub:
        stub.faults["/api/scores/increment"] += [Lost.REPLY, ErrorReply(400, "TOKEN_INVALID")]
        outcome = run(
            tmp_path,
            """
            const scoreboard = new client.Scoreboard(url);
            await scoreboard.register("ada", "correct horse", "Ada");
            const { code } = await scoreboard.score().catch((error) => error);
            print([code, (await scoreboard.score()).newScore]);
            """,
            url=stub.url,
        )
    assert outcome == ["TOKEN_INVALID", 1]
    assert stub.points() == {"Ada": 1}


def test_a_registration_whose_reply_was_lost_can_be_repeated(
    running_system: SystemHarness, api_relay: Relay, tmp_path: Path
) -> None:
    api_relay.replies_to_lose += [b"POST /api/auth/register"]
    first, second, other = run(
        tmp_path,
        """
        const scoreboard = new client.Scoreboard(url);
        const name = `player_${client.newId().replaceAll("-", "").slice(-12)}`;
        const first = await scoreboard.register(name, password).catch((error) => error);
        const second = await scoreboard.register(name, password);
        const stranger = new client.Scoreboard(url);
        const other = await stranger.register(name, password).catch(({ code }) => code);
        print([first instanceof client.NoReply, second === scoreboard.userId, other]);
        """,
        url=f"http://127.0.0.1:{api_relay.port}",
        password=PASSWORD,
    )
    assert (first, second, other) == (True, True, "USERNAME_TAKEN")


def test_the_clock_and_all_rows_of_a_board_are_read(
    running_system: SystemHarness, frozen_board: FrozenBoard, tmp_path: Path
) -> None:
    settings, rows, main = run(
        tmp_path,
        """
        const scoreboard = new client.Scoreboard(url);
        const settings = await scoreboard.readSettings(board);
        const rows = await scoreboard.readStandings(board);
        print([settings, rows, (await scoreboard.readSettings()).key]);
        """,
        url=running_system.url,
        board=frozen_board.key,
    )
    assert (settings["state"], settings["closesAt"], main) == ("frozen", None, "main")
    assert settings["freezesAt"] is not None
    assert [(row["userId"], row["score"]) for row in rows] == [(frozen_board.user_id, 10)]


def test_a_service_sends_many_acts_and_repeats_those_whose_reply_was_lost(
    running_system: SystemHarness, api_relay: Relay, judge: Judge, tmp_path: Path
) -> None:
    player = running_system.register()
    api_relay.replies_to_lose += [b"POST /api/service/scores"]
    statuses, score = run(
        tmp_path,
        """
        const service = new client.Service(url, key);
        const acts = Array.from({ length: 600 }, () => ({ board, points: 1, username }));
        const results = await service.score(acts);
        const count = (status) => results.filter((result) => result.status === status).length;
        print([[count("repeated"), count("counted")], results.at(-1).score]);
        """,
        url=f"http://127.0.0.1:{api_relay.port}",
        key=judge.key,
        board=judge.board,
        username=player.username,
    )
    assert statuses == [500, 100]
    assert score == 600


def test_acts_that_got_no_answer_in_time_are_named_and_can_be_sent_again(
    api_relay: Relay, running_system: SystemHarness, judge: Judge, tmp_path: Path
) -> None:
    player = running_system.register()
    api_relay.down()
    named, statuses, refused = run(
        tmp_path,
        """
        const acts = [{ id: client.newId(), board, points: 1, username }];
        const error = await new client.Service(relayUrl, key, { retrySeconds: 1 })
          .score(acts)
          .catch((error) => error);
        const results = await new client.Service(url, key).score(error.unanswered);
        const intruder = new client.Service(url, `${key}x`);
        const refused = await intruder.score(acts).catch(({ cause }) => cause.status);
        print([error.unanswered, results.map(({ status }) => status), refused]);
        """,
        relayUrl=f"http://127.0.0.1:{api_relay.port}",
        url=running_system.url,
        key=judge.key,
        board=judge.board,
        username=player.username,
    )
    assert [act["username"] for act in named] == [player.username]
    assert (statuses, refused) == (["counted"], 401)


def test_a_refused_call_after_others_names_what_was_counted_and_the_ids_of_the_other_acts(
    running_system: SystemHarness, judge: Judge, tmp_path: Path
) -> None:
    player = running_system.register()
    refused, repeated = run(
        tmp_path,
        """
        const service = new client.Service(url, key);
        const act = { board, points: 1, username };
        const { results, unanswered, cause } = await service
          .score([act, { ...act, id: undefined, label: "x".repeat(300_000) }])
          .catch((error) => error);
        const again = [{ ...act, id: results[0].id }, { ...unanswered[0], label: "shorter" }];
        await service.score(again);
        const repeated = await service.score(again);
        print([[results[0].status, results.length, unanswered.length, cause.status],
          repeated.map(({ status, score }) => [status, score])]);
        """,
        url=running_system.url,
        key=judge.key,
        board=judge.board,
        username=player.username,
    )
    assert refused == ["counted", 1, 1, 413]
    assert repeated == [["repeated", 1], ["repeated", 2]]


def test_an_act_that_can_not_be_sent_ends_the_call_before_any_is_counted(
    running_system: SystemHarness, judge: Judge, tmp_path: Path
) -> None:
    player = running_system.register()
    error, status = run(
        tmp_path,
        """
        const service = new client.Service(url, key);
        const act = () => ({ id: client.newId(), board, points: 1, username });
        const acts = Array.from({ length: 501 }, act);
        acts[500].points = 1n;
        const { name } = await service.score(acts).catch((error) => error);
        const [{ status }] = await service.score(acts.slice(0, 1));
        print([name, status]);
        """,
        url=running_system.url,
        key=judge.key,
        board=judge.board,
        username=player.username,
    )
    assert (error, status) == ("TypeError", "counted")


def test_ids_are_uuids_of_version_7_that_grow(tmp_path: Path) -> None:
    ids = run(
        tmp_path,
        "print([Date.now(), ...Array.from({ length: 9_000 }, () => client.newId()), Date.now()]);",
    )
    before, *made, after = ids
    assert made == sorted(set(made))
    assert all(each[14] == "7" and each[19] in "89ab" for each in made)
    assert before <= int(made[0].replace("-", "")[:12], 16) <= after
