"""Points at accounts outside: held, then taken or let go, and what a crash left open settled by the clock.

Each step is written before the account is asked for it and after it has answered, never while. A wish that nobody
decides about within two minutes is let go, by the row: a claim that comes later finds no hold.
"""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from prometheus_client import Counter

from handlers.errors import (
    OutsidePhoneMissing,
    OutsidePointsRefused,
    OutsidePointsShort,
    OutsidePointsUnclear,
    OutsideUnavailable,
    StillRunning,
)
from handlers.identity.proofs import bound_to
from handlers.key_rotation import SUPPLIER_SECRET
from handlers.outbox import later
from handlers.ports import Clock, OutsidePoints, OutsideSays, SupplierAccess, Vault
from handlers.retrying import again, refusing
from handlers.rules.outside_holds import PATIENCE, UNDECIDED, Act, after, contradicts, next_act, pause_after
from handlers.rules.phones import normalise
from handlers.standing import canonical
from models.database import atomic, require_atomic, row, rows
from models.failures import SerializationConflict
from models.identity import Identifier
from models.ids import new_id
from models.sql import as_instant, as_uuid, dump_rows
from models.statements import outside_points as statements
from models.statements import outside_shares as shares
from models.words import IdentifierStatus, Namespace, OutsideHeard, OutsideHoldState

AT_ONCE = 10  # holds that one poll asks about at the same time
BATCH = 200
HINDRANCE = "outside_points.under_way"
HOME = "86"
JOB = "settle_outside_hold"
SHORT = "short"  # the account's word for having fewer than are wanted

LOST = Counter("fanpiao_outside_points_lost", "Holds that an account let go although the claim was given.")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OutsideWish:
    """What is to be held, for which wish. `account`: the supplier's code; `key`: the same for the same wish."""

    member_id: UUID
    offer_id: UUID
    account: str
    points: int
    key: str


@dataclass(frozen=True, slots=True)
class Held:
    """Points that an account holds for a wish."""

    id: UUID
    account: str
    points: int


async def held(hold_ids: Collection[UUID]) -> frozenset[UUID]:
    """Those that stand, locked until the open transaction ends."""
    require_atomic()
    return frozenset(as_uuid(each["id"]) for each in await rows(statements.HELD, sorted(hold_ids)))


async def spend(paid: Mapping[UUID, UUID], *, at: datetime) -> None:
    """Holds that claims (the first of each wish) were given for, inside the transaction that gives them.

    Raises SerializationConflict for one that does not stand: whoever decides has locked them.
    """
    require_atomic()
    if not paid:
        return
    wanted = dump_rows([{"id": hold_id, "claim_id": claim_id} for hold_id, claim_id in sorted(paid.items())])
    if len(await rows(statements.PAY, wanted, at)) < len(paid):
        raise SerializationConflict("a hold was let go while it was locked")
    for hold_id in sorted(paid):
        await _settle_soon(hold_id, at)


