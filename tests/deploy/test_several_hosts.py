"""Two hosts with web and broadcaster each, the stores on a third, and a link that fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.flow import ACT, BANNED, shown
from tests.deploy.hosts import Host, Network, StoresPostgres, StoresValkey, network
from tests.support.servers import DatabaseServer, Stores, store_folder
from tests.support.services import services_in
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player
from tests.support.system.viewer import ViewerClient
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow
PROMISED_SECONDS = 1.0
HEALED_SECONDS = 30.0
"""TCP may wait several seconds before it sends again."""
ENDED = 4401


@dataclass(frozen=True)
class TwoHosts:
    """Two hosts with a web and a broadcaster each."""

    network: Network
    systems: list[SystemHarness]

    def watch(self, stack: ExitStack, number: int, player: Player) -> ViewerClient:
        """A viewer on that host, so that a cut link doesn't separate it from its broadcaster.

        It has the first board already.
        """
        with self.network.hosts[number].inside():
            url = self.systems[number].websocket_url
            viewer = stack.enter_context(ViewerClient(url, player.access_token))
        await_true(lambda: viewer.boards, HEALED_SECONDS)
        return viewer


@pytest.fixture(scope="module")
def two_hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoHosts]:
    with (
        store_folder() as folder,
        network(2) as network_of_two,
        network_of_two.center.inside(),
        StoresPostgres(folder / "postgres", disposable=True) as postgres,
        StoresValkey(folder / "valkey") as valkey,
        ExitStack() as stack,
    ):
        stores = Stores(DatabaseServer(postgres).create(), valkey.url)
        systems = [
            stack.enter_context(system_on(host, stores, tmp_path_factory.mktemp("host")))
            for host in network_of_two.hosts
        ]
        yield TwoHosts(network_of_two, systems)


def system_on(host: Host, stores: Stores, logs: Path) -> SystemHarness:
    return SystemHarness(stores, logs, wrapper=host.wrapper, host=host.address)


def test_a_board_a_logout_and_a_ban_reach_the_broadcasters_of_every_host(
    two_hosts: TwoHosts,
) -> None:
    here, there = two_hosts.systems
    player, leaver = here.register("Ada"), there.register("Bob")
    with ExitStack() as stack:
        watchers = [two_hosts.watch(stack, number, player) for number in (0, 1)]
        leavers = [two_hosts.watch(stack, number, leaver) for number in (0, 1)]
        for url in (here.url, there.url):
            player.url = url
            version = player.score_point()["boardVersion"]
            for watcher in watchers:
                watcher.await_board(version, PROMISED_SECONDS)
        assert [shown(watcher) for watcher in watchers] == [[(player.user_id, 2)]] * 2

        leaver.call("POST", "/auth/logout")
        for watcher in leavers:
            await_true(lambda: watcher.closed_with == ENDED, PROMISED_SECONDS)  # noqa: B023

        last = [two_hosts.watch(stack, number, here.register()) for number in (0, 1)]
        with services_in(here.environment()) as services:
            services.moderation.ban(ACT, player.user_id)
        for watcher in watchers:
            await_true(lambda: watcher.closed_with == BANNED, PROMISED_SECONDS)  # noqa: B023
        for watcher in last:
            await_true(lambda: shown(watcher) == [], PROMISED_SECONDS)  # noqa: B023


def test_a_broadcaster_cut_off_from_redis_shows_the_newest_board_when_the_link_is_back(
    two_hosts: TwoHosts,
) -> None:
    here, there = two_hosts.systems
    cut_off = two_hosts.network.hosts[1]
    player, spectator, leaver = (here.register() for _ in range(3))
    with ExitStack() as stack:
        near = two_hosts.watch(stack, 0, spectator)
        far, leaving = two_hosts.watch(stack, 1, spectator), two_hosts.watch(stack, 1, leaver)
        far.await_board(player.score_point()["boardVersion"], PROMISED_SECONDS)

        two_hosts.network.cut(cut_off)
        with services_in(here.environment()) as services:
            # Redis does the same to a client that reads nothing. Messages from now on are lost.
            lost = [
                services.redis.client_kill_filter(_id=client["id"])
                for client in services.redis.client_list("pubsub")
                if client["addr"].startswith(f"{cut_off.address}:")
            ]
        assert len(lost) >= 2
        version = player.score_point()["boardVersion"]
        near.await_board(version, PROMISED_SECONDS)
        assert leaver.call("POST", "/auth/logout").status_code == 204
        await_true(lambda: "board_not_read" in there.log("broadcaster"), HEALED_SECONDS)
        assert far.boards[-1]["version"] < version
        assert leaving.closed_with is None

        two_hosts.network.heal(cut_off)
        far.await_board(version, HEALED_SECONDS)
        await_true(lambda: leaving.closed_with == ENDED, HEALED_SECONDS)
        # The same connection still receives boards.
        version = player.score_point()["boardVersion"]
        for watcher in (far, near):
            watcher.await_board(version, PROMISED_SECONDS)
        assert shown(far) == shown(near)
        assert far.closed_with is None
        versions = [board["version"] for board in far.boards]
        assert versions == sorted(set(versions))
        player.url = there.url
        await_true(lambda: player.call("POST", "/actions/token").ok, HEALED_SECONDS)
