"""A withdrawal that an address can name: asked for in the north, not looked at yet; and a bill."""

from datetime import UTC, datetime, timedelta

from handlers.codec import to_json
from handlers.ledger.holding import hold
from handlers.points.points_terms import fen
from handlers.rules.ledger import Cause, of_member
from handlers.rules.withdrawals import WithdrawalRules
from handlers.withdrawals.moving import CAUSE, PAID_OUT
from models.database import atomic
from models.ids import new_id
from models.programmes import Programme
from models.reconciliations import Reconciliation
from models.withdrawals import Withdrawal, WithdrawalTerms
from models.words import BillKind, WithdrawalState
from tests.handlers.withdrawing import given_at


async def withdrawal_of(member_id: object, organization_id: object, operator_id: object) -> dict[str, object]:
    """Their ids, by the names that addresses use."""
    now, withdrawal_id, programme = datetime.now(UTC), new_id(), await Programme.first()
    terms = await WithdrawalTerms.create(
        programme=programme,
        number=1,
        terms=to_json(WithdrawalRules()),
        published_by_id=operator_id,
        published_at=now,
    )
    await given_at(member_id, 5_000, at=now)
    ends, cause = now + timedelta(days=9_999), Cause(CAUSE, str(withdrawal_id))
    async with atomic():
        aside = await hold(
            await fen(), of_member(member_id), 5_000, for_=PAID_OUT, cause=cause, expires_at=ends, at=now
        )
    row = await Withdrawal.create(
        id=withdrawal_id,
        member_id=member_id,
        organization_id=organization_id,
        terms=terms,
        hold_id=aside.id,
        amount_fen=5_000,
        state=WithdrawalState.REVIEW,
        number=withdrawal_id.hex,
        app_id="wx5b2d4c1a9e8f7061",
        mch_id="1900009191",
        asked_at=now,
    )
    facts = {"kind": BillKind.TRANSFER, "business_on": "2026-03-02", "mch_id": "1900009191", "checked_at": now}
    bill = await Reconciliation.create(id=new_id(), **facts)
    return {"withdrawal_id": row.id, "reconciliation_id": bill.id}
