"""The other half of a redemption: why not, on record, guesses counted. The transaction commits nevertheless."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.actors import Clerk
from handlers.redemptions.counter import Laid, Shop
from handlers.redemptions.redemption_answers import Asker, Outcome
from handlers.redemptions.redemption_attempts import TOGETHER, Attempt, Counter, count_all, note_all
from handlers.rules.redemption import Reason
from models.database import rows
from models.sql import as_uuid
from models.statements import redemptions as statements


@dataclass(frozen=True, slots=True)
class Refusing:
    """A call of which at least one code speaks against itself."""

    clerk: Clerk
    laid: Sequence[Laid]
    where: Shop
    device_id: str
    key: str  # empty for a preview
    counter: Counter


async def refuse_all(refused: Sequence[Refusing], now: datetime) -> list[Outcome]:
    """Record and count, and say of each call the one reason. Nothing else is written."""
    if not refused:
        return []
    laid = [one for each in refused for one in each.laid]
    firsts = await _firsts(laid)
    names: dict[UUID, dict[str, str]] = {}
    for merchant_id in sorted({each.clerk.merchant_id for each in refused if _is_elsewhere(each.laid)}):
        found = await rows(statements.STORE_NAMES, merchant_id)
        names[merchant_id] = {each["code"]: each["name"] for each in found}
    await count_all([(each.counter, _guesses(each.laid)) for each in refused], now)
    outcomes, attempts = [], []
    for each in refused:
        # A pass that another scan has, and nothing was redeemed by it (yet, or any more): show a new one.
        told = [
            replace(one, against=Reason.INVALID)
            if one.against is Reason.ALREADY_REDEEMED and one.claim_id not in firsts
            else one
            for one in each.laid
        ]
        attempts += [_attempt(each, one, now) for one in told]
        stores = names.get(each.clerk.merchant_id, {})
        asker = Asker(each.clerk, each.where, each.device_id)
        outcomes.append(Outcome.refusal(told, firsts=firsts, store_names=stores, asker=asker, now=now))
    await note_all(attempts)
    return outcomes


async def _firsts(laid: Sequence[Laid]) -> dict[UUID, Mapping[str, Any]]:
    used = sorted({one.claim_id for one in laid if one.against is Reason.ALREADY_REDEEMED and one.claim_id})
    firsts: dict[UUID, Mapping[str, Any]] = {}
    for found in await rows(statements.STANDING, used) if used else []:
        firsts.setdefault(as_uuid(found["claim_id"]), found)
    return firsts


def _is_elsewhere(laid: Sequence[Laid]) -> bool:
    return any(one.against is Reason.WRONG_STORE for one in laid)


def _guesses(laid: Sequence[Laid]) -> int:
    return sum(one.against is Reason.INVALID and not one.sought.is_over for one in laid)


def _attempt(each: Refusing, one: Laid, now: datetime) -> Attempt:
    outcome = one.against.value if one.against else TOGETHER
    return Attempt(
        each.clerk.id, each.where.id, one.claim_id, each.device_id, each.key, one.sought.hashed, outcome, now
    )
