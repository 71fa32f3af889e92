"""The memory for conversations that nobody works on."""

import psutil

from backends.llamacpp.parking import Parking
from backends.llamacpp.sequence import SavedSequence
from backends.parking_budget import ParkingBudget, available_memory


class Computer:
    """Free memory that shrinks by what is parked."""

    def __init__(self, free: int) -> None:
        self.free = free
        self.parking = Parking(ParkingBudget(1000, lambda: self.free))

    def park(self, token: int, size: int) -> None:
        if self.parking.takes(size):
            before = self.parking.held_bytes
            self.free -= size
            self.parking.put(SavedSequence([token], bytes(size)))
            self.free -= self.parking.held_bytes - before - size


def test_the_budget_is_a_ceiling() -> None:
    computer = Computer(free=1_000_000)
    for token in range(20):
        computer.park(token, 90)
    assert computer.parking.held_bytes == 990


def test_parking_never_takes_more_than_a_quarter_of_what_is_free() -> None:
    computer = Computer(free=1600)
    for token in range(50):
        computer.park(token, 90)
    assert computer.parking.held_bytes == 360
    assert computer.free == 1600 - 360


def test_parked_conversations_give_way_when_memory_gets_short() -> None:
    computer = Computer(free=8000)
    for token in range(10):
        computer.park(token, 90)
    computer.free -= 6500  # another program took it
    computer.park(99, 90)
    newest = next(iter(computer.parking))
    assert newest.tokens == [99]
    assert computer.parking.held_bytes == 360


def test_parked_conversations_give_way_to_memory_that_others_took() -> None:
    computer = Computer(free=8000)
    for token in range(10):
        computer.park(token, 90)
    computer.free = 100
    computer.parking.trim()
    assert [saved.tokens for saved in computer.parking] == [[9], [8]]
    computer.free = 0
    computer.parking.trim()
    assert not len(computer.parking)


def test_what_waits_for_the_disk_counts_in_the_budget() -> None:
    waiting = 0
    parking = Parking(ParkingBudget(1000, lambda: 1_000_000), lambda: waiting)
    for token in range(10):
        parking.put(SavedSequence([token], bytes(90)))
    waiting = 500
    assert parking.takes(500)
    assert not parking.takes(501)
    parking.trim()
    assert parking.held_bytes == 450
    waiting = 2000
    parking.trim()
    assert parking.held_bytes == 0


def test_what_will_not_be_kept_is_not_even_copied() -> None:
    parking = Parking(ParkingBudget(1000, lambda: 200))
    assert parking.takes(50)
    assert not parking.takes(51)


def test_nobody_says_otherwise_a_tenth_of_this_computers_memory_is_the_ceiling() -> None:
    total = psutil.virtual_memory().total
    assert ParkingBudget(None, available=lambda: total).now(0) == total // 10
    assert 0 < available_memory() < total
