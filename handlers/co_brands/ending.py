"""What was given free of charge for an agreement ends with it: the job after an operator ended one before its time."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.errors import NotSignedIn
from handlers.paid_terms.cutting import end_term
from handlers.ports import Clock
from handlers.retrying import again
from handlers.standing import canonical
from models.database import atomic, rows
from models.sql import as_uuid
from models.statements import claims as claim_statements
from models.statements import co_brands as statements

PAGE = 500
_NOBODY = UUID(int=0)


class CoBrandEnding:
    """Cuts terms, each in a transaction of its own; done again, it finds nothing left to cut."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def end(self, co_brand_id: UUID) -> int:
        """How many were cut. What somebody paid to have lifted since stays as it is."""
        cut, after = 0, _NOBODY
        while True:
            now = self._clock.now()
            page = await rows(statements.GIVEN, co_brand_id, now, after, PAGE)
            for each in page:
                cut += await self._one(each, now)
            if len(page) < PAGE:
                return cut
            after = as_uuid(page[-1]["id"])

    async def _one(self, found: Mapping[str, Any], at: datetime) -> bool:
        async def attempt() -> bool:
            async with atomic():
                try:
                    await rows(claim_statements.CLAIMANTS, [await canonical(as_uuid(found["member_id"]))])
                except NotSignedIn:  # they have left, and nothing of it is anybody's
                    return False
                return await end_term(as_uuid(found["term_id"]), at=at)

        return await again(attempt)
