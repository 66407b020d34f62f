"""会员: what somebody has paid for, until when, and what there is."""

from bot import plan_texts, texts
from bot.router import Router, Said
from bot.routes.membership import join
from bot.turn import Turn
from handlers.recurring import BUSINESS_ZONE
from models.words import PlanWay

router = Router()
MOST_PLANS = 8


@router.text("会员", "付费会员", "会员套餐", "续费")
async def membership(turn: Turn) -> Said:
    """Whoever has not joined is asked to; a member hears what they have and what there is."""
    if not turn.person.is_member:
        return await join(turn)
    seen = await turn.handlers.plans.mine.view(turn.person)
    plans = await turn.handlers.plans.mine.plans(turn.person)
    if seen.ends_at is None and not plans:
        return texts.already_member(turn.person.number or "")
    has = plan_texts.NONE_YET
    if seen.ends_at is not None:
        has = plan_texts.mine(seen.name, plan_texts.moment(seen.ends_at, BUSINESS_ZONE), seen.days_left)
    listed = []
    for shown in plans:
        plan, rights = shown.plan, [each.name for each in shown.rights]
        if plan.way is PlanWay.EXTEND:
            listed.append(plan_texts.plan(plan.name, plan.amount_fen, plan.day_count, rights))
        elif plan.way is PlanWay.UPGRADE:
            listed.append(plan_texts.upgrade(plan.name, plan.amount_fen, rights))
    return plan_texts.membership(has, listed[:MOST_PLANS])
