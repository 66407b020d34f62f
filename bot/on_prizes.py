"""What was won and has not been answered for, as a sentence or a list: under 我的权益, and in the reminder."""

from bot import draw_texts, texts
from bot.turn import LIST_MAX
from handlers.draws.waiting_prizes import PrizesWaiting
from handlers.recurring import BUSINESS_ZONE


def told(seen: PrizesWaiting, link: str | None) -> str:
    """`link` is ready to be shown."""
    items = [
        (each.name, texts.until(each.deadline_at, BUSINESS_ZONE), draw_texts.ADDRESS if each.is_thing else each.asks)
        for each in seen.items[:LIST_MAX]
    ]
    return draw_texts.prizes_waiting(items, seen.count, link)
