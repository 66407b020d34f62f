"""Claims taken back by operators: guarded by the graph of states, under the lock that redeeming takes too."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.claims.claims import give_back, transition
from handlers.claims.owing import owe_back
from handlers.claims.paying import return_points
from handlers.offers.offers import terms_of
from handlers.outbox import later
from handlers.requests import Actor
from handlers.rules.claim_states import USABLE, stands
from models.claims import Claim
from models.database import require_atomic, rows
from models.sql import as_instant, as_uuid
from models.statements import grants as statements
from models.words import ClaimState

REVOKED = "revoked_by_operator"
_WHY_NOT = {ClaimState.USED: "claim.used", ClaimState.PENDING: "claim.pending"}
OVER = "claim.over"


@dataclass(frozen=True, slots=True)
class TakenBack:
    """Which claims were taken back, how many units went back to their stock, and why others were not."""

    claim_ids: frozenset[UUID]
    returned: int
    refused: Mapping[UUID, str]  # codes of `grant_rows.REASONS`


async def family(claim_ids: Collection[UUID]) -> list[Mapping[str, Any]]:
    """These claims and the parts of those that are packages, locked in the order of ids, as redeeming locks them."""
    require_atomic()
    members = await Claim.filter(id__in=sorted(claim_ids)).values_list("member_id", flat=True)
    return list(await rows(statements.LOCK_FAMILY, sorted(claim_ids), sorted(set(members)))) if members else []


async def take_back(
    claim_ids: Collection[UUID],
    *,
    actor: Actor,
    at: datetime,
    to_stock: bool = False,
    only_unused: bool = False,
    is_told: bool = True,
    reason: str = REVOKED,
) -> TakenBack:
    """Revoke claims, a package with its parts that still stand, inside the open transaction.

    Units go back where the offer says so, or where `to_stock` does; what was used or was given a third party's code
    keeps its unit. `only_unused`: nothing of which anything was used. Claims unknown here are missing from the answer.
    """
    found = await family(claim_ids)
    by_id = {as_uuid(each["id"]): each for each in found}
    parts: dict[UUID, list[Mapping[str, Any]]] = {}
    for each in found:
        if each["package_id"]:
            parts.setdefault(as_uuid(each["package_id"]), []).append(each)
    states: dict[UUID, ClaimState] = {}
    accepted, refused = [], {}
    for claim_id in sorted(set(claim_ids) & by_id.keys()):
        theirs = [by_id[claim_id], *parts.get(claim_id, ())]
        state = _stands(by_id[claim_id], at)
        if state not in USABLE:
            refused[claim_id] = _WHY_NOT.get(state, OVER)
            continue
        if only_unused and any(each["uses_left"] < each["uses_total"] for each in theirs):
            refused[claim_id] = "claim.used"
            continue
        accepted.append(claim_id)
        states |= {as_uuid(each["id"]): ClaimState(each["state"]) for each in theirs if _stands(each, at) in USABLE}
    moved = await transition(states, ClaimState.REVOKED, reason=reason, actor=actor, at=at)
    taken = frozenset(claim_id for claim_id in accepted if claim_id in moved)
    await return_points(taken, at=at)
    if reason == REVOKED:  # who sends money back says so, and does it
        await owe_back(taken, at=at)
    returned = await give_back(await _returning([by_id[claim_id] for claim_id in taken], to_stock=to_stock))
    for claim_id in sorted(taken) if is_told else ():
        owner = str(as_uuid(by_id[claim_id]["owner_id"]))
        facts = {"member_id": owner, "benefit": by_id[claim_id]["name"]}
        await later("say_revoked", key=f"revoked:{claim_id}", at=at, order_key=f"chat:{owner}", **facts)
    return TakenBack(taken, returned, refused)


def _stands(found: Mapping[str, Any], at: datetime) -> ClaimState:
    expires_at = as_instant(found["expires_at"]) if found["expires_at"] else None
    return stands(ClaimState(found["state"]), expires_at, at)


async def _returning(taken: Collection[Mapping[str, Any]], *, to_stock: bool) -> list[UUID]:
    if to_stock:
        return [as_uuid(each["id"]) for each in taken]
    versions = {as_uuid(each["id"]): (as_uuid(each["offer_id"]), int(each["offer_version"])) for each in taken}
    terms = await terms_of(set(versions.values()))
    return [claim_id for claim_id, version in versions.items() if terms[version].returns_to_stock]
