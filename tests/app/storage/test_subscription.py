"""A subscription outlives every error reply of Redis and every message that it can't read."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest
import redis

from app.contract.messages import MessageInvalid
from app.storage.redis import connect_subscriber
from app.storage.subscription import PING_SECONDS, Subscription
from config.redis_url import parse_redis_url
from tests.support.servers import redis_server
from tests.support.system.redis_faults import busy
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow

CHANNEL = "news"
USER, PASSWORD = "listener", "p4ssword"
RENEWAL_SECONDS = 5.0


@dataclass
class Followed:
    """What the subscriber got of a channel that it follows; the times of confirmations."""

    payloads: list[str]
    confirmed_at: list[float]

    def confirm(self) -> None:
        self.confirmed_at.append(time.monotonic())


class Listener:
    """A subscription in a thread to a Redis of its own; numbers are valid messages."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.admin = redis.Redis.from_url(url)
        self.admin.execute_command("ACL SETUSER", USER, "on", f">{PASSWORD}", "+@all", "&*")
        self.received: list[int] = []
        self.renewals = 0
        self.progressed_at = 0.0
        server = url.rpartition("@")[2].removeprefix("redis://")
        client = connect_subscriber(parse_redis_url(f"redis://{USER}:{PASSWORD}@{server}"))
        self._client = client
        self._subscription = Subscription(client, {CHANNEL: self._receive}, self._renewed)
        self._thread = threading.Thread(target=self._subscription.run, args=(self._progress,))
        self._thread.start()

    def _receive(self, payload: str) -> None:
        try:
            self.received.append(int(payload))
        except ValueError:
            raise MessageInvalid(payload) from None

    def _renewed(self) -> None:
        self.renewals += 1

    def _progress(self) -> None:
        self.progressed_at = time.monotonic()

    def hears(self, number: int) -> bool:
        """Whether the number is received, some time after it was published again."""
        self.admin.publish(CHANNEL, number)
        return number in self.received

    def follow(self, channel: str) -> Followed:
        """Follow one more channel."""
        followed = Followed([], [])
        self._subscription.follow(channel, followed.payloads.append, followed.confirm)
        self._subscription.update_channels()
        return followed

    def unfollow(self, channel: str) -> None:
        self._subscription.unfollow(channel)
        self._subscription.update_channels()

    def subscribers(self, channel: str) -> int:
        ((_, number),) = self.admin.pubsub_numsub(channel)
        return int(number)

    def disconnect(self) -> None:
        self.admin.execute_command("CLIENT KILL USER", USER)

    def close(self) -> None:
        self._subscription.stop()
        self._thread.join(5)
        assert not self._thread.is_alive()
        self._client.close()
        self.admin.close()


@pytest.fixture
def listener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    with (
        redis_server(tmp_path_factory.mktemp("valkey")) as server,
        closing(Listener(server.url)) as made,
    ):
        await_true(lambda: made.renewals, RENEWAL_SECONDS)
        yield made


@pytest.mark.parametrize(
    "message", [b"hello", b"", b"\xff\xfe\x00", b"1e400", b"[" * 10_000, b"9" * 10_000]
)
def test_a_message_that_cannot_be_read_is_skipped(listener: Listener, message: bytes) -> None:
    for _ in range(100):
        listener.admin.publish(CHANNEL, message)
    await_true(lambda: listener.hears(7), RENEWAL_SECONDS)
    assert listener.renewals == 1


def without_channels(admin: redis.Redis) -> Callable[[], object]:
    admin.execute_command("ACL SETUSER", USER, "resetchannels")
    return lambda: admin.execute_command("ACL SETUSER", USER, "&*")


def without_login(admin: redis.Redis) -> Callable[[], object]:
    admin.execute_command("ACL SETUSER", USER, "off")
    return lambda: admin.execute_command("ACL SETUSER", USER, "on")


def without_the_command(admin: redis.Redis) -> Callable[[], object]:
    admin.execute_command("ACL SETUSER", USER, "-subscribe")
    return lambda: admin.execute_command("ACL SETUSER", USER, "+subscribe")


@pytest.mark.parametrize("begin_fault", [without_channels, without_login, without_the_command])
def test_a_subscription_is_renewed_after_an_error_reply(
    listener: Listener, begin_fault: Callable[[redis.Redis], Callable[[], object]]
) -> None:
    end_fault = begin_fault(listener.admin)
    listener.disconnect()
    # Several attempts fail.
    time.sleep(1.5)
    # A refused login is a failure of the connection, which another check shows.
    if begin_fault is not without_login:
        await_true(lambda: time.monotonic() - listener.progressed_at > 1, 5)
    end_fault()
    await_true(lambda: listener.hears(7), RENEWAL_SECONDS)
    await_true(lambda: time.monotonic() - listener.progressed_at < 1, 5)


def test_a_subscription_is_renewed_after_redis_was_busy_with_a_script(listener: Listener) -> None:
    with busy(listener.url):
        # Longer than the subscriber waits for an answer.
        time.sleep(2 * PING_SECONDS + 2)
    await_true(lambda: listener.hears(7), RENEWAL_SECONDS)


def test_a_channel_is_followed_on_the_open_connection_until_it_is_unfollowed(
    listener: Listener,
) -> None:
    followed = listener.follow("quiz")
    await_true(lambda: followed.confirmed_at, RENEWAL_SECONDS)
    listener.admin.publish("quiz", "first")
    await_true(lambda: followed.payloads == ["first"], RENEWAL_SECONDS)
    listener.unfollow("quiz")
    await_true(lambda: listener.subscribers("quiz") == 0, RENEWAL_SECONDS)
    again = listener.follow("quiz")
    await_true(lambda: again.confirmed_at, RENEWAL_SECONDS)
    await_true(lambda: listener.hears(7), RENEWAL_SECONDS)
    assert listener.renewals == 1
    assert len(followed.confirmed_at) == 1


def test_followed_channels_are_subscribed_to_again_after_each_loss(listener: Listener) -> None:
    followed, given_up = listener.follow("quiz"), listener.follow("other")
    await_true(lambda: followed.confirmed_at and given_up.confirmed_at, RENEWAL_SECONDS)
    end_fault = without_login(listener.admin)
    listener.disconnect()
    await_true(lambda: listener.subscribers("quiz") == 0, RENEWAL_SECONDS)
    # In the meantime there is no connection that could be changed.
    listener.unfollow("other")
    late = listener.follow("late")
    end_fault()
    await_true(lambda: len(followed.confirmed_at) == 2 and late.confirmed_at, RENEWAL_SECONDS)
    listener.admin.publish("late", "news")
    await_true(lambda: late.payloads == ["news"], RENEWAL_SECONDS)
    assert listener.subscribers("other") == 0
