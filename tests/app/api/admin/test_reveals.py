"""/admin/boards/KEY/reveal: admins reveal hidden acts, undo steps and finalize."""

from __future__ import annotations

import json
from collections.abc import Callable

import jwt
import pytest

from tests.security.tokens.forged_jwts import encoded
from tests.support.api_client import Caller, body_of
from tests.support.players import PASSWORD, Person
from tests.support.service_acts import OPERATOR, act, count
from tests.support.services import Services

pytestmark = pytest.mark.slow

QUIZ = {"key": "quiz", "title": "Quiz", "points": {"min": 0, "max": 100}, "freezesAt": "now"}
PATH = "/api/admin/boards/quiz"


@pytest.fixture
def quiz(services: Services, admin: Caller, ada: Person) -> Person:
    """A frozen board on which a player has two hidden acts."""
    body_of(admin("POST", "/api/admin/boards", QUIZ), 201)
    count(services, act(ada, 7), act(ada, 20))
    return ada


def test_acts_are_revealed_undone_and_made_final(admin: Caller, quiz: Person) -> None:
    before = body_of(admin("GET", f"{PATH}/reveal"))
    player = {
        "userId": quiz.user_id,
        "username": quiz.username,
        "displayName": "Ada",
        "rank": None,
        "score": None,
        "remaining": 2,
    }
    assert before == {
        "board": "quiz",
        "state": "frozen",
        "number": 0,
        "remaining": 2,
        "next": player,
        "moves": [],
    }
    first = body_of(admin("POST", f"{PATH}/reveal", {"number": 1}))
    assert (first["number"], first["remaining"]) == (1, 1)
    assert first["next"] == player | {"rank": 1, "score": 7, "remaining": 1}
    (move,) = first["moves"]
    assert (move["fromRank"], move["toRank"], move["toScore"]) == (None, 1, 7)
    repeated = body_of(admin("POST", f"{PATH}/reveal", {"step": "all", "number": 1}))
    assert repeated == first | {"moves": []}
    assert body_of(admin("POST", f"{PATH}/reveal/undo", {})) == before
    assert body_of(admin("POST", f"{PATH}/reveal", {"step": "player"}))["next"] is None
    refusal = body_of(admin("POST", f"{PATH}/finalize", {}), 409)
    assert (refusal["code"], refusal["message"]) == (
        "BOARD_NOT_FINISHED",
        "The board is not closed yet",
    )
    body_of(admin("PATCH", PATH, {"closesAt": "now"}))
    final = body_of(admin("POST", f"{PATH}/finalize", {"reason": "the winner is known"}))
    assert (final["state"], final["thawedAt"] is None) == ("final", False)
    assert body_of(admin("GET", "/api/boards/quiz"))["state"] == "final"


def test_a_final_table_is_signed_with_a_published_key(admin: Caller, quiz: Person) -> None:
    refusal = body_of(admin("GET", f"{PATH}/final-table"), 409)
    assert (refusal["code"], refusal["message"]) == (
        "BOARD_NOT_FINISHED",
        "The board is not final yet",
    )
    body_of(admin("PATCH", PATH, {"closesAt": "now"}))
    final = body_of(admin("POST", f"{PATH}/finalize", {}))
    assert (final["state"], final["thawedAt"]) == ("final", None)
    refusal = body_of(admin("GET", f"{PATH}/final-table"), 409)
    assert (refusal["code"], refusal["message"]) == (
        "BOARD_NOT_FINISHED",
        "Acts are still hidden. Reveal them or unfreeze the board",
    )
    body_of(admin("POST", f"{PATH}/reveal", {"step": "player"}))
    keys = jwt.PyJWKSet.from_dict(body_of(admin("GET", "/.well-known/jwks.json")))
    found = {}
    for table_format in ("json", "csv"):
        reply = admin("GET", f"{PATH}/final-table?format={table_format}")
        assert reply.headers["Content-Type"] == "application/jose"
        assert reply.headers["Content-Disposition"] == 'attachment; filename="quiz-all.jws"'
        jws, kid = reply.text, jwt.get_unverified_header(reply.text)["kid"]
        found[table_format] = jwt.PyJWS().decode_complete(jws, keys[kid], ["RS256"])
        changed = jws.replace(jws.split(".")[1], encoded(b"rank,userId"))
        with pytest.raises(jwt.InvalidSignatureError):
            jwt.PyJWS().decode(changed, keys[kid], ["RS256"])
    row = {"rank": 1, "userId": quiz.user_id, "username": quiz.username, "score": 27}
    table = json.loads(found["json"]["payload"])
    assert table["leaderboard"] == [row | {"displayName": "Ada", "revealStep": 1}]
    assert (table["board"], table["finalizedAt"]) == ("quiz", final["finalizedAt"])
    header = found["csv"]["header"]
    assert (header["typ"], header["cty"]) == ("scoreboard-final-table", "text/csv")
    for name in ("board", "period", "startsAt", "finalizedAt"):
        assert header[name] == table[name] == found["json"]["header"][name]
    assert found["csv"]["payload"].decode().splitlines() == [
        "rank,userId,username,displayName,score,revealStep",
        f"1,{quiz.user_id},{quiz.username},Ada,27,1",
    ]


