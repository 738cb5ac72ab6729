"""How workers see how many connections the others have."""

from __future__ import annotations

from config.balance import RETIRED, SEATS, ConnectionCounts


def test_a_worker_sees_the_fewest_connections_of_the_others() -> None:
    counts = ConnectionCounts()
    first = counts.seat()
    assert first.least_of_others() is None
    second, third = counts.seat(), counts.seat()
    first.show(1)
    second.show(5)
    third.show(3)
    assert [seat.least_of_others() for seat in (first, second, third)] == [3, 1, 1]
    first.show(RETIRED)
    assert [seat.least_of_others() for seat in (second, third)] == [3, 5]
    second.leave()
    assert third.least_of_others() == RETIRED


def test_a_place_that_was_left_is_given_to_the_next_worker() -> None:
    counts = ConnectionCounts()
    seats = [counts.seat() for _ in range(SEATS)]
    unseated = counts.seat()
    unseated.show(7)
    assert unseated.least_of_others() == 0
    seats[3].show(9)
    seats[3].leave()
    counts.seat().show(4)
    seats[0].show(5)
    assert [seat.least_of_others() for seat in (seats[0], unseated)] == [0, 0]
    for seat in seats[1:]:
        if seat is not seats[3]:
            seat.leave()
    assert seats[0].least_of_others() == 4
