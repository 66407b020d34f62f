"""What the demo sells beside benefits, and to whom it pays: a paid membership, commissions, and taking them out."""

from collections.abc import Mapping
from uuid import UUID

from app.container import House
from handlers.actors import Operator
from handlers.level_rights.right_editing import RightWanted
from handlers.rules.commission import CommissionTerms
from handlers.rules.levels import Ladder, Level
from handlers.rules.plans import PlanTerms
from handlers.rules.withdrawals import WithdrawalRules
from models.words import Admission, PlanPeriod, RightPeriod

PLAN = "gold-month"
_GOLD = "gold"
_LADDER = Ladder((Level("reader", "读者", 0), Level(_GOLD, "金卡会员", 2_000)))
_MONTH = PlanTerms("金卡月卡", _GOLD, PlanPeriod.MONTH, 1_990, trial_days=7, description="到期不自动扣费")
# Whoever tries it out sees by the next day what a friend's purchase brought, once it is used up.
_COMMISSIONS = CommissionTerms(rates=(1_000,), hold_days=0, freeze_days=1, admission=Admission.OPEN)


async def open_money(house: House, by: Operator, offers: Mapping[str, UUID]) -> None:
    """Brought in through the use cases; again, nothing. `offers`: those of the demo, by their code.

    Raises DomainError.
    """
    handlers = house.handlers
    await handlers.ladder_editing.save(by, _LADDER, request_id="demo")
    await handlers.ladder_editing.publish(by, request_id="demo")
    monthly = RightWanted("off20", "满100减20", offers["off20"], (_GOLD,), RightPeriod.MONTH)
    right = (await handlers.level_right_editing.save(by, monthly, request_id="demo")).value
    await handlers.level_right_editing.publish(by, right.id, request_id="demo")
    plan = (await handlers.plans.editing.save(by, PLAN, _MONTH, request_id="demo")).value
    await handlers.plans.editing.publish(by, plan.id, request_id="demo")
    await handlers.commission_rules.set_draft(by, _COMMISSIONS, request_id="demo")
    await handlers.commission_rules.publish(by, request_id="demo")
    await handlers.withdrawals.terms.publish(by, WithdrawalRules(), request_id="demo")
