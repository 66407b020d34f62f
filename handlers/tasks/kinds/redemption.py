"""核销: something was redeemed in a store, and not taken back."""

from collections.abc import Sequence

from handlers.rules.tasks import TaskTerms
from handlers.tasks.kinds.base import Doer
from models.database import rows
from models.statements import tasks as statements


class Redeemed:
    """Within the period, or ever."""

    async def done(self, doer: Doer, terms: TaskTerms) -> Sequence[str]:
        """One redemption is enough."""
        return ("",) if await rows(statements.REDEEMED, list(doer.ids), doer.since) else ()
