"""Taking money out: what there is, asking for it, looking at it, taking it back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.accounts.accounts import Accounts
from handlers.actors import Person
from handlers.distribution.money import net
from handlers.errors import (
    DomainError,
    PaymentNotOpen,
    WithdrawalClosed,
    WithdrawalCooling,
    WithdrawalNameless,
    WithdrawalOpen,
    WithdrawalTooLarge,
    WithdrawalTooMuch,
    WithdrawalTooOften,
    WithdrawalTooSmall,
    WithdrawalUnknown,
)
from handlers.key_rotation import WITHDRAWAL_NAME
from handlers.ledger.holding import hold
from handlers.orders.ordering import openid_of
from handlers.points.points_terms import fen
from handlers.ports import Clock, Payments, Vault
from handlers.recurring import BUSINESS_ZONE
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rule_versions import RulesHeld
from handlers.rules.ledger import Cause, of_member
from handlers.rules.validity import begins, day_of
from handlers.rules.withdrawals import NAME_NEEDED_FROM_FEN, Today, Verdict, WithdrawalRules, decide, eyes
from handlers.standing import ids_of, standing
from handlers.withdrawals.moving import CAUSE, PAID_OUT, be_sent, note, take_back
from handlers.withdrawals.settling import payee_hash
from handlers.withdrawals.withdrawal_terms import TERMS
from handlers.withdrawals.withdrawal_views import (
    Confirmation,
    WithdrawalSeen,
    confirmation_of,
    instant_or_none,
    withdrawal_seen,
)
from models.database import row, rows
from models.failures import SerializationConflict
from models.identity import Member
from models.ids import new_id
from models.sql import as_uuid
from models.statements import withdrawals as statements
from models.words import WithdrawalState

# A hold ends by the clock, and money that somebody may be getting at this moment must not: nobody waits so long.
HELD_FOR = timedelta(days=36_500)
HINDRANCE = "withdrawal.open"


@dataclass(frozen=True, slots=True)
class Balance:
    """What somebody has, and by which limits it is taken out. `held_fen` is on its way."""

    available_fen: int
    held_fen: int
    is_open: bool
    least_fen: int
    most_fen: int
    name_from_fen: int
    under_way: WithdrawalSeen | None


@refusing
class Withdrawals:
    """For whoever has money here; each is asked for at most once per key."""

    def __init__(
        self, clock: Clock, vault: Vault, accounts: Accounts, payments: Payments, zone: ZoneInfo = BUSINESS_ZONE
    ) -> None:
        self._clock = clock
        self._vault = vault
        self._accounts = accounts
        self._payments = payments
        self._zone = zone

    async def balance(self, person: Person) -> Balance:
        """What they have and can take out."""
        ids, held = await ids_of(person.member_id), await TERMS.held()
        stands, open_ = await row(statements.BALANCE, ids), await row(statements.OPEN, ids)
        posted, aside = (int(stands["posted"]), int(stands["held"])) if stands else (0, 0)
        shown = await row(statements.ONE, as_uuid(open_["id"])) if open_ else None
        return Balance(
            available_fen=max(posted - aside, 0),
            held_fen=aside,
            is_open=bool(self._payments.mch_id) and held.rules.is_open,
            least_fen=held.rules.least_fen,
            most_fen=held.rules.most_fen,
            name_from_fen=NAME_NEEDED_FROM_FEN,
            under_way=withdrawal_seen(shown) if shown else None,
        )

    async def ask(self, person: Person, *, amount_fen: int, name: str = "", request_id: str) -> Answer[WithdrawalSeen]:
        """Set so much aside and send it to their wallet, after a look by operators where it is much.

        `name`: as WeChat knows them. Raises WithdrawalClosed, WithdrawalOpen, WithdrawalTooSmall, WithdrawalTooLarge,
        WithdrawalTooOften, WithdrawalTooMuch, WithdrawalCooling, WithdrawalNameless, BalanceShort, NotSignedIn,
        MemberFrozen, KeyReused.
        """
        if not self._payments.mch_id:
            raise WithdrawalClosed
        app_id = (await self._accounts.get(person.account)).app.app_id
        try:
            openid = await openid_of(self._vault, person.member_id, app_id)
        except PaymentNotOpen:
            raise WithdrawalClosed from None

        async def effect() -> WithdrawalSeen:
            return await self._write(person, amount_fen, name, app_id, payee_hash(self._vault, app_id, openid))

        facts = {"amount_fen": amount_fen, "name": self._vault.blind_index("withdrawal.name", name) if name else ""}
        return await once(person, "withdrawal", request_id, facts=facts, result=WithdrawalSeen, effect=effect)

    async def mine(self, person: Person, *, after: UUID | None, limit: int) -> list[WithdrawalSeen]:
        """Theirs, the newest first."""
        return [withdrawal_seen(each) for each in await rows(statements.MINE, person.member_id, after, limit)]

    async def one(self, person: Person, withdrawal_id: UUID) -> tuple[WithdrawalSeen, Confirmation | None]:
        """One of theirs; with it, while they have to take it, what the page for that is opened with.

        Raises WithdrawalUnknown.
        """
        found = await row(statements.OWN, person.member_id, withdrawal_id)
        if found is None:
            raise WithdrawalUnknown
        return withdrawal_seen(found), confirmation_of(found, self._clock.now())

    async def cancel(self, person: Person, withdrawal_id: UUID, *, request_id: str) -> Answer[WithdrawalSeen]:
        """Have it back: at once, or as soon as the payment service has given it up.

        Raises WithdrawalUnknown, WithdrawalNotOpen, WithdrawalMoving, NotSignedIn, MemberFrozen, KeyReused.
        """

        async def effect() -> WithdrawalSeen:
            member_id = await standing(person.member_id)
            found = await row(statements.OWN_LOCKED, member_id, withdrawal_id)
            if found is None:
                raise WithdrawalUnknown
            await take_back(found, "cancelled", person, at=self._clock.now())
            return await _seen(withdrawal_id)

        facts = {"withdrawal": withdrawal_id}
        return await once(person, "withdrawal.cancel", request_id, facts=facts, result=WithdrawalSeen, effect=effect)

    async def waits_until(self, withdrawal_id: UUID) -> datetime | None:
        """Until when its payee can take it; None: they do not have to any more."""
        found = await row(statements.ONE, withdrawal_id)
        waits = found is not None and confirmation_of(found, self._clock.now()) is not None
        return instant_or_none(found["confirm_by"]) if found is not None and waits else None

    async def hinders_leaving(self, member_ids: Sequence[UUID]) -> str | None:
        """Why somebody cannot leave yet: money of theirs is on its way."""
        return HINDRANCE if await rows(statements.OPEN, [as_uuid(each) for each in member_ids]) else None

    async def _write(self, person: Person, amount_fen: int, name: str, app_id: str, payee: str) -> WithdrawalSeen:
        # Whoever asks holds the member's row: what was taken out today, and what is under way, stays as it is read.
        now, member_id = self._clock.now(), await standing(person.member_id)
        ids, held = await ids_of(member_id), await TERMS.held()
        if held.id is None:
            raise WithdrawalClosed
        if (open_ := await row(statements.OPEN, ids)) is not None:
            raise WithdrawalOpen(withdrawal_id=str(as_uuid(open_["id"])))
        await net([member_id], at=now)  # what they owe goes first
        await self._judge(held, ids, amount_fen, has_name=bool(name), now=now)
        withdrawal_id = new_id()
        cause, state = Cause(CAUSE, str(withdrawal_id)), WithdrawalState.WAITING
        if eyes(held.rules, amount_fen):
            state = WithdrawalState.REVIEW
        ends, unit = now + HELD_FOR, await fen()
        aside = await hold(unit, of_member(member_id), amount_fen, for_=PAID_OUT, cause=cause, expires_at=ends, at=now)
        cipher = self._vault.encrypt(name, bound_to=WITHDRAWAL_NAME.bound_to(withdrawal_id)) if name else ""
        city = (await Member.get(id=member_id).only("organization_id")).organization_id  # type: ignore[attr-defined]
        place = city or held.organization_id
        facts = amount_fen, state.value, withdrawal_id.hex, app_id, self._payments.mch_id, payee, cipher, None
        if not await rows(statements.ADD, withdrawal_id, now, member_id, place, held.id, aside.id, *facts):
            raise SerializationConflict("another one was asked for meanwhile")
        await note(withdrawal_id, None, state, "asked", person, at=now)
        if state is WithdrawalState.WAITING:
            await be_sent(withdrawal_id, at=now)
        return await _seen(withdrawal_id)

    async def _judge(
        self, held: RulesHeld[WithdrawalRules], ids: Sequence[UUID], amount_fen: int, *, has_name: bool, now: datetime
    ) -> None:
        since = begins(day_of(now, self._zone), self._zone)
        taken = await row(statements.SINCE, list(ids), since)
        changed = await row(statements.CHANGED, list(ids), now - held.rules.cooling)
        verdict = decide(
            held.rules,
            amount_fen,
            Today(int(taken["number"]), int(taken["amount"])) if taken else Today(0, 0),
            changed_at=instant_or_none(changed["changed_at"]) if changed else None,
            has_name=has_name,
            now=now,
        )
        if verdict.reason:
            raise _refusal(verdict)


def _refusal(verdict: Verdict) -> DomainError:
    match verdict.reason:
        case "too_small":
            return WithdrawalTooSmall(least_fen=verdict.limit)
        case "too_large":
            return WithdrawalTooLarge(most_fen=verdict.limit)
        case "too_often":
            return WithdrawalTooOften(daily_count=verdict.limit)
        case "too_much":
            return WithdrawalTooMuch(left_fen=verdict.limit)
        case "cooling":
            return WithdrawalCooling(until=verdict.until.isoformat() if verdict.until else "")
        case "nameless":
            return WithdrawalNameless(from_fen=verdict.limit)
    return WithdrawalClosed()


async def _seen(withdrawal_id: UUID) -> WithdrawalSeen:
    found: Mapping[str, Any] | None = await row(statements.ONE, withdrawal_id)
    assert found is not None  # noqa: S101 - withdrawals are never deleted
    return withdrawal_seen(found)
