"""绑卡: a card that the member had before, bound; those that joining itself issues do not count."""

from collections.abc import Sequence

from handlers.rules.tasks import TaskTerms
from handlers.tasks.kinds.base import Doer
from models.cards import Card


class BoundCard:
    """By the rows of cards."""

    async def done(self, doer: Doer, terms: TaskTerms) -> Sequence[str]:
        """One is enough."""
        bound = Card.filter(member_id__in=doer.ids, kind__is_issued=False, bound_at__isnull=False)
        return ("",) if await bound.exists() else ()
