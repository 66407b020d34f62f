"""How far places are from each other, and what lies in a box around one of them."""

from hypothesis import given
from hypothesis import strategies as some

from handlers.rules.distances import (
    EVERYWHERE,
    FARTHEST_EAST,
    FARTHEST_METRES,
    FARTHEST_NORTH,
    Box,
    Position,
    box_around,
    metres_between,
)

HANGZHOU, NINGBO = Position(30_254_100, 120_164_000), Position(29_868_300, 121_551_000)
PLACES = some.builds(
    Position,
    some.integers(-FARTHEST_NORTH, FARTHEST_NORTH),
    some.integers(-FARTHEST_EAST, FARTHEST_EAST),
)


def test_distances_are_those_of_the_map():
    assert metres_between(HANGZHOU, HANGZHOU) == 0
    assert 139_500 < metres_between(HANGZHOU, NINGBO) < 140_700
    assert metres_between(Position(0, 0), Position(0, 1_000_000)) == 111_195  # a degree of the equator
    assert metres_between(Position(60_000_000, 0), Position(60_000_000, 1_000_000)) == 55_597  # half of it
    assert metres_between(Position(0, 179_999_000), Position(0, -179_999_000)) == 222  # over the line of 180 degrees
    assert metres_between(Position(FARTHEST_NORTH, 0), Position(FARTHEST_NORTH, 90_000_000)) == 0  # a pole is one place
    assert FARTHEST_METRES - metres_between(Position(0, 0), Position(0, FARTHEST_EAST)) in {0, 1}


@given(PLACES, PLACES)
def test_it_is_as_far_there_as_back_and_never_farther_than_the_other_side(one, other):
    assert metres_between(one, other) == metres_between(other, one)
    assert 0 <= metres_between(one, other) <= FARTHEST_METRES


@given(PLACES, PLACES)
def test_a_box_holds_all_that_is_within_the_distance(centre, other):
    assert is_in(other, box_around(centre, metres_between(centre, other)))


@given(PLACES, some.integers(-60_000, 60_000), some.integers(-60_000, 60_000), some.integers(0, 10_000))
def test_a_box_holds_all_that_is_near(centre, north, east, metres):
    other = Position(
        max(-FARTHEST_NORTH, min(FARTHEST_NORTH, centre.latitude_e6 + north)),
        (centre.longitude_e6 + east + FARTHEST_EAST) % (2 * FARTHEST_EAST) - FARTHEST_EAST,
    )
    if metres_between(centre, other) <= metres:
        assert is_in(other, box_around(centre, metres))


def test_a_box_is_no_bigger_than_it_has_to_be():
    box = box_around(HANGZHOU, 5_000)
    corners = Position(box.north_e6, box.east_e6), Position(box.south_e6, box.west_e6)
    assert all(7_000 < metres_between(HANGZHOU, corner) < 7_150 for corner in corners)
    assert box_around(HANGZHOU, FARTHEST_METRES) == EVERYWHERE
    assert box_around(Position(0, 179_990_000), 5_000) == Box(-44_976, 44_976, -FARTHEST_EAST, FARTHEST_EAST)


def is_in(place, box):
    return box.south_e6 <= place.latitude_e6 <= box.north_e6 and box.west_e6 <= place.longitude_e6 <= box.east_e6
