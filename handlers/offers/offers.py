"""Offers as claims and the catalogue read them: what is published, who asks, and why not.

What operators do with offers: `handlers/offers/offer_editing.py`; with their stock: `handlers/offers/offer_stock.py`.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson

from handlers.codec import from_json
from handlers.levels.ladders import ladder_now
from handlers.offers.offer_refusals import refusal_of, shown_time
from handlers.rules.benefit_terms import TERMS_OF, BenefitTerms
from handlers.rules.eligibility import Asker, BenefitFacts, PublishedOffer
from handlers.rules.offer_terms import OfferTerms, names_levels
from handlers.rules.stock_buckets import Bucket
from models.database import require_atomic, rows
from models.ids import new_id
from models.sql import as_instant, as_uuid
from models.statements import offers as statements
from models.words import BenefitKind, BenefitState, MemberStatus, OfferState

__all__ = [
    "Asker",
    "BenefitFacts",
    "PublishedOffer",
    "askers",
    "keep_buckets",
    "level_names",
    "published",
    "refusal_of",
    "shown_time",
    "terms_of",
]

REMEMBERED_VERSIONS = 2_000

_terms: OrderedDict[tuple[UUID, int], OfferTerms] = OrderedDict()  # a published version never changes


async def published(offer_ids: Collection[UUID]) -> dict[UUID, PublishedOffer]:
    """Those of these offers that were ever published, state and benefit as of now.

    One statement; one more when a version is met for the first time in this process.
    """
    return await read_published(await rows(statements.PUBLISHED, list(offer_ids)))


async def read_published(found: Iterable[Mapping[str, Any]]) -> dict[UUID, PublishedOffer]:
    """The same of rows that were read already."""
    listed = list(found)
    terms = await terms_of([(as_uuid(each["id"]), int(each["version"])) for each in listed])
    named = await level_names() if any(names_levels(each) for each in terms.values()) else {}
    return {offer.id: offer for offer in (_offer(each, terms, named) for each in listed)}


async def level_names() -> dict[str, str]:
    """What the levels that hold now are called, by their codes. One read."""
    return {each.code: each.name for each in (await ladder_now()).ladder.levels}


async def terms_of(versions: Collection[tuple[UUID, int]]) -> dict[tuple[UUID, int], OfferTerms]:
    """The terms of published versions, as every claim made under them keeps them."""
    wanted = set(versions)
    known = {version: _terms[version] for version in wanted if version in _terms}
    if missing := [f"{offer_id}:{number}" for offer_id, number in wanted - known.keys()]:
        for each in await rows(statements.TERMS, missing):
            version = as_uuid(each["offer_id"]), int(each["number"])
            known[version] = from_json(OfferTerms, orjson.loads(each["terms"]))
            _remember(version, known[version])
    return known


def _remember(version: tuple[UUID, int], terms: OfferTerms) -> None:
    _terms[version] = terms
    while len(_terms) > REMEMBERED_VERSIONS:
        _terms.popitem(last=False)


def _offer(
    found: Mapping[str, Any], terms: Mapping[tuple[UUID, int], OfferTerms], named: Mapping[str, str]
) -> PublishedOffer:
    offer_id, version = as_uuid(found["id"]), int(found["version"])
    return PublishedOffer(
        id=offer_id,
        code=found["code"],
        benefit_id=as_uuid(found["benefit_id"]),
        organization_id=as_uuid(found["organization_id"]),
        version=version,
        terms=terms[offer_id, version],
        state=OfferState(found["state"]),
        level_names=named if named and names_levels(terms[offer_id, version]) else {},
        benefit=BenefitFacts(
            id=as_uuid(found["benefit_id"]),
            code=found["benefit_code"],
            name=found["benefit_name"],
            kind=BenefitKind(found["kind"]),
            terms=benefit_terms(found["kind"], found["benefit_terms"]),
            merchant_id=as_uuid(found["merchant_id"]) if found["merchant_id"] else None,
            state=BenefitState(found["benefit_state"]),
            is_paused=bool(found["is_paused"]),
        ),
    )


@lru_cache(maxsize=REMEMBERED_VERSIONS)
def benefit_terms(kind: str, text: str) -> BenefitTerms:
    """The terms of a benefit from its column's text."""
    return from_json(TERMS_OF[BenefitKind(kind)], orjson.loads(text))


async def askers(member_ids: Collection[UUID]) -> dict[UUID, Asker]:
    """Who asks, by the ids they asked under; canonical, of any number of people at once. One statement."""
    return {as_uuid(each["asked"]): asker_of(each) for each in await rows(statements.ASKERS, list(member_ids))}


def asker_of(found: Mapping[str, Any]) -> Asker:
    """One row of the statement."""
    member_id = as_uuid(found["id"])
    joined_at = as_instant(found["joined_at"]) if found["joined_at"] else None
    # Each with its rank before it, of a fixed width: the highest is theirs.
    levels = [each.partition(":")[2] for each in sorted((found["levels"] or "").split())]
    return Asker(
        member_id=member_id,
        is_member=joined_at is not None and found["status"] == MemberStatus.ACTIVE,
        joined_at=joined_at,
        organization_path=frozenset(map(UUID, (found["path"] or "").split())),
        card_kinds=frozenset((found["card_kinds"] or "").split()),
        ids=frozenset([member_id, *map(UUID, (found["merged"] or "").split())]),
        level=levels[-1] if levels else "",
        levels_reached=frozenset(levels),
    )


async def keep_buckets(wanted: Collection[tuple[UUID, Bucket]], *, now: datetime) -> None:
    """Bring the counters of a day or a wave into being, inside the open transaction; those that are there stay.

    On record as changes without an operator, so that what was added is always the sum of the changes.
    """
    require_atomic()
    if not wanted:
        return
    made = {
        str(new_id()): (offer_id, bucket)
        for offer_id, bucket in sorted(wanted, key=lambda each: (str(each[0]), each[1].name))
    }
    text = bucket_rows([(row_id, offer_id, each.name, each.count) for row_id, (offer_id, each) in made.items()])
    fresh = {str(each["id"]) for each in await rows(statements.KEEP_BUCKETS, text, now)}
    if fresh:
        told = [(str(new_id()), *_told(made[row_id])) for row_id in made if row_id in fresh]
        await rows(statements.ADD_CHANGES, bucket_rows(told), now)


def _told(kept: tuple[UUID, Bucket]) -> tuple[UUID, str, int]:
    offer_id, bucket = kept
    return offer_id, bucket.name, bucket.count


def bucket_rows(
    listed: Iterable[tuple[str, UUID, str, int]],
    *,
    reason: str = "",
    operator_id: UUID | None = None,
    approved_by_id: UUID | None = None,
) -> str:
    """Rows for the statements above: id, offer, counter, how many."""
    return orjson.dumps(
        [
            {
                "id": row_id,
                "offer_id": str(offer_id),
                "bucket": name,
                "count": count,
                "reason": reason,
                "operator_id": str(operator_id) if operator_id else None,
                "approved_by_id": str(approved_by_id) if approved_by_id else None,
            }
            for row_id, offer_id, name, count in listed
        ]
    ).decode()
