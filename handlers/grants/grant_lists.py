"""A list on its way in: whom its rows mean, and the dry run, which says what would become of each. Nothing is given.

Only who is meant is kept, never the line; of a top-up the number too, encrypted, until the row is settled. The dry run
writes an expectation on rows that wait; what counts is decided again when the row's turn comes.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from handlers.benefits.kinds import fulfiller
from handlers.claims.counters import slots_of
from handlers.errors import GrantNotForOffer, OfferUnknown
from handlers.grants.grant_stock import periods_of, seen_left
from handlers.grants.recharge_numbers import MISSING, keep, numbered
from handlers.grants.recipients import found
from handlers.offers.offers import published
from handlers.ports import Vault
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.benefit_terms import CodeCouponTerms
from handlers.rules.claim_slots import LimitFull, free_slots
from handlers.rules.eligibility import PublishedOffer
from handlers.rules.grant_rows import Recipient
from handlers.rules.offer_terms import Limit
from handlers.rules.organization_scope import Scope
from models.benefits import CodePool
from models.claims import PoolCode
from models.database import atomic, require_atomic, rows
from models.grants import GrantBatch, GrantRow
from models.ids import new_id
from models.sql import as_uuid
from models.statements import grants as statements
from models.words import GrantRowState, OfferState

BATCH = 500
LIMIT, STOCK = "offer.limit_reached", "offer.sold_out"
Read = tuple[int, Recipient | str]  # the line's number, and whom it means or why it was not understood


async def grantable(offer_id: UUID, choices: Sequence[str] = ()) -> PublishedOffer:
    """The offer, as it is published. A paused one may be prepared; it is given once it is resumed.

    Raises OfferUnknown, GrantNotForOffer, ChoicesInvalid.
    """
    offer = (await published([offer_id])).get(offer_id)
    if offer is None:
        raise OfferUnknown
    if offer.state not in (OfferState.PUBLISHED, OfferState.PAUSED):
        raise GrantNotForOffer(why="它没有发布，或者已经结束")
    if offer.terms.waves and offer.terms.stock is None and offer.terms.daily_stock is None:
        raise GrantNotForOffer(why="它只有分场库存，名单从总库存发放，请先设置总库存")
    fulfiller(offer.benefit.kind).check_choices(offer.benefit.terms, tuple(sorted(choices)))
    return offer


async def add_rows(
    grant_id: UUID, offer: PublishedOffer, read: Sequence[Read], *, scope: Scope | None, vault: Vault, now: datetime
) -> None:
    """Rows of a list, inside the open transaction; a member once, under whatever name."""
    require_atomic()
    meant = [(number, each) for number, each in read if isinstance(each, Recipient)]
    people = await found([each for _, each in meant], scope=scope, vault=vault)
    answers = {number: answer for (number, _), answer in zip(meant, people, strict=True)}
    known = [member_id for member_id, _ in people if member_id]
    named = {as_uuid(each["member_id"]) for each in await rows(statements.NAMED, grant_id, known)} if known else set()
    takes_number = fulfiller(offer.benefit.kind).takes_number
    written, numbers = [], []
    for number, each in read:
        member_id, code = answers.get(number, (None, each if isinstance(each, str) else ""))
        recharge_to = each.recharge_to if isinstance(each, Recipient) else ""
        if member_id in named:
            member_id, code = None, "member.repeated"
        elif member_id and recharge_to and not takes_number:
            member_id, code = None, "recharge_to.unwanted"
        elif member_id:
            named.add(member_id)
        row_id = new_id()
        if member_id and recharge_to:
            numbers.append((row_id, recharge_to))
        written.append(
            {
                "id": str(row_id),
                "row_number": number,
                "member_id": str(member_id) if member_id else None,
                "quantity": each.quantity if isinstance(each, Recipient) else 1,
                "state": GrantRowState.REFUSED if code else GrantRowState.WAITING,
                "code": code,
            }
        )
    await rows(statements.ADD_ROWS, orjson.dumps(written).decode(), now, grant_id)
    await keep(numbers, vault=vault)


class DryRun:
    """Goes through the rows that wait, in their order, and writes down what is to be expected of each."""

    def __init__(
        self, grant: GrantBatch, offer: PublishedOffer, *, now: datetime, zone: ZoneInfo = BUSINESS_ZONE
    ) -> None:
        self._grant = grant
        self._offer = offer
        self._now = now
        self._zone = zone
        self._left: int | None = None
        self._last = 0

    async def all(self) -> None:
        """Every batch in a transaction of its own; again, it says the same or what has changed."""
        await self.begin()
        while True:
            async with atomic():
                if await self.batch() < BATCH:
                    return

    async def begin(self) -> None:
        """What is there at the start: of the counters, and of the codes."""
        left = await seen_left(self._offer, self._now, self._zone)
        terms = self._offer.benefit.terms
        if isinstance(terms, CodeCouponTerms):
            pool = await CodePool.get_or_none(code=terms.pool)
            codes = await PoolCode.filter(pool_id=pool.id, claim_id__isnull=True).count() if pool else 0
            left = codes if left is None else min(left, codes)
        self._left = left

    async def batch(self) -> int:
        """The next rows; how many there were."""
        waiting = GrantRow.filter(
            grant_id=self._grant.id, state=GrantRowState.WAITING, row_number__gt=self._last
        ).order_by("row_number")
        listed = await waiting.limit(BATCH).values_list("id", "row_number", "member_id", "quantity")
        periods = periods_of(self._offer, self._now, self._zone)
        taken = await slots_of([self._offer.id], [member_id for _, _, member_id, _ in listed], list(periods.values()))
        takes_number = fulfiller(self._offer.benefit.kind).takes_number
        reached = await numbered({each[0]: each[2] for each in listed}) if takes_number else frozenset()
        expected = []
        for row_id, number, member_id, quantity in listed:
            self._last = number
            held = {period: taken.get((self._offer.id, member_id, period), []) for period in periods.values()}
            is_lost = takes_number and row_id not in reached
            code = MISSING if is_lost else self._expected(held, periods, quantity)
            expected.append({"id": str(row_id), "code": code})
        if expected:
            await rows(statements.EXPECT, orjson.dumps(expected).decode())
        return len(listed)

    def _expected(self, held: Mapping[str, list[int]], periods: Mapping[Limit, str], quantity: int) -> str:
        if not self._grant.is_beyond_limits:
            try:
                free_slots(periods, held, quantity)
            except LimitFull:
                return LIMIT
        if self._left is not None:
            if self._left < quantity:
                return STOCK
            self._left -= quantity
        return ""
