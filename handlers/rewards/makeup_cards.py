"""补签卡: a unit of the ledger in lots, so that every card has its cause and its end, and goes along with a merge."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from handlers.errors import BalanceShort, MakeupCardMissing
from handlers.ledger.posting import post
from handlers.points.points_terms import terms
from handlers.rewards.base import Gift, Given, Giving
from handlers.rules.ledger import MAKEUP_CARDS, Cause, Move, Side, Unit, of_member
from handlers.rules.rewards import Reward
from handlers.rules.validity import begins, day_of
from models.database import rows
from models.sql import as_instant
from models.statements import checkins as statements
from models.words import LedgerAccountKind

MOST_AT_ONCE = 10
USED = "makeup"  # the kind of cause

_ISSUED, _SPENT = Side(LedgerAccountKind.ISSUED), Side(LedgerAccountKind.SPENT)


class MakeupCardReward:
    """`amount` cards, each for one missed day; `days`: how long they live."""

    async def problem(self, reward: Reward) -> str:
        """A handful at a time, and no code."""
        if reward.code:
            return "补签卡不用填编号"
        if reward.days is not None and not 0 <= reward.days <= 3_660:
            return "补签卡的有效天数不对"
        return "" if 0 < reward.amount <= MOST_AT_ONCE else f"补签卡一次1到{MOST_AT_ONCE}张"

    async def give(self, gifts: Sequence[Gift], giving: Giving) -> Mapping[UUID, Given]:
        """One lot each."""
        unit = await _unit()
        moves = {gift.id: _given(gift, unit, giving) for gift in gifts}
        posted = await post(list(moves.values()), at=giving.at)
        return {gift_id: Given(move.amount, posted[move.cause].transfer_ids[0]) for gift_id, move in moves.items()}


def _given(gift: Gift, unit: Unit, giving: Giving) -> Move:
    reward = gift.reward
    today = day_of(giving.at, giving.zone)
    ends_at = None if reward.days is None else begins(today + timedelta(days=reward.days + 1), giving.zone)
    return Move(unit, _ISSUED, of_member(gift.member_id), reward.amount, gift.cause, expires_at=ends_at)


async def use_card(member_id: UUID, check_in_id: UUID, giving: Giving) -> None:
    """One card for one mended day, the soonest to end. Raises MakeupCardMissing, SerializationConflict."""
    move = Move(await _unit(), of_member(member_id), _SPENT, 1, Cause(USED, str(check_in_id)))
    try:
        await post([move], at=giving.at)
    except BalanceShort as short:
        raise MakeupCardMissing from short


async def cards_of(member_ids: Sequence[UUID], giving: Giving) -> int:
    """How many a person has, by the clock."""
    found = await rows(statements.CARDS_OF, list(member_ids))
    lots = [each for each in found if not each["expires_at"] or as_instant(each["expires_at"]) > giving.at]
    return sum(int(each["left_amount"]) for each in lots)


async def _unit() -> Unit:
    return Unit((await terms()).programme_id, MAKEUP_CARDS)
