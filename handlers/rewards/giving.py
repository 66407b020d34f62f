"""Giving what acts are due: kind by kind for all of them at once, each on record with what came of it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from handlers.rewards import KINDS
from handlers.rewards.base import Gift, Given, Giving
from handlers.rules.rewards import MOST_REWARDS, DueReward, Reward
from models.database import require_atomic, rows
from models.failures import SerializationConflict
from models.ids import new_id
from models.sql import dump_rows
from models.statements import checkins as statements
from models.words import RewardedAct


@dataclass(frozen=True, slots=True)
class Awarded:
    """What an act (by its row) is due, for a member by the canonical id."""

    act_id: UUID
    member_id: UUID
    due: DueReward


@dataclass(frozen=True, slots=True)
class Rewarded:
    """What came of it: `amount` of the `wanted` one, and why it is less. `part` says what for."""

    part: str
    kind: str
    code: str
    wanted: int
    amount: int
    cut_by: str


async def give(act: RewardedAct, awarded: Sequence[Awarded], giving: Giving) -> dict[UUID, tuple[Rewarded, ...]]:
    """All of it, by act, inside the open transaction with the members' rows locked.

    Raises SerializationConflict (decide again: one of them was given meanwhile), EarningRuleUnknown.
    """
    require_atomic()
    gifts = {new_id(): each for each in awarded}
    by_kind: defaultdict[str, list[Gift]] = defaultdict(list)
    for gift_id, each in gifts.items():
        by_kind[each.due.reward.kind].append(Gift(gift_id, act, each.member_id, each.due.reward))
    given: dict[UUID, Given] = {}
    for kind in (name for name in KINDS if name in by_kind):
        given |= await KINDS[kind].give(by_kind[kind], giving)
    told: defaultdict[UUID, tuple[Rewarded, ...]] = defaultdict(tuple)
    listed = []
    for gift_id, each in gifts.items():
        came, reward = given[gift_id], each.due.reward
        listed.append(
            {
                "id": gift_id,
                "act_id": each.act_id,
                "part": each.due.part,
                "place": each.due.place,
                "member_id": each.member_id,
                "kind": reward.kind,
                "code": reward.code,
                "wanted": reward.amount,
                "amount": came.amount,
                "given_id": came.given_id,
                "cut_by": came.cut_by,
            }
        )
        one = Rewarded(each.due.part, reward.kind, reward.code, reward.amount, came.amount, came.cut_by)
        told[each.act_id] += (one,)
    if listed and len(await rows(statements.ADD_REWARDS, dump_rows(listed), giving.at, act)) < len(listed):
        raise SerializationConflict("a reward was given meanwhile")
    return dict(told)


async def problems_of(parts: Mapping[str, Sequence[Reward]]) -> list[tuple[str, str]]:
    """What keeps rewards from being promised: the field they stand in, and why, in words for operators."""
    problems = []
    for field, rewards in parts.items():
        if len(rewards) > MOST_REWARDS:
            problems.append((field, f"每一项最多{MOST_REWARDS}种奖励"))
        for reward in rewards:
            kind = KINDS.get(reward.kind)
            if why := f"没有“{reward.kind}”这种奖励" if kind is None else await kind.problem(reward):
                problems.append((field, why))
    return problems
