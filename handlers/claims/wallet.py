"""我的权益: what somebody holds, can have, will lose soon, used and lost; over everything that was ever theirs.

A claim's section is decided by the clock at every read, not by what the sweep has written down so far.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from handlers.actors import Person
from handlers.benefits import code_pools
from handlers.benefits.kinds import fulfiller
from handlers.claims.typed_codes import shown, typed_code
from handlers.errors import ClaimUnknown
from handlers.offers.offers import benefit_terms, terms_of
from handlers.ports import Clock, Vault
from handlers.retrying import refusing
from handlers.rules.benefit_terms import BenefitTerms
from handlers.rules.claim_states import USABLE, stands
from models.database import row, rows
from models.sql import as_instant, as_uuid
from models.statements import claims as statements
from models.statements import fulfillments
from models.words import BenefitKind, ClaimState, FulfillmentState

SOON = timedelta(days=3)
FAR = datetime(9999, 12, 31, tzinfo=UTC)  # where claims without an end stand in the order of ends
Position = tuple[datetime, UUID]
# A look into a table, where calling the class would cost as much as the rest of a row.
_KINDS = {kind.value: kind for kind in BenefitKind}
_STATES = {state.value: state for state in ClaimState}


class Section(StrEnum):
    """The parts of a wallet that consist of claims. `expiring` are the first of those that are held."""

    HELD = "held"
    EXPIRING = "expiring"
    USED = "used"
    EXPIRED = "expired"


# Neither frozen nor with slots, because a page has a hundred of them: frozen ones cost ten times as much to make, and
# those with slots twice as much to write as JSON, together a tenth of what the page takes.
@dataclass
class WalletItem:
    """One claim. `state` is by the clock; `is_paused`: nobody can use it for the moment."""

    id: UUID
    offer_id: UUID
    package_id: UUID | None
    name: str
    kind: BenefitKind
    category: str
    merchant: str | None
    state: ClaimState
    uses_left: int
    uses_total: int
    claimed_at: datetime
    expires_at: datetime | None
    is_paused: bool
    recharge_tail: str = ""  # of the number that a top-up goes to


_NUMBERS = {Section.HELD: 1, Section.USED: 2, Section.EXPIRED: 3}  # as the statement calls them


@dataclass(frozen=True, slots=True)
class TopUpProgress:
    """How far a top-up has come: where its order stands, since when it is sent, when it was over."""

    state: FulfillmentState
    recharge_tail: str
    face_value_fen: int
    sent_at: datetime | None
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class WalletSection:
    """The first of a section, or a page of it. `after` is where the next page goes on; `count` that of the whole."""

    items: tuple[WalletItem, ...] = ()
    count: int = 0
    after: Position | None = None


@dataclass(frozen=True, slots=True)
class ClaimDetail:
    """A claim as its member sees it alone. Codes only while they can be used, and never in a repr."""

    item: WalletItem
    description: str
    terms: BenefitTerms
    typed_code: str | None = field(repr=False)  # `4J7Q-9XKM-2TBW-5`
    third_party_code: str | None = field(repr=False)
    parts: tuple[WalletItem, ...] = ()
    top_up: TopUpProgress | None = None


@refusing
class Wallet:
    """Reads; the doors add what can be claimed."""

    def __init__(self, clock: Clock, vault: Vault) -> None:
        self._clock = clock
        self._vault = vault

    async def sections(self, person: Person, *, limit: int) -> dict[Section, WalletSection]:
        """Every section's first items, in one statement."""
        now = self._clock.now()
        found = await self._read(person, limit, None, None, now)
        by_number: dict[int, list[Mapping[str, Any]]] = {}
        for each in found:
            by_number.setdefault(each["section"], []).append(each)
        mine = {section: by_number.get(number, []) for section, number in _NUMBERS.items()}
        shown = {section: section_of(of, limit, now) for section, of in mine.items()}
        shown[Section.EXPIRING] = _expiring(mine[Section.HELD], shown[Section.HELD].items, limit, now)
        return shown

    async def section(
        self, person: Person, section: Section, *, limit: int, after: Position | None = None
    ) -> WalletSection:
        """A page of one section, in one statement. Held and expiring: what ends first; the others: what is newest."""
        now = self._clock.now()
        of = Section.HELD if section is Section.EXPIRING else section
        found = await self._read(person, limit, of, after, now)
        page = section_of(found, limit, now)
        return _expiring(found, page.items, limit, now) if section is Section.EXPIRING else page

    async def claim(self, person: Person, claim_id: UUID) -> ClaimDetail:
        """One claim with its codes and its parts. Raises ClaimUnknown, for what is somebody else's too."""
        found = await rows(statements.CLAIM, person.member_id, claim_id)
        own = next((each for each in found if as_uuid(each["id"]) == claim_id), None)
        if own is None:
            raise ClaimUnknown
        now = self._clock.now()
        item, kind = _item(own, now), BenefitKind(own["kind"])
        typed = third = None
        version = as_uuid(own["offer_id"]), int(own["offer_version"])
        is_usable = item.state in USABLE and not item.is_paused
        if is_usable and fulfiller(kind).is_redeemed and (await terms_of([version]))[version].shows_typed_code:
            typed = shown(typed_code(self._vault, claim_id, int(own["code_version"])))
        if kind is BenefitKind.CODE_COUPON and is_usable:
            third = (await code_pools.reveal(self._vault, [claim_id])).get(claim_id)
        return ClaimDetail(
            item=item,
            description=own["description"],
            terms=benefit_terms(own["kind"], own["terms"]),
            typed_code=typed,
            third_party_code=third,
            parts=tuple(_item(each, now) for each in found if each is not own),
            top_up=await _progress(claim_id) if kind is BenefitKind.TOP_UP else None,
        )

    async def _read(
        self, person: Person, limit: int, section: Section | None, after: Position | None, now: datetime
    ) -> list[dict[str, Any]]:
        ends, last = after or (None, None)
        only = _NUMBERS[section] if section else 0
        return await rows(statements.WALLET, person.member_id, now, now + SOON, limit + 1, only, ends, last, FAR)


