"""What may have been redeemed without a network, and nobody knows yet: it waits for the cut-off (ADR 0015).

As long as it waits nothing is given for it a second time: neither money back nor one more of the same.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from handlers.codec import from_json
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.benefit_terms import TERMS_OF
from handlers.rules.offline import OfflineDayTimes, last_due
from handlers.rules.redemption import honours
from models.database import rows
from models.sql import as_instant, as_uuid
from models.statements import offline as statements
from models.words import BenefitKind

BUILDING = timedelta(minutes=1)  # a pack's claims are read a little after the clocks were compared


async def held(claim_ids: Collection[UUID], *, at: datetime) -> frozenset[UUID]:
    """Which of these claims, or a part of which package, a device may have scanned that has not uploaded yet.

    A pack that has it was fetched, and the cut-off of its day is still to come; or a scan of it came in, and no cut-off
    has looked at it. Where no device has it in a pack, nothing waits. Whoever acts upon it has locked the claims.
    """
    wanted = sorted(set(claim_ids))
    if not wanted:
        return frozenset()
    today = OfflineDayTimes.of(at, BUSINESS_ZONE)
    packed = await rows(statements.HELD, wanted, last_due(at, BUSINESS_ZONE), today.ends_at)
    waiting = [each for each in packed if _is_in_pack(each)] + await rows(statements.UNDECIDED, wanted)
    found = {as_uuid(each[name]) for each in waiting for name in ("id", "package_id") if each[name]}
    return frozenset(found.intersection(wanted))


def _is_in_pack(each: Mapping[str, Any]) -> bool:
    if as_instant(each["measured_at"]) + BUILDING < as_instant(each["claimed_at"]):
        return False
    return honours(from_json(TERMS_OF[BenefitKind(each["kind"])], each["terms"]), each["store_code"])
