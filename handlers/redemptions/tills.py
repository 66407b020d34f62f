"""The lane of the counter: what clerks of one merchant scan in the same moment is decided in one transaction.

A redemption alone costs a commit and a dozen statements; a busy chain has hundreds of clerks. Scans that have nothing
to do with each other share both. Those that touch the same claim or come from the same clerk are decided one after
the other, in order of arrival, each seeing what the one before it wrote (`handlers.rules.rounds`).
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from handlers.actors import Clerk
from handlers.errors import ClerkNotSignedIn, DomainError, KeyReused, StoreNeeded, StoreUnknown, TooManyWrongCodes
from handlers.group_commit import GroupCommit
from handlers.ports import Clock, Vault
from handlers.redemptions.counter import Claims, Confirm, Laid, Shop, Sought, claims_of, lay_out, shop_of
from handlers.redemptions.daily_caps import Serving, Wanted, beyond, lock_clerks
from handlers.redemptions.redeeming import Taking, redeem_all
from handlers.redemptions.redemption_answers import Outcome
from handlers.redemptions.redemption_attempts import Counter, Wrong, wrong_codes
from handlers.redemptions.refusing import Refusing, refuse_all
from handlers.requests import Answer, Asked, recall, record, settle
from handlers.rules.rounds import rounds
from models.database import rows, together
from models.sql import as_uuid
from models.statements import redemptions as statements
from models.words import RedemptionKind

# Lanes of a process; a merchant's scans share one. A scan alone costs what thirty cost together, and thousands of shops
# are seldom busy each by itself; with two, one batch is decided while the other commits.
LANES = 2

Result = Answer[Outcome] | DomainError


@dataclass(frozen=True, slots=True)
class Call:
    """What one clerk wants redeemed, under one key; passes are taken already."""

    clerk: Clerk
    sought: tuple[Sought, ...]
    store_id: UUID | None
    device_id: str
    confirm: str | None
    bill_fen: int | None
    scanned_at: datetime | None
    address: str | None
    asked: Asked


@dataclass(frozen=True, slots=True)
class _Open:
    """A call whose clerk serves and whose store is known. `me`: whose own claims are not theirs to redeem.

    `cap`: how many codes they may redeem in a day; None: no cap.
    """

    call: Call
    me: UUID
    cap: int | None
    where: Shop
    counter: Counter


class Tills:
    """Decides calls by the batch."""

    def __init__(self, clock: Clock, vault: Vault) -> None:
        self._clock = clock
        self._vault = vault
        self._lane: GroupCommit[Call, Answer[Outcome]] = GroupCommit(
            "redemptions", self._decide, key=_scope, settle=self._settle
        )

    async def redeem(self, call: Call) -> Answer[Outcome]:
        """The receipt or the stored refusal, committed.

        Raises what is not stored: ClerkNotSignedIn, StoreUnknown, StoreNeeded, TooManyWrongCodes,
        DailyRedemptionsReached, KeyReused, Overloaded, OutcomeUnknown.
        """
        return await self._lane.submit(call.clerk.merchant_id.int % LANES, call)

    async def close(self) -> None:
        """Let those who wait be answered."""
        await self._lane.close()

    async def _decide(self, calls: Sequence[Call]) -> list[Result]:
        known, serving, shops = await together(
            recall([each.asked for each in calls], Outcome),
            lock_clerks(call.clerk.id for call in calls),
            shops_of(calls),
        )
        fresh = [each for each in calls if each.asked not in known]
        decided = await self._serve(fresh, serving, shops, self._clock.now()) if fresh else {}
        await record({asked: answer.value for asked, answer in decided.items() if isinstance(answer, Answer)})
        return [known.get(each.asked) or decided[each.asked] for each in calls]

    async def _serve(
        self,
        calls: Sequence[Call],
        serving: Mapping[UUID, Serving],
        shops: Mapping[Asked, Shop | DomainError],
        now: datetime,
    ) -> dict[Asked, Result]:
        results: dict[Asked, Result] = {}
        served: list[_Open] = []
        for call in calls:
            clerk, where = serving.get(call.clerk.id), shops[call.asked]
            if clerk is None:
                results[call.asked] = ClerkNotSignedIn()
            elif isinstance(where, DomainError):
                results[call.asked] = where
            else:
                counter = Counter.of(
                    self._vault, call.clerk, device_id=call.device_id, store_id=where.id, address=call.address, now=now
                )
                served.append(_Open(call, clerk.me, clerk.daily_redemptions, where, counter))
        # All claims of the batch are locked at once and in the order of ids, whatever the order of the rounds.
        locked = await claims_of([sought for each in served for sought in each.call.sought])
        for number, abreast in enumerate(rounds(served, lambda each: _touched(each, locked))):
            sought = [one for each in abreast for one in each.call.sought]
            results |= await self._round(abreast, await claims_of(sought) if number else locked, now)
        return results

    async def _round(self, abreast: Sequence[_Open], claims: Claims, now: datetime) -> dict[Asked, Result]:
        wrong = await wrong_codes([each.counter for each in abreast])
        results: dict[Asked, Result] = {}
        refusing: list[tuple[Asked, Refusing]] = []
        clear: list[tuple[_Open, Taking]] = []
        for each in abreast:
            call = each.call
            if (wait := each.counter.locked_for(wrong, now, codes=len(call.sought))) > 0:
                results[call.asked] = TooManyWrongCodes(retry_after=wait)
                continue
            laid = self._laid(each, claims, now)
            if any(one.against for one in laid):
                refused = Refusing(call.clerk, laid, each.where, call.device_id, call.asked.key, each.counter)
                refusing.append((call.asked, refused))
            else:
                taken = Taking(
                    call.clerk, laid, each.where, call.device_id, call.asked.key, call.bill_fen, call.scanned_at
                )
                clear.append((each, taken))
        # What the round before redeemed is counted: calls of one clerk are never in the same round.
        wanted = [Wanted(taken.clerk.id, len(taken.laid), each.cap) for each, taken in clear]
        reached = await beyond(wanted, RedemptionKind.REDEEM, now)
        results |= {each.call.asked: reached[each.call.clerk.id] for each, _ in clear if each.call.clerk.id in reached}
        taking = [(each.call.asked, taken) for each, taken in clear if taken.clerk.id not in reached]
        outcomes = await refuse_all([each for _, each in refusing], now)
        results |= {asked: Answer(outcome) for (asked, _), outcome in zip(refusing, outcomes, strict=True)}
        receipts = await redeem_all([each for _, each in taking], now)
        results |= {asked: Answer(Outcome(receipt)) for (asked, _), receipt in zip(taking, receipts, strict=True)}
        await self._forgive([each for each in abreast if isinstance(results[each.call.asked], Answer)], wrong, taking)
        return results

    def _laid(self, each: _Open, claims: Claims, now: datetime) -> list[Laid]:
        call = each.call
        brought = Confirm(call.confirm, self._vault) if call.confirm is not None else None
        return lay_out(
            call.sought, claims, call.clerk, each.me, each.where, now=now, bill_fen=call.bill_fen, confirm=brought
        )

    async def _forgive(self, served: Sequence[_Open], wrong: Wrong, taking: Sequence[tuple[Asked, Taking]]) -> None:
        redeemed = {asked for asked, _ in taking}
        for each in served:
            if each.call.asked in redeemed and each.counter.is_counted(wrong):
                await each.counter.forgive()

    async def _settle(self, calls: Sequence[Call]) -> list[Result | None]:
        happened: Mapping[Asked, Answer[Outcome] | KeyReused] = await settle([each.asked for each in calls], Outcome)
        return [happened.get(each.asked) for each in calls]


async def shops_of(calls: Sequence[Call]) -> dict[Asked, Shop | DomainError]:
    """Where each of them is at work, by one statement; StoreUnknown, StoreNeeded as `counter.shop` raises them."""
    wanted = {call.asked: call.clerk.store_id or call.store_id for call in calls}
    named = sorted({store_id for store_id in wanted.values() if store_id})
    # Whoever serves in all stores and names none is only helped where there is but one.
    open_for = sorted({call.clerk.merchant_id for call in calls if wanted[call.asked] is None})
    found = await rows(statements.STORES_OF, named, open_for)
    by_id = {as_uuid(each["id"]): each for each in found}
    shops: dict[Asked, Shop | DomainError] = {}
    for call in calls:
        store_id, merchant_id = wanted[call.asked], call.clerk.merchant_id
        if call.clerk.store_id is not None and call.store_id not in (None, call.clerk.store_id):
            shops[call.asked] = StoreUnknown()
            continue
        theirs = [each for each in found if as_uuid(each["merchant_id"]) == merchant_id]
        here = theirs if store_id is None else [by_id[store_id]] if by_id.get(store_id) in theirs else []
        if len(here) == 1:
            shops[call.asked] = shop_of(here[0])
        else:
            shops[call.asked] = StoreNeeded() if here else StoreUnknown()
    return shops


def _touched(each: _Open, claims: Claims) -> set[Hashable]:
    """What nobody else may touch in the same round: the clerk, and the claims."""
    return {each.call.clerk.id, *(claim["id"] for claim in map(claims.of, each.call.sought) if claim)}


def _scope(call: Call) -> Hashable:
    return call.asked.scope
