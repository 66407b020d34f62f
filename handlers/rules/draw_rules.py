"""The rules of a lucky draw, as they are published in a version and kept for ever.

Pure data, and its plain form: what is hashed, published and exported. Which prize a spin gets is decided by
`handlers/rules/odds.py`; what must not be published by `handlers/rules/draw_checks.py` and `draw_law.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

WHOLE = 1_000_000  # ppm; the shares of the prizes sum to exactly this
_EPOCH, _MILLISECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)


class PrizeKind(StrEnum):
    """What somebody who wins is given."""

    THANKS = "thanks"  # 谢谢参与: nothing; every table has exactly one
    BENEFIT = "benefit"  # `reference` is the benefit
    POINTS = "points"  # `amount` of them
    CHANCES = "chances"  # `amount` of further chances
    GROWTH = "growth"  # `amount` of growth
    GOODS = "goods"  # a thing that is sent to an address


@dataclass(frozen=True, slots=True)
class Release:
    """`count` units of the stock that cannot be won before `at`; what nobody won stays winnable afterwards."""

    at: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Prize:
    """One slice of the wheel. None: no limit."""

    code: str  # unique within the draw, never shown
    name: str
    kind: PrizeKind
    ppm: int  # how many of 1,000,000 rolls are its own
    rarity: int = 0  # 0 common .. 9; what pity speaks of
    value_fen: int = 0  # market value of one unit, for the law, the budget and the simulation
    amount: int = 0  # of points, chances or growth
    reference: str = ""  # which benefit
    stock: int | None = None  # at the first publication; later changes go through the stock
    daily: int | None = None  # of a business day
    releases: tuple[Release, ...] = ()  # of the stock; the rest of it can be won from the opening on
    per_member: int | None = None  # wins of one member in the whole draw
    per_member_daily: int | None = None  # wins of one member on a business day
    unlock_after: int = 0  # spins that a member must have made before
    fallback: str | None = None  # what is awarded instead when it is out or capped; None: thanks


@dataclass(frozen=True, slots=True)
class Pity:
    """What helps a member who has long had no prize of at least `rarity`.

    The counter of such spins returns to 0 when one is *awarded*; one that was rolled and was out leaves the help due.
    """

    rarity: int
    guaranteed_at: int | None = None  # the k-th spin since the last such prize rolls one for certain
    ramp_from: int | None = None  # after so many spins without one its odds rise
    ramp_ppm: int = 0  # by so much with each further spin, out of the share of thanks


@dataclass(frozen=True, slots=True)
class SpinPrice:
    """What a spin costs, in the order in which it is taken: free ones of the day, chances, points.

    `fen` and `carrier_fen` exist to be refused: money never buys a spin.
    """

    free_daily: int = 0  # business day
    takes_chances: bool = True
    points: int | None = None  # None: not for points
    fen: int = 0
    carrier_fen: int = 0


@dataclass(frozen=True, slots=True)
class Notice:
    """What the law wants to be told before the start, in words for members."""

    organiser: str = ""
    contact: str = ""
    conditions: str = ""  # who may take part, and how
    redemption: str = ""  # until when, where and how a prize is had
    delivery: str = ""  # of things
    forfeiture: str = ""  # when a prize lapses


@dataclass(frozen=True, slots=True)
class DrawRules:
    """Everything that a published version says. Instants are aware; the window is half-open."""

    title: str
    opens_at: datetime
    closes_at: datetime
    prizes: tuple[Prize, ...]
    pity: Pity | None = None
    consolation: str | None = None  # all that block-listed members can get; None: thanks
    per_member: int | None = None  # wins of one member, of whatever prize, in the whole draw
    per_member_daily: int | None = None  # and on a business day
    price: SpinPrice = SpinPrice()
    notice: Notice = Notice()


def milliseconds(at: datetime) -> int:
    """Since 1970 in UTC, rounded down. Raises TypeError for a naive instant."""
    return (at - _EPOCH) // _MILLISECOND


def instant(at: int) -> datetime:
    """The other way round."""
    return _EPOCH + at * _MILLISECOND


def plain(rules: DrawRules) -> dict[str, Any]:
    """As numbers, texts, lists and objects alone; instants are milliseconds. `rules_of` reads it back."""
    return {
        "title": rules.title,
        "opens_at": milliseconds(rules.opens_at),
        "closes_at": milliseconds(rules.closes_at),
        "prizes": [_plain_prize(prize) for prize in rules.prizes],
        "pity": _fields(rules.pity) if rules.pity else None,
        "consolation": rules.consolation,
        "per_member": rules.per_member,
        "per_member_daily": rules.per_member_daily,
        "price": _fields(rules.price),
        "notice": _fields(rules.notice),
    }


def rules_of(facts: Mapping[str, Any]) -> DrawRules:
    """From the plain form. Raises KeyError, TypeError or ValueError for what is not one."""
    prizes = tuple(
        Prize(
            **{
                **each,
                "kind": PrizeKind(each["kind"]),
                "releases": tuple(Release(instant(at), count) for at, count in each["releases"]),
            }
        )
        for each in facts["prizes"]
    )
    read = {
        "opens_at": instant(facts["opens_at"]),
        "closes_at": instant(facts["closes_at"]),
        "prizes": prizes,
        "pity": Pity(**facts["pity"]) if facts["pity"] is not None else None,
        "price": SpinPrice(**facts["price"]),
        "notice": Notice(**facts["notice"]),
    }
    return DrawRules(**{**facts, **read})


def _plain_prize(prize: Prize) -> dict[str, Any]:
    releases = [[milliseconds(each.at), each.count] for each in prize.releases]
    return {**_fields(prize), "kind": prize.kind.value, "releases": releases}


def _fields(value: Prize | Pity | SpinPrice | Notice) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}
