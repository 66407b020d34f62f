"""结算条款 as operators set them: a merchant's versions, for all its benefits or for one, each from an instant on.

Nothing is edited and nothing begins in the past, so that whoever looks later finds what a redemption was settled under.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import UUID

from handlers.actors import Operator
from handlers.audit import record
from handlers.errors import BenefitUnknown, MerchantUnknown, PeriodOfBenefit, TermsTooEarly
from handlers.ports import Clock
from handlers.recurring import BUSINESS_ZONE
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.roles import Capability
from handlers.rules.settlement_terms import LEAD
from handlers.rules.validity import begins, day_of
from handlers.scopes import allowed
from models.benefits import Benefit
from models.database import row, rows
from models.ids import new_id
from models.programmes import Merchant
from models.settlement import SettlementTerms
from models.sql import as_instant, as_uuid
from models.statements import settlement as statements
from models.words import SettlementPeriod

_AFTER_ALL = 2**31 - 1


@dataclass(frozen=True, slots=True)
class TermsDraft:
    """A new version. `benefit`: a code of the merchant's, or None for all. What is None is left to wider terms.

    `starts_at` None: from the next business day on.
    """

    benefit: str | None = None
    settlement_price_fen: int | None = None
    operator_share_bp: int | None = None
    starts_at: datetime | None = None
    note: str = ""
    void_limit_fen: int | None = None
    sale_share_bp: int | None = None
    fee_bp: int | None = None
    fee_flat_fen: int | None = None
    period: SettlementPeriod | None = None


@dataclass(frozen=True, slots=True)
class TermsView:
    """One version. `number`: 1, 2, 3 ... of this merchant; `decided_by` is a login."""

    id: UUID
    number: int
    benefit: str | None
    settlement_price_fen: int | None
    operator_share_bp: int | None
    starts_at: datetime
    note: str
    decided_by: str
    void_limit_fen: int | None = None
    sale_share_bp: int | None = None
    fee_bp: int | None = None
    fee_flat_fen: int | None = None
    period: SettlementPeriod | None = None


@refusing
class SettlementTermsEditing:
    """Lists and adds versions, for merchants of the operator's subtree."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def listing(
        self, operator: Operator, merchant_id: UUID, *, before: int | None, limit: int
    ) -> tuple[TermsView, ...]:
        """The newest version first. Raises RoleMissing, MerchantUnknown."""
        scope = await allowed(operator, Capability.SETTLEMENT)
        merchant = await Merchant.get_or_none(id=merchant_id)
        if merchant is None or not scope.sees(merchant.organization_id):  # type: ignore[attr-defined]
            raise MerchantUnknown
        found = await rows(statements.TERMS_LISTED, merchant_id, before or _AFTER_ALL, limit)
        return tuple(
            TermsView(
                id=as_uuid(each["id"]),
                number=each["number"],
                benefit=each["benefit"],
                settlement_price_fen=each["settlement_price_fen"],
                operator_share_bp=each["operator_share_bp"],
                starts_at=as_instant(each["starts_at"]),
                note=each["note"],
                decided_by=each["decided_by"],
                void_limit_fen=each["void_limit_fen"],
                sale_share_bp=each["sale_share_bp"],
                fee_bp=each["fee_bp"],
                fee_flat_fen=each["fee_flat_fen"],
                period=SettlementPeriod(each["period"]) if each["period"] else None,
            )
            for each in found
        )

    async def add(
        self, operator: Operator, merchant_id: UUID, draft: TermsDraft, *, request_id: str
    ) -> Answer[TermsView]:
        """One more version, which holds from its start until a later one of the same level.

        Raises RoleMissing, MerchantUnknown, BenefitUnknown, TermsTooEarly, PeriodOfBenefit, KeyReused.
        """
        scope = await allowed(operator, Capability.SETTLEMENT_TERMS)

        async def effect() -> TermsView:
            now = self._clock.now()
            merchant = await row(statements.LOCK_MERCHANT, merchant_id)
            if merchant is None or not scope.sees(as_uuid(merchant["organization_id"])):
                raise MerchantUnknown
            benefit = None
            if draft.benefit is not None:
                if draft.period is not None:
                    raise PeriodOfBenefit
                benefit = await Benefit.get_or_none(code=draft.benefit, merchant_id=merchant_id)
                if benefit is None:
                    raise BenefitUnknown
            starts_at = draft.starts_at or begins(day_of(now + LEAD, BUSINESS_ZONE) + timedelta(days=1), BUSINESS_ZONE)
            if starts_at < now + LEAD:
                raise TermsTooEarly(earliest=(now + LEAD).isoformat())
            last = await row(statements.LAST_TERMS, merchant_id)
            made = TermsView(
                id=new_id(),
                number=int(last["number"] if last else 0) + 1,
                benefit=draft.benefit,
                settlement_price_fen=draft.settlement_price_fen,
                operator_share_bp=draft.operator_share_bp,
                starts_at=starts_at,
                note=draft.note,
                decided_by=operator.login,
                void_limit_fen=draft.void_limit_fen,
                sale_share_bp=draft.sale_share_bp,
                fee_bp=draft.fee_bp,
                fee_flat_fen=draft.fee_flat_fen,
                period=draft.period,
            )
            await SettlementTerms.create(
                id=made.id,
                merchant_id=merchant_id,
                benefit=benefit,
                number=made.number,
                starts_at=starts_at,
                settlement_price_fen=made.settlement_price_fen,
                operator_share_bp=made.operator_share_bp,
                void_limit_fen=made.void_limit_fen,
                sale_share_bp=made.sale_share_bp,
                fee_bp=made.fee_bp,
                fee_flat_fen=made.fee_flat_fen,
                period=made.period,
                note=made.note,
                decided_by_id=operator.id,
            )
            told = {name: value for name, value in asdict(made).items() if name not in {"id", "decided_by"}}
            place = as_uuid(merchant["organization_id"])
            action = "settlement_terms.added"
            await record(operator, action, "merchant", merchant_id, at=now, organization_id=place, **told)
            return made

        facts = {"merchant": merchant_id, "draft": draft}
        operation = "settlement_terms.add"
        return await once(operator, operation, request_id, facts=facts, result=TermsView, effect=effect)
