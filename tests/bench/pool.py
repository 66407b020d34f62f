"""Benefits on offer and what members hold of them, in bulk beside a running server: rows as the server writes them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from handlers.claims.claims import FIRST_CODE_VERSION
from handlers.claims.typed_codes import code_hash, typed_code
from handlers.codec import to_json
from handlers.rules.benefit_terms import VoucherTerms
from handlers.rules.offer_terms import OfferTerms
from handlers.rules.stock_buckets import TOTAL
from models.ids import new_id
from models.words import BenefitKind, BenefitState, ClaimSource, ClaimState, OfferState
from tests.bench.beside import fill, root
from tests.bench.seeding import vault
from tests.bench.stores import Stores

_VAULT = vault()


@dataclass(frozen=True)
class Voucher:
    """A voucher that is to be offered under these terms; without an organization it is the root's."""

    terms: OfferTerms
    name: str = "洗车券"
    category: str = ""
    merchant_id: UUID | None = None
    organization_id: UUID | None = None
    uses: int = 1
    settlement_fen: int = 0


@dataclass(frozen=True)
class Published:
    """An offer of it that can be seen and claimed."""

    id: UUID
    benefit_id: UUID
    voucher: Voucher


def publish(stores: Stores, vouchers: Sequence[Voucher]) -> list[Published]:
    """An offer of each, in its first version, with the counter of its whole stock."""
    now, above = datetime.now(UTC), root(stores)
    listed = [Published(new_id(), new_id(), voucher) for voucher in vouchers]
    fill(stores, "benefit", (_benefit(each, above) for each in listed), at=now)
    fill(stores, "offer", (_offer(each, above) for each in listed), at=now)
    versions = ({"offer_id": each.id, "number": 1, "terms": to_json(each.voucher.terms)} for each in listed)
    fill(stores, "offer_version", ({**version, "published_at": now} for version in versions), at=now)
    counted = ((each.id, each.voucher.terms.stock) for each in listed if each.voucher.terms.stock is not None)
    fill(stores, "offer_stock", (_counter(offer_id, stock) for offer_id, stock in counted), at=now)
    return listed


def claim_row(
    of: Published,
    member_id: UUID,
    *,
    at: datetime,
    state: ClaimState = ClaimState.ISSUED,
    uses_left: int | None = None,
    expires_at: datetime | None = None,
) -> dict[str, Any]:
    """A claim that somebody holds or held; what its code is, `code_of` says."""
    claim_id, total = new_id(), of.voucher.uses
    return {
        "id": claim_id,
        "member_id": member_id,
        "offer_id": of.id,
        "offer_version": 1,
        "benefit_id": of.benefit_id,
        "source": ClaimSource.MINI_PROGRAM.value,
        "state": state.value,
        "uses_total": total,
        "uses_left": total if uses_left is None else uses_left,
        "claimed_at": at,
        "valid_from": at,
        "expires_at": expires_at,
        "code_version": FIRST_CODE_VERSION,
        "code_hash": code_hash(_VAULT, code_of(claim_id)),
        "stock_buckets": "",
        "price_fen": 0,
        "price_points": 0,
        "recharge_to_cipher": "",
        "recharge_to_tail": "",
        "is_returned": False,
    }


def code_of(claim_id: UUID) -> str:
    """What a member would read to a clerk."""
    return typed_code(_VAULT, claim_id, FIRST_CODE_VERSION)


def slot_rows(claims: Iterable[Mapping[str, Any]], period: str) -> list[dict[str, Any]]:
    """The first slot of each of these claims within a period."""
    return [
        {
            "claim_id": each["id"],
            "offer_id": each["offer_id"],
            "member_id": each["member_id"],
            "period": period,
            "number": 1,
        }
        for each in claims
    ]


def _benefit(one: Published, above: UUID) -> dict[str, Any]:
    voucher = one.voucher
    return {
        "id": one.benefit_id,
        "organization_id": voucher.organization_id or above,
        "merchant_id": voucher.merchant_id,
        "code": f"bench-{one.benefit_id}",
        "name": voucher.name,
        "description": "",
        "category": voucher.category,
        "kind": BenefitKind.VOUCHER.value,
        "state": BenefitState.POOL.value,
        "terms": to_json(VoucherTerms(uses=voucher.uses)),
        "settlement_price_fen": voucher.settlement_fen,
        "operator_share_bp": 6_000 if voucher.settlement_fen else 10_000,
        "is_offline_allowed": False,
        "is_paused": False,
        "review_note": "",
    }


def _offer(one: Published, above: UUID) -> dict[str, Any]:
    terms = one.voucher.terms
    return {
        "id": one.id,
        "benefit_id": one.benefit_id,
        "organization_id": one.voucher.organization_id or above,
        "code": f"bench-{one.id}",
        "keyword": "",
        "state": OfferState.PUBLISHED.value,
        "version": 1,
        "terms": to_json(terms),
        "opens_at": terms.opens_at,
        "closes_at": terms.closes_at,
    }


def _counter(offer_id: UUID, stock: int) -> dict[str, Any]:
    counts = {"added_count": stock, "left_count": stock, "taken_count": 0}
    return {"offer_id": offer_id, "bucket": TOTAL, **counts}
