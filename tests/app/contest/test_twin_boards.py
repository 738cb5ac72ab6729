"""Nothing public shows what happens in a freeze: two equal contests with different hidden acts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest

from tests.app.boards.test_clock import database_time
from tests.app.contest.public_surfaces import check_same
from tests.app.contest.twin_boards import ACTIVE, LATE, Twins
from tests.support.service_acts import OPERATOR
from tests.support.services import services_in
from tests.support.system.harness import SystemHarness

pytestmark = pytest.mark.slow


@pytest.fixture
def twins(running_system: SystemHarness) -> Iterator[Twins]:
    with services_in(running_system.environment()) as services, ExitStack() as stack:
        yield Twins(running_system, services, stack)


def test_two_contests_with_different_hidden_acts_look_the_same(twins: Twins) -> None:
    services, show = twins.services, twins.show
    moderation = services.moderation
    ids = [person.user_id for person in twins.people]
    twins.check_equal("frozen")
    twins.check_hidden()
    # What both have in common. The players have hidden acts on one board only.
    for number in (1, 3, LATE):
        show(moderation.ban, OPERATOR, ids[number])
    for number in (3, LATE):
        show(moderation.unban, OPERATOR, ids[number])
    for number in (3, ACTIVE, LATE):
        show(moderation.rename, OPERATOR, ids[number], username=None, display_name=f"N {number}")
    show(moderation.flag, OPERATOR, ids[ACTIVE], 60)
    show(moderation.delete, OPERATOR, ids[6])
    twins.check_equal("frozen")
    twins.check_hidden()
    show(moderation.unban, OPERATOR, ids[1])
    closes_at = database_time(services) + timedelta(seconds=0.5)
    for key in twins.keys:
        services.boards.edit(OPERATOR, key, times={"closes_at": closes_at})
    twins.check_equal("closed")
    sent = twins.channels.of(twins.keys)
    assert len(sent[0]) >= 2
    check_same(*sent)
    # The boards do differ.
    own = twins.standings_of(ACTIVE)
    assert own[0] != own[1]
    for key in twins.keys:
        services.freezes.unfreeze(OPERATOR, key)
    assert not twins.are_equal()
