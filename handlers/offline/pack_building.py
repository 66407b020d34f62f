"""What is in a pack, as the bytes that are signed: marks of codes, and what a device must know to show and to judge.

A mark is the beginning of HMAC(pack key, typed code). It is cut to 48 bits on purpose: whoever steals a pack with its
key and tries all codes finds thousands of wrong ones for each that is real, so a pack does not give codes away.
"""

import hashlib
import hmac
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from handlers.claims.typed_codes import typed_code
from handlers.codec import from_json
from handlers.ports import Vault
from handlers.redemptions.counter import Shop
from handlers.rules.benefit_terms import TERMS_OF, BenefitTerms, PartnerCouponTerms
from handlers.rules.offline import (
    MARK_CHARACTERS,
    MOST_ENTRIES,
    MOST_FEN_A_DAY,
    MOST_SCANS_A_DAY,
    OfflineDayTimes,
    value_of,
    why_not_offline,
)
from handlers.rules.redemption import honours
from models.database import rows
from models.sql import as_instant, as_uuid
from models.statements import offline as statements
from models.words import BenefitKind, ClaimState

PAGE = 250  # about ten milliseconds of hashing, after which others are served
VERSION = 1
_FIRST = UUID(int=0)


class TooManyEntries(Exception):
    """More than a pack may hold: this store redeems online only."""


@dataclass(frozen=True, slots=True)
class Contents:
    """One store's day: how much there is, and the bytes to sign."""

    data: bytes = field(repr=False)
    entry_count: int
    revoked_count: int


@dataclass(frozen=True, slots=True)
class _Benefit:
    id: UUID
    name: str
    kind: BenefitKind
    terms: BenefitTerms
    price_fen: int


def pack_key(vault: Vault, store_id: UUID, business_on: str) -> bytes:
    """32 bytes, of this store and day; derived, so that no process has to remember it."""
    return bytes.fromhex(vault.blind_index("offline_pack", f"{store_id}:{business_on}"))


def mark(key: bytes, code: str) -> str:
    """How a pack names a typed code: lower-case hex. `code` is a normalised one, 13 characters without separators."""
    return hmac.digest(key, code.encode(), hashlib.sha256).hex()[:MARK_CHARACTERS]


async def contents(
    vault: Vault, merchant_id: UUID, shop: Shop, day: OfflineDayTimes, *, key_id: str, now: datetime
) -> Contents | None:
    """The pack of a store; None where it has nothing that may be redeemed offline. Raises TooManyEntries.

    The claims are read a page at a time: between pages others are served, and of claims no more than a page is held.
    What grows is the pack's own text, which is there whole: Ed25519 signs it in one piece, and it is kept for the other
    tills of the street.
    """
    benefits = [each for each in await _benefits(merchant_id) if honours(each.terms, shop.code)]
    if not benefits:
        return None
    key, entries, revoked = pack_key(vault, shop.id, day.on), bytearray(), list[str]()
    entry_count = 0
    for index, benefit in enumerate(benefits):
        async for page in _pages(benefit.id, day, now):
            good = [each for each in page if each["state"] == ClaimState.ISSUED]
            entry_count += len(good)
            revoked += [_mark(vault, key, each) for each in page if each["state"] != ClaimState.ISSUED]
            if entry_count + len(revoked) > MOST_ENTRIES:
                raise TooManyEntries
            for each in good:
                entries += orjson.dumps(_entry(vault, key, index, each)) + b","
    used = await rows(statements.PACK_USED, merchant_id, day.starts_at, MOST_ENTRIES - entry_count - len(revoked) + 1)
    revoked += [_mark(vault, key, each) for each in used]
    if entry_count + len(revoked) > MOST_ENTRIES:
        raise TooManyEntries
    head = orjson.dumps(_head(shop, day, key, key_id, now, benefits))
    del entries[-1:]  # the last comma
    data = b"".join((head[:-1], b',"revoked":', orjson.dumps(sorted(revoked)), b',"entries":[', entries, b"]}"))
    return Contents(data, entry_count, len(revoked))


async def _benefits(merchant_id: UUID) -> list[_Benefit]:
    found = [
        _Benefit(
            as_uuid(each["id"]),
            each["name"],
            kind := BenefitKind(each["kind"]),
            from_json(TERMS_OF[kind], each["terms"]),
            each["settlement_price_fen"],
        )
        for each in await rows(statements.PACK_BENEFITS, merchant_id)
    ]
    return [each for each in found if why_not_offline(each.terms, each.price_fen) is None]


async def _pages(benefit_id: UUID, day: OfflineDayTimes, now: datetime) -> AsyncIterator[Sequence[dict[str, Any]]]:
    after: UUID | None = _FIRST
    while after is not None:
        page = await rows(statements.PACK_CLAIMS, benefit_id, after, day.ends_at, now, PAGE)
        yield page
        after = as_uuid(page[-1]["id"]) if len(page) == PAGE else None


def _head(
    shop: Shop, day: OfflineDayTimes, key: bytes, key_id: str, now: datetime, benefits: Sequence[_Benefit]
) -> dict[str, Any]:
    return {
        "version": VERSION,
        "key_id": key_id,
        "store": {"id": str(shop.id), "code": shop.code, "name": shop.name},
        "business_on": day.on,
        "built_at": now.isoformat(),
        "starts_at": day.starts_at.isoformat(),
        "ends_at": day.ends_at.isoformat(),
        "cut_off_at": day.cut_off_at.isoformat(),
        "most_scans": MOST_SCANS_A_DAY,
        "most_fen": MOST_FEN_A_DAY,
        "pack_key": key.hex(),
        "benefits": [
            {
                "id": str(each.id),
                "name": each.name,
                "kind": each.kind.value,
                "value_fen": value_of(each.terms, each.price_fen),
                "threshold_fen": each.terms.threshold_fen if isinstance(each.terms, PartnerCouponTerms) else None,
            }
            for each in benefits
        ],
    }


def _entry(vault: Vault, key: bytes, index: int, claim: dict[str, Any]) -> list[Any]:
    """[mark, which of the benefits, good from, good until (null: no end)], instants in whole Unix seconds."""
    ends = claim["expires_at"]
    until = int(as_instant(ends).timestamp()) if ends else None
    return [_mark(vault, key, claim), index, int(as_instant(claim["valid_from"]).timestamp()), until]


def _mark(vault: Vault, key: bytes, claim: dict[str, Any]) -> str:
    return mark(key, typed_code(vault, as_uuid(claim["id"]), claim["code_version"]))
