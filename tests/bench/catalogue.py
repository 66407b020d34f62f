"""What can be had: 500 offers for different people, at different times, in different numbers."""

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson

from handlers.cards.card_kinds import MEMBER_KIND
from handlers.offers.offers_on_show import REMEMBERED_SECONDS
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.offer_terms import Audience, Limit, OfferTerms, Period, Wave
from handlers.rules.validity import period_key
from models.ids import new_id
from models.words import OrganizationKind
from tests.bench.beside import fill, first_members, read, root
from tests.bench.figures import Subject
from tests.bench.load import BadAnswers, Line, write_feed, wrk
from tests.bench.pool import Published, Voucher, claim_row, publish, slot_rows
from tests.bench.processes import get
from tests.bench.town import MEMBERS, Town

OFFERS = 500
HAD = 10  # offers that each member has had before
OFFERED = "/api/v1/offers"


@contextlib.contextmanager
def catalogue(town: Town) -> Iterator[Subject]:
    """GET /offers, the first page of fifty, of all members in turn; half of them live in a city that has own offers."""
    now, above = datetime.now(UTC), root(town.stores)
    city = new_id()
    told = {"parent_id": above, "code": f"bench-{city}", "name": "临江", "kind": OrganizationKind.CITY.value}
    fill(town.stores, "organization", [{"id": city, **told}], at=now)
    people = first_members(town.stores, MEMBERS)
    at_home = "UPDATE member SET organization_id = $1 WHERE ordinal % 2 = 0 AND ordinal <= $2 RETURNING id"
    read(town.stores, at_home, city, MEMBERS)
    vouchers = [_voucher(number, now, people, city) for number in range(OFFERS)]
    _remember(town, publish(town.stores, vouchers), people, now)
    size = _checked(town)
    feed = write_feed(town.home / "offers.tsv", [Line(OFFERED, token=known.token) for known in town.members])
    load = lambda seconds: wrk(town.server.url, "GET", feed, seconds=seconds)  # noqa: E731
    yield Subject("GET", 0, size, town.server, load)


def _voucher(number: int, now: datetime, people: list[UUID], city: UUID) -> Voucher:
    """The n-th: all kinds of audience, window, stock and limit in all their combinations."""
    soon, day, month = timedelta(hours=2), timedelta(days=1), timedelta(days=30)
    audiences = (
        Audience(),
        Audience(is_members_only=False),
        Audience(card_kinds=(MEMBER_KIND,)),
        Audience(card_kinds=("gold",)),
        Audience(organizations=(city,)),
        Audience(joined_within_days=7),
        Audience(member_list=tuple(people[:50])),
    )
    windows = ((None, None), (now - month, now + month), (now + soon, None), (now - day, now + day))
    stocks = ((None, None, ()), (1_000, None, ()), (0, None, ()), (10_000, 100, ()), (5_000, None, _waves()))
    limits = ((Limit(Period.EVER, 1),), (Limit(Period.DAY, 1), Limit(Period.MONTH, 3)), (Limit(Period.WEEK, 2),))
    opens_at, closes_at = windows[number % len(windows)]
    stock, daily, waves = stocks[number % len(stocks)]
    terms = OfferTerms(
        original_price_fen=3_000,
        audience=audiences[number % len(audiences)],
        opens_at=opens_at,
        closes_at=closes_at,
        stock=stock,
        daily_stock=daily,
        waves=waves,
        limits=limits[number % len(limits)],
        is_flash_sale=bool(waves),
    )
    place = city if number % 11 == 0 else None
    return Voucher(terms, name=f"第{number}券", category=("汽车", "餐饮", "出行")[number % 3], organization_id=place)


def _waves() -> tuple[Wave, ...]:
    return Wave("00:00", 500), Wave("10:00", 500), Wave("15:00", 500)


def _remember(town: Town, offered: list[Published], people: list[UUID], now: datetime) -> None:
    """Everybody has had some of these before, so that limits say no as well."""
    for period in (Period.EVER, Period.DAY, Period.WEEK):
        fitting = [of for of in offered if of.voucher.terms.limits[0].period is period]
        claims = [
            claim_row(fitting[(place * 7 + step * 13) % len(fitting)], one, at=now)
            for place, one in enumerate(people)
            for step in range(HAD // 3)
        ]
        fill(town.stores, "claim", claims, at=now)
        fill(town.stores, "claim_slot", slot_rows(claims, period_key(period, now, BUSINESS_ZONE)), at=now)


def _checked(town: Town) -> int:
    """Bytes of a page. Raises BadAnswers unless 500 are on show by pages, with more than one reason why not."""
    reasons: set[str | None] = set()
    path, seen, token = f"{OFFERED}?limit=100", 0, town.members[0].token
    time.sleep(REMEMBERED_SECONDS + 0.2)  # until the server has read the offers again
    while True:
        status, answer = get(town.server.url, path, token)
        page = orjson.loads(answer)
        if status != 200:
            raise BadAnswers(f"GET {path}: {status}")
        seen += len(page["items"])
        reasons |= {item["reason"] for item in page["items"]}
        if page["next_cursor"] is None:
            break
        path = f"{OFFERED}?limit=100&cursor={page['next_cursor']}"
    if seen < 0.9 * OFFERS or len(reasons) < 4 or None not in reasons:
        raise BadAnswers(f"{seen} offers are on show, and the reasons are {reasons}")
    return len(get(town.server.url, OFFERED, token)[1])