@refusing
class OutsideHolds:
    """Speaks with accounts outside about the points of our members."""

    def __init__(self, clock: Clock, vault: Vault, points: OutsidePoints) -> None:
        self._clock = clock
        self._vault = vault
        self._points = points

    async def hold(self, wish: OutsideWish) -> Held:
        """Hold them; the account is asked once, and once what became of it where its answer is none.

        Raises OutsidePhoneMissing, OutsideUnavailable (nothing happened), OutsidePointsShort, OutsidePointsRefused,
        OutsidePointsUnclear (whatever is held is let go), StillRunning (the same wish is under way), VaultError.
        """
        found = await row(statements.ACCOUNT, wish.account)
        name = found["name"] if found else ""
        if found is None or found["is_paused"]:
            raise OutsideUnavailable(account=name)
        number = await self._number(wish.member_id)
        if number is None:
            raise OutsidePhoneMissing(account=name)
        opened = await again(lambda: self._begin(wish, name))
        access = self._access(opened)
        says = await self._points.hold(access, opened["hold_no"], account=number, points=wish.points)
        if says.heard is OutsideHeard.UNKNOWN:
            says = await self._points.query(access, opened["hold_no"])
        state = await again(lambda: self._heard(opened["id"], OutsideHoldState.BEGUN, says, wish.points))
        if state is OutsideHoldState.HELD:
            return Held(as_uuid(opened["id"]), wish.account, wish.points)
        if state is OutsideHoldState.REFUSED:
            if says.reason == SHORT:
                raise OutsidePointsShort(account=name, needed=wish.points)
            raise OutsidePointsRefused(account=name)
        await self.release(as_uuid(opened["id"]))
        raise OutsidePointsUnclear(account=name)

    async def release(self, hold_id: UUID) -> None:
        """Nothing came of it: let go soon. Of one that was paid with, or is over, nothing changes."""

        async def attempt() -> None:
            async with atomic():
                if (found := await row(statements.LOCKED, hold_id)) is not None:
                    await _let_go(found, at=self._clock.now())

        await again(attempt)

    async def look(self, hold_id: UUID) -> None:
        """Take what was given for, let go what was not; what is unclear is asked about before it is asked for again."""
        found, act, is_first = await again(lambda: self._take_look(hold_id))
        if act is Act.LEAVE:
            return
        access, number = self._access(found), found["hold_no"]
        state = OutsideHoldState.POSTING if act is Act.POST else OutsideHoldState.VOIDING
        if not is_first:
            says = await self._points.query(access, number)
            moved = await again(lambda: self._heard(hold_id, state, _settled_only(says), int(found["points"])))
            if moved is not state or says.heard is OutsideHeard.UNKNOWN:
                return
        says = await (self._points.post if act is Act.POST else self._points.void)(access, number)
        await again(lambda: self._heard(hold_id, state, says, int(found["points"])))

    async def poll(self) -> int:
        """Look at every hold whose time has come; how many there were. One that fails keeps none of the others."""
        due = [as_uuid(each["id"]) for each in await rows(statements.DUE, self._clock.now(), BATCH)]
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(hold_id: UUID) -> None:
            async with gate:
                try:
                    await self.look(hold_id)
                except Exception as error:
                    log.exception(
                        "outside_hold_not_looked_at", extra={"hold_id": str(hold_id), "error": type(error).__name__}
                    )

        await asyncio.gather(*map(one, due))
        return len(due)

    async def hinders_leaving(self, member_ids: Sequence[UUID]) -> str | None:
        """Why somebody cannot leave yet: what an account outside holds or gives back must be settled."""
        for still_open in (statements.OPEN_OF, shares.OPEN_OF):
            if await rows(still_open, list(member_ids)):
                return HINDRANCE
        return None

    async def _begin(self, wish: OutsideWish, name: str) -> Mapping[str, Any]:
        async with atomic():
            now, hold_id = self._clock.now(), new_id()
            facts = (wish.account, wish.member_id, wish.offer_id, hold_id.hex, wish.key, wish.points, now + PATIENCE)
            if not await rows(statements.BEGIN, hold_id, now, *facts):
                account = await row(statements.ACCOUNT, wish.account)
                if account is None or account["is_paused"]:  # just now
                    raise OutsideUnavailable(account=name)
                raise StillRunning(retry_after=1)
            opened = await row(statements.ONE, hold_id)
            assert opened is not None  # noqa: S101 - it was just written
            self._access(opened)  # a secret that cannot be read must not leave a hold that seems asked for
            return opened

    async def _take_look(self, hold_id: UUID) -> tuple[Mapping[str, Any], Act, bool]:
        """Whose look this is, what is to be done, and whether the account was not asked for it before."""
        async with atomic():
            found, now = await row(statements.LOCKED, hold_id), self._clock.now()
            if found is None or as_instant(found["look_at"]) > now:
                return {}, Act.LEAVE, False
            state = await _let_go(found, at=now)  # what nobody decided about in time
            looks = int(found["look_count"]) if state.value == found["state"] else 0
            if not await rows(statements.TAKE_LOOK, hold_id, now, now + pause_after(looks + 1)):
                return {}, Act.LEAVE, False
            return found, next_act(state), looks == 0

    async def _heard(
        self, hold_id: UUID, asked_in: OutsideHoldState, says: OutsideSays, points: int
    ) -> OutsideHoldState:
        """Take an answer in, if the hold still stands where it was asked about; where it stands then."""
        async with atomic():
            found = await row(statements.LOCKED, hold_id)
            assert found is not None  # noqa: S101 - rows of holds stay
            state, now = OutsideHoldState(found["state"]), self._clock.now()
            facts = {"hold_id": str(hold_id), "state": state.value, "heard": says.heard.value}
            if says.points not in {None, points}:  # about something else: settles nothing of ours
                log.error("outside_hold_mismatch", extra=facts)
                return state
            if contradicts(state, says.heard):
                log.error("outside_hold_contradicted", extra=facts)
            following = after(state, says.heard) if state is asked_in else None
            if following is None:
                return state
            look_at = now + PATIENCE if following is OutsideHoldState.HELD else now  # so long it waits for its claim
            await _move(hold_id, state, following, at=now, look_at=look_at, reason=says.reason)
            if following is OutsideHoldState.LOST:
                LOST.inc()
                log.error("outside_points_lost", extra=facts)
            return following

    async def _number(self, member_id: UUID) -> str | None:
        """By which the account knows them: their own verified mainland number."""
        phone = await Identifier.get_or_none(
            member_id=await canonical(member_id),
            namespace=Namespace.PHONE,
            scope=HOME,
            status=IdentifierStatus.ACTIVE,
        )
        if phone is None:
            return None
        return normalise(self._vault.decrypt(phone.value_cipher, bound_to=bound_to(phone.id)), HOME)

    def _access(self, found: Mapping[str, Any]) -> SupplierAccess:
        bound = SUPPLIER_SECRET.bound_to(as_uuid(found["supplier_id"]))
        return SupplierAccess(
            found["supplier"], found["api_url"], self._vault.decrypt(found["secret_cipher"], bound_to=bound)
        )


def _settled_only(says: OutsideSays) -> OutsideSays:
    """What a question before a further call settles. That there is no such hold is for the call itself to say."""
    return OutsideSays(OutsideHeard.UNKNOWN) if says.heard is OutsideHeard.ABSENT else says


async def _settle_soon(hold_id: UUID, at: datetime) -> None:
    await later(JOB, key=f"outside_hold:{hold_id}", at=at, hold_id=hold_id)


async def _let_go(found: Mapping[str, Any], *, at: datetime) -> OutsideHoldState:
    """From undecided to letting go, under the lock; where it stands then."""
    state = OutsideHoldState(found["state"])
    if state not in UNDECIDED:
        return state
    hold_id = as_uuid(found["id"])
    await _move(hold_id, state, OutsideHoldState.VOIDING, at=at, look_at=at, reason=found["last_reason"])
    await _settle_soon(hold_id, at)
    return OutsideHoldState.VOIDING


async def _move(
    hold_id: UUID, before: OutsideHoldState, to: OutsideHoldState, *, at: datetime, look_at: datetime, reason: str
) -> None:
    """One edge, under the lock. Raises SerializationConflict."""
    if not await rows(statements.MOVE, hold_id, before.value, to.value, at, look_at, reason):
        raise SerializationConflict("a hold moved while it was locked")
