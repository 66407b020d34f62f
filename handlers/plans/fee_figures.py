"""What merchants got of fused plans, for operators: sums of each over business days, and the entries one by one."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from handlers.actors import Operator
from handlers.paid_terms.fee_shares import ShareSums, sums_from
from handlers.recurring import BUSINESS_ZONE
from handlers.retrying import refusing
from handlers.rules.roles import Capability
from handlers.rules.validity import begins
from handlers.scopes import allowed
from handlers.settlement.statement_views import number_of
from models.database import rows
from models.sql import as_instant, as_uuid
from models.statements import fee_shares as statements

_BEGINNING, _END = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Days:
    """Business days, both included; None: no limit."""

    from_on: date | None = None
    to_on: date | None = None

    def instants(self) -> tuple[datetime, datetime]:
        """Half-open."""
        since = begins(self.from_on, BUSINESS_ZONE) if self.from_on else _BEGINNING
        return since, begins(self.to_on + timedelta(days=1), BUSINESS_ZONE) if self.to_on else _END


@dataclass(frozen=True, slots=True)
class MerchantShares:
    """One merchant's part of plans' fees."""

    merchant_id: UUID
    code: str
    name: str
    sums: ShareSums


@dataclass(frozen=True, slots=True)
class ShareEntry:
    """One share of one order (`number`), or with `reverses` what a refund took back of it (negative).

    `statement`: the number of the merchant's that has it; None: the next one will.
    """

    id: UUID
    merchant: str
    number: str
    title: str
    base_fen: int
    share_bp: int
    amount_fen: int
    reverses: UUID | None
    happened_at: datetime
    statement: str | None


@refusing
class FeeFigures:
    """Reads; of the merchants in the operator's subtree."""

    async def merchants(self, operator: Operator, days: Days) -> tuple[MerchantShares, ...]:
        """Those that got something or gave something back, by code. Raises RoleMissing."""
        scope = await allowed(operator, Capability.SETTLEMENT)
        found = await rows(statements.OF_MERCHANTS, *days.instants(), sorted(scope.organization_ids))
        return tuple(
            MerchantShares(as_uuid(each["merchant_id"]), each["code"], each["name"], sums_from(each)) for each in found
        )

    async def entries(
        self, operator: Operator, days: Days, *, merchant: str | None, after: UUID | None, limit: int
    ) -> tuple[ShareEntry, ...]:
        """The newest first. Raises RoleMissing."""
        scope = await allowed(operator, Capability.SETTLEMENT)
        places = sorted(scope.organization_ids)
        found = await rows(statements.ENTRIES, *days.instants(), places, merchant, after, limit)
        return tuple(
            ShareEntry(
                id=as_uuid(each["id"]),
                merchant=each["merchant"],
                number=each["number"],
                title=each["title"],
                base_fen=int(each["base_fen"]),
                share_bp=int(each["share_bp"]),
                amount_fen=int(each["amount_fen"]),
                reverses=as_uuid(each["reverses_id"]) if each["reverses_id"] else None,
                happened_at=as_instant(each["happened_at"]),
                statement=number_of(date.fromisoformat(each["business_on"]), each["merchant"])
                if each["business_on"]
                else None,
            )
            for each in found
        )
