"""Clerks of two merchants with live tokens, and the rows of the first one's counter, for the matrix of foreign rows."""

import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID

from handlers.identity.sessions import hash_token
from models.benefits import CodePool
from models.claims import Claim, CodeImport
from models.identity import Member
from models.ids import new_id
from models.offline import OfflineConflict
from models.operators import Operator
from models.organizations import Organization
from models.payouts import PayoutBatch
from models.programmes import Merchant, Store
from models.redemptions import Clerk, ClerkInvitation, ClerkSession, Redemption
from models.settlement import SettlementStatement
from models.words import ClaimSource, ClaimState, ClerkRole, RedemptionKind

FIGURES = ("count", "fen", "operator_fen", "merchant_fen")
STATED = ("late_count", *(f"{act}_{what}" for act in ("redeemed", "reversed") for what in FIGURES))


async def counter_of(member: Member, served_by: Member, facts: dict[str, object]) -> dict[str, object]:
    """A claim of the member's that a clerk of the store redeemed, an invitation, and a pool of codes."""
    now = datetime.now(UTC)
    where = {"merchant_id": facts["merchant_id"], "store_id": facts["store_id"]}
    clerk = await Clerk.create(member=served_by, role=ClerkRole.MANAGER, name="阿美", **where)
    operator = facts["operator_id"]
    invitation = await ClerkInvitation.create(
        token_hash="i" * 64, name="阿丽", invited_by_id=operator, expires_at=now + timedelta(days=1), **where
    )
    claim = await Claim.create(
        member=member,
        offer_id=facts["offer_id"],
        offer_version=1,
        benefit_id=facts["benefit_id"],
        source=ClaimSource.MINI_PROGRAM,
        state=ClaimState.PARTLY_USED,
        uses_total=3,
        uses_left=2,
        claimed_at=now,
        valid_from=now,
        code_hash="c" * 64,
    )
    redemption = await Redemption.create(
        kind=RedemptionKind.REDEEM,
        claim=claim,
        benefit_id=facts["benefit_id"],
        clerk=clerk,
        device_id="till",
        receipt="R1",
        redeemed_at=now,
        **where,
    )
    statement = await SettlementStatement.create(
        merchant_id=facts["merchant_id"],
        business_on="2026-03-01",
        ends_at=datetime(2026, 3, 1, 16, tzinfo=UTC),
        closed_at=now,
        hash="h" * 64,
        sums=[],
        **dict.fromkeys(STATED, 0),
    )
    conflict = await OfflineConflict.create(
        **where,
        clerk=clerk,
        claim=claim,
        displaced=redemption,
        counted=redemption,
        device_id="till",
        given_at=now,
        found_at=now,
    )
    pool = await CodePool.create(benefit_id=facts["benefit_id"], code="northcodes", name="北城券码")
    # The same id as a file of cards: both are `import_id` in an address.
    await CodeImport.create(id=facts["import_id"], pool=pool, file_hash="f", file_name="codes.csv")
    finance = await Operator.get(login="north")
    batch = await PayoutBatch.create(
        organization_id=finance.organization_id,
        number="P20260301-north",
        until_on="2026-03-01",
        amount_fen=100,
        proposed_by=finance,
    )
    return {
        "payout_id": batch.id,
        "clerk_id": clerk.id,
        "invitation_id": invitation.id,
        "claim_id": claim.id,
        "redemption_id": redemption.id,
        "statement_id": statement.id,
        "conflict_id": conflict.id,
        "device_id": "till",
        "key": "scan",
        "code": "northcodes",
    }


async def signed_in(clerk_id: object) -> str:
    """A live token of this clerk's."""
    token = secrets.token_urlsafe(32)
    expires_at = datetime.now(UTC) + timedelta(hours=1)
    await ClerkSession.create(clerk_id=clerk_id, token_hash=hash_token(token), expires_at=expires_at)
    return token


async def clerk_of_another_merchant(member: Member, organization: Organization) -> UUID:
    """Somebody who serves where nobody of the north does."""
    merchant = await Merchant.create(organization=organization, code="souths", name="南城书店")
    store = await Store.create(merchant=merchant, code="Z1", name="南门店")
    clerk = await Clerk.create(id=new_id(), member=member, merchant=merchant, store=store, name="阿强")
    return clerk.id
