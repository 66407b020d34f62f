"""How far two places are from each other, and within which degrees everything near one of them lies."""

import math
from dataclasses import dataclass

E6 = 1_000_000
FARTHEST_NORTH, FARTHEST_EAST = 90 * E6, 180 * E6
EARTH_RADIUS_METRES = (
    6_371_008.8  # the mean one (IUGG); walls and streets differ by far more than a sphere from the earth
)

FARTHEST_METRES = math.ceil(EARTH_RADIUS_METRES * math.pi)  # to the other side


@dataclass(frozen=True, slots=True)
class Position:
    """Millionths of a degree, GCJ-02 as WeChat's maps have it."""

    latitude_e6: int
    longitude_e6: int


@dataclass(frozen=True, slots=True)
class Box:
    """From south to north and from west to east, both ends included."""

    south_e6: int
    north_e6: int
    west_e6: int
    east_e6: int


EVERYWHERE = Box(-FARTHEST_NORTH, FARTHEST_NORTH, -FARTHEST_EAST, FARTHEST_EAST)


def metres_between(one: Position, other: Position) -> int:
    """Along the surface, by the haversine formula, rounded to the nearest metre."""
    south, north = math.radians(one.latitude_e6 / E6), math.radians(other.latitude_e6 / E6)
    east = math.radians((other.longitude_e6 - one.longitude_e6) / E6)
    half = math.sin((north - south) / 2) ** 2 + math.cos(south) * math.cos(north) * math.sin(east / 2) ** 2
    return round(2 * EARTH_RADIUS_METRES * math.asin(math.sqrt(min(half, 1.0))))


def box_around(centre: Position, metres: int) -> Box:
    """A box that holds everything whose distance is told as at most `metres`; corners are farther away.

    Where it would pass a pole or the line of 180 degrees, it holds every longitude.
    """
    angle = (metres + 1) / EARTH_RADIUS_METRES  # distances are told rounded
    if angle >= math.pi / 2:
        return EVERYWHERE
    high = math.ceil(math.degrees(angle) * E6)
    south, north = centre.latitude_e6 - high, centre.latitude_e6 + high
    if south <= -FARTHEST_NORTH or north >= FARTHEST_NORTH:
        return Box(max(south, -FARTHEST_NORTH), min(north, FARTHEST_NORTH), -FARTHEST_EAST, FARTHEST_EAST)
    # Meridians come together: the widest place is nearer to the pole than the centre.
    wide = math.ceil(math.degrees(math.asin(math.sin(angle) / math.cos(math.radians(centre.latitude_e6 / E6)))) * E6)
    west, east = centre.longitude_e6 - wide, centre.longitude_e6 + wide
    if west < -FARTHEST_EAST or east > FARTHEST_EAST:
        return Box(south, north, -FARTHEST_EAST, FARTHEST_EAST)
    return Box(south, north, west, east)