def test_a_malformed_step_is_refused(admin: Caller, quiz: Person) -> None:
    for body in ({"step": "team"}, {"number": 0}, {"number": "1"}, {"steps": "act"}):
        assert body_of(admin("POST", f"{PATH}/reveal", body), 400)
    assert body_of(admin("GET", f"{PATH}/reveal"))["number"] == 0
    assert body_of(admin("GET", f"{PATH}/final-table?format=xml"), 400)
    for path in ("reveal", "reveal/undo", "finalize"):
        assert body_of(admin("POST", f"/api/admin/boards/nothing/{path}", {}), 404)


def test_only_admins_reveal(
    services: Services, admin: Caller, quiz: Person, log_in: Callable[[str], Caller]
) -> None:
    before = body_of(admin("GET", f"{PATH}/reveal"))
    player, app = log_in(quiz.username), admin.app
    refresh = services.accounts.log_in(quiz.username, PASSWORD).tokens.refresh_token
    banned = Person.register(services)
    services.moderation.set_role(OPERATOR, banned.user_id, "admin")
    was_admin = log_in(banned.username)
    services.moderation.ban(OPERATOR, banned.user_id)
    callers = {
        "a player": (player, 403),
        "a caller without a token": (Caller(app, "", ""), 401),
        "the key of the board": (
            Caller(app, "", services.service_keys.create(OPERATOR, "judge", ["quiz"], None).text),
            401,
        ),
        "a refresh token": (Caller(app, "", refresh), 401),
        "a display": (
            Caller(app, "", services.display_tokens.issue(OPERATOR, "hall", 60).jwt),
            401,
        ),
        "a banned admin": (was_admin, 403),
    }
    for name, (caller, status) in callers.items():
        for path in ("reveal", "reveal/undo", "finalize", "unfreeze"):
            assert body_of(caller("POST", f"{PATH}/{path}", {}), status), name
        for path in ("reveal", "leaderboard", "final-table"):
            assert body_of(caller("GET", f"{PATH}/{path}"), status), name
        assert body_of(caller("PATCH", PATH, {"closesAt": "now"}), status), name
    assert body_of(admin("GET", f"{PATH}/reveal")) == before


def test_a_step_changes_no_other_board(services: Services, admin: Caller, quiz: Person) -> None:
    body_of(admin("POST", "/api/admin/boards", QUIZ | {"key": "other"}), 201)
    count(services, act(quiz, 9, "other"), boards=("other",))
    other = body_of(admin("GET", "/api/admin/boards/other/reveal"))
    body_of(admin("POST", f"{PATH}/reveal", {"step": "all"}))
    assert body_of(admin("GET", "/api/admin/boards/other/reveal")) == other
    # The board main never freezes.
    main = "/api/admin/boards/main"
    assert body_of(admin("POST", f"{main}/reveal", {}))["number"] == 0
    assert body_of(admin("POST", f"{main}/reveal/undo", {}))["number"] == 0
    for refused in (admin("POST", f"{main}/finalize", {}), admin("GET", f"{main}/final-table")):
        assert body_of(refused, 409)["code"] == "BOARD_NOT_FINISHED"
