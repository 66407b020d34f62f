"""Pools of codes for tests: a code coupon with its pool, codes in it, and claims that want one."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from handlers.benefits.code_imports import code_hash
from handlers.key_rotation import POOL_CODE
from models.benefits import Benefit, CodePool, Offer
from models.claims import Claim, ClaimEvent, CodeImport, PoolCode
from models.ids import new_id
from models.organizations import Organization
from models.words import BenefitKind, ClaimSource, ClaimState, OfferState


async def a_pool(code: str = "cinema", *, organization: Organization | None = None, expires_at=None) -> CodePool:
    """An empty pool of a code coupon in the pool of benefits."""
    benefit = await Benefit.create(
        organization=organization or await Organization.get(parent=None),
        code=f"{code}-coupon",
        name="电影票",
        kind=BenefitKind.CODE_COUPON,
        terms={"pool": code},
    )
    return await CodePool.create(benefit=benefit, code=code, name="电影票码", expires_at=expires_at)


async def fill(rooms, pool: CodePool, codes: Sequence[str]) -> None:
    """These codes, in this order, as if by a file."""
    file = await CodeImport.create(
        pool=pool, file_hash=str(new_id()), file_name="codes.csv", row_count=len(codes), added_count=len(codes)
    )
    made = []
    for code in codes:
        code_id = new_id()
        cipher = rooms.vault.encrypt(code, bound_to=POOL_CODE.bound_to(code_id))
        hashed = code_hash(rooms.vault, code)
        made.append(PoolCode(id=code_id, pool=pool, code_import=file, code_hash=hashed, code_cipher=cipher))
    await PoolCode.bulk_create(made, batch_size=500)


async def an_offer(pool: CodePool) -> Offer:
    """By which the pool's benefit is had."""
    benefit = await pool.benefit
    found = await Offer.get_or_none(code=f"{pool.code}-offer")
    return found or await Offer.create(
        benefit=benefit,
        organization_id=benefit.organization_id,
        code=f"{pool.code}-offer",
        state=OfferState.PUBLISHED,
        version=1,
    )


async def write_claim(rooms, offer: Offer, member_id: UUID) -> UUID:
    """A claim without a code, as the lane writes it a moment before the code is given."""
    claim_id, now = new_id(), rooms.clock.now()
    await Claim.create(
        id=claim_id,
        member_id=member_id,
        offer=offer,
        offer_version=1,
        benefit_id=offer.benefit_id,
        source=ClaimSource.MINI_PROGRAM,
        state=ClaimState.ISSUED,
        claimed_at=now,
        valid_from=now,
        code_hash=str(claim_id),
    )
    await went(claim_id, "", ClaimState.ISSUED, at=now)
    return claim_id


async def went(claim_id: UUID, before: str, after: ClaimState, *, at: datetime) -> None:
    """The record of one edge of a claim's."""
    await ClaimEvent.create(claim_id=claim_id, from_state=before, to_state=after, reason="test", happened_at=at)
