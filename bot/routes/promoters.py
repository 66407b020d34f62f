"""分销, 佣金: how a promoter stands, and what is theirs; never who came."""

from bot import texts_distribution as texts
from bot.router import Router
from bot.turn import Turn

router = Router()


@router.text("分销", "分销员", "推广")
async def promoter(turn: Turn) -> str:
    """Where they stand, and how many came and bought."""
    seen = await turn.handlers.promoters.view(turn.person)
    return texts.promoter(seen.state, seen.reason, seen.came_count, seen.sale_count, is_open=seen.is_open)


@router.text("佣金", "我的佣金")
async def commissions(turn: Turn) -> str:
    """What they have, what is still to come, and what is owed."""
    seen = await turn.handlers.promoters.totals(turn.person)
    waiting = seen.pending_fen + seen.frozen_fen
    return texts.commissions(seen.available_fen, waiting, seen.owed_fen)