def section_of(found: Sequence[Mapping[str, Any]], limit: int, now: datetime) -> WalletSection:
    """A section of its rows, of which one more than `limit` was asked for."""
    count = int(found[0]["number"]) if found else 0
    return WalletSection(tuple(_item(each, now) for each in found[:limit]), count, _after(found, limit))


def _expiring(
    held: Sequence[Mapping[str, Any]], items: tuple[WalletItem, ...], limit: int, now: datetime
) -> WalletSection:
    """What expires soon is what stands on top of what is held: the same items, told twice."""
    until = now + SOON
    soon = sum(each["expires_at"] is not None and as_instant(each["expires_at"]) <= until for each in held)
    count = int(held[0]["expiring"]) if soon else 0
    return WalletSection(items[:soon], count, _after(held[:soon], limit))


def _after(found: Sequence[Mapping[str, Any]], limit: int) -> Position | None:
    if len(found) <= limit:
        return None
    last = found[limit - 1]
    return as_instant(last["ends"]), as_uuid(last["id"])


def _item(found: Mapping[str, Any], now: datetime) -> WalletItem:
    expires_at = as_instant(found["expires_at"]) if found["expires_at"] else None
    return WalletItem(
        id=as_uuid(found["id"]),
        offer_id=as_uuid(found["offer_id"]),
        package_id=as_uuid(found["package_id"]) if found["package_id"] else None,
        name=found["name"],
        kind=_KINDS[found["kind"]],
        category=found["category"],
        merchant=found["merchant_name"],
        state=stands(_STATES[found["state"]], expires_at, now),
        uses_left=found["uses_left"],
        uses_total=found["uses_total"],
        claimed_at=as_instant(found["claimed_at"]),
        expires_at=expires_at,
        is_paused=bool(found["is_paused"]),
        recharge_tail=found["recharge_to_tail"],
    )


async def _progress(claim_id: UUID) -> TopUpProgress | None:
    found = await row(fulfillments.PROGRESS, claim_id)
    if found is None:
        return None
    sent_at, closed_at = found["sent_at"], found["closed_at"]
    return TopUpProgress(
        state=FulfillmentState(found["state"]),
        recharge_tail=found["recharge_to_tail"],
        face_value_fen=int(found["face_value_fen"]),
        sent_at=as_instant(sent_at) if sent_at else None,
        closed_at=as_instant(closed_at) if closed_at else None,
    )
