"""Programmes and the kinds of card in them: kept at start, briefly remembered.

What operators do with kinds: `handlers/cards/card_kind_editing.py`.
"""

import time
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from uuid import UUID

from handlers.errors import CardKindInvalid, CardKindTaken, CardKindUnknown
from handlers.outbox import later
from handlers.ports import Clock
from handlers.retrying import refusing
from handlers.rules.card_numbers import IssuedNumbers, NumberForm, is_possible
from models.database import atomic, row, rows
from models.ids import new_id
from models.organizations import Organization
from models.programmes import Brand, Merchant, Programme
from models.sql import as_uuid
from models.statements import cards as statements

MAIN = "main"
MEMBER_KIND, MEMBER_KIND_NAME = "member", "会员卡"
MEMBER_FORM = NumberForm(prefix="60", digit_count=13)
REMEMBERED_SECONDS = 2.0


@dataclass(frozen=True)
class Kind:
    """One kind of card as the rules need it."""

    id: UUID
    code: str
    name: str
    form: NumberForm
    is_issued: bool
    is_in_chat: bool
    programme_id: UUID
    programme: str
    merchant_id: UUID | None = None

    @cached_property
    def numbers(self) -> IssuedNumbers:
        """How its numbers are issued."""
        return IssuedNumbers(self.code, self.form)


@dataclass(frozen=True, slots=True)
class StoreChoice:
    """A store that somebody may name as the one where they shopped last."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class BindableKind:
    """A kind that people may bind, with what its numbers look like and where it was used."""

    code: str
    name: str
    digit_count: int
    is_in_chat: bool
    stores: tuple[StoreChoice, ...] = ()


@dataclass(frozen=True, slots=True)
class KindDraft:
    """What it takes to add a kind; `brand` and `merchant` are codes, at most one of them is set."""

    code: str
    name: str
    digit_count: int
    prefix: str = ""
    programme: str = MAIN
    brand: str | None = None
    merchant: str | None = None
    is_issued: bool = True
    is_in_chat: bool = True

    @property
    def form(self) -> NumberForm:
        """What its numbers look like."""
        return NumberForm(self.prefix, self.digit_count)


@dataclass(frozen=True, slots=True)
class KindAdded:
    """The kind is there; members of its programme are being recognised when it is an issued one."""

    id: UUID
    code: str
    is_issued: bool


@dataclass(slots=True)
class _Remembered:
    until: float = 0.0
    kinds: tuple[Kind, ...] = field(default_factory=tuple)


@refusing
class CardKinds:
    """Finds kinds of card."""

    def __init__(self) -> None:
        self._remembered = _Remembered()

    async def all(self) -> tuple[Kind, ...]:
        """Every active kind, the oldest first; up to two seconds out of date."""
        return self._remembered.kinds if self._remembered.until > time.monotonic() else await self.fresh()

    async def fresh(self) -> tuple[Kind, ...]:
        """Every active kind as of now, for whoever must see one that was added a moment ago by another process."""
        kinds = tuple(
            Kind(
                id=as_uuid(found["id"]),
                code=found["code"],
                name=found["name"],
                form=NumberForm(found["prefix"], found["digit_count"]),
                is_issued=bool(found["is_issued"]),
                is_in_chat=bool(found["is_in_chat"]),
                programme_id=as_uuid(found["programme_id"]),
                programme=found["programme"],
                merchant_id=as_uuid(found["merchant_id"]) if found["merchant_id"] else None,
            )
            for found in await rows(statements.KINDS)
        )
        self._remembered = _Remembered(time.monotonic() + REMEMBERED_SECONDS, kinds)
        return kinds

    async def issued(self, programme: str = MAIN) -> tuple[Kind, ...]:
        """The kinds that every member of a programme gets."""
        return tuple(kind for kind in await self.all() if kind.is_issued and kind.programme == programme)

    async def get(self, code: str) -> Kind:
        """Raises CardKindUnknown."""
        for kind in await self.all():
            if kind.code == code:
                return kind
        raise CardKindUnknown

    async def bindable(self) -> tuple[BindableKind, ...]:
        """What people may bind: kinds that are not issued, because those are theirs from the start."""
        stores: dict[UUID, list[StoreChoice]] = {}
        for found in await rows(statements.STORES_OF_KINDS):
            stores.setdefault(as_uuid(found["kind_id"]), []).append(StoreChoice(as_uuid(found["id"]), found["name"]))
        return tuple(
            BindableKind(kind.code, kind.name, kind.form.digit_count, kind.is_in_chat, tuple(stores.get(kind.id, ())))
            for kind in await self.all()
            if not kind.is_issued
        )

    def forget(self) -> None:
        """Read the kinds again at the next use."""
        self._remembered = _Remembered()


async def add_kind(draft: KindDraft, clock: Clock) -> KindAdded:
    """The row and the job, inside the open transaction. Raises CardKindTaken, CardKindInvalid."""
    if (draft.brand and draft.merchant) or not is_possible(draft.form, issued=draft.is_issued):
        raise CardKindInvalid
    programme = await Programme.get_or_none(code=draft.programme)
    brand = await Brand.get_or_none(code=draft.brand) if draft.brand else None
    merchant = await Merchant.get_or_none(code=draft.merchant) if draft.merchant else None
    if programme is None or (draft.brand and brand is None) or (draft.merchant and merchant is None):
        raise CardKindInvalid
    kind_id, now = new_id(), clock.now()
    belongs = (programme.id, brand.id if brand else None, merchant.id if merchant else None)
    looks = (draft.code, draft.name, draft.prefix, draft.digit_count, draft.is_issued, draft.is_in_chat)
    if not await rows(statements.KEEP_KIND, kind_id, now, *belongs, *looks):
        raise CardKindTaken
    if draft.is_issued:
        await recognise_later(kind_id, "0", 0, at=now)
    return KindAdded(kind_id, draft.code, draft.is_issued)


async def recognise_later(kind_id: UUID, round_: str, reached: int, *, at: datetime) -> None:
    """The job that gives a kind to members behind the ordinal `reached`, inside the open transaction.

    Keys of jobs are used up for ever, and a round that begins again passes the same ordinals.
    """
    key = f"recognise:{kind_id}:{round_}:{reached}"
    await later("recognise_kind", key=key, at=at, kind_id=kind_id, round=round_)


async def ensure_programme(name: str, clock: Clock) -> None:
    """The main programme and its member card exist from the first start on; the root organization must.

    A database of the version before has members without cards: the job recognises them.
    """
    async with atomic():
        root = await Organization.get(parent=None)
        # Of processes that start together the first writes; the others wait here until they see its kind.
        await rows(statements.KEEP_PROGRAMME, new_id(), clock.now(), root.id, MAIN, name)
        if not await row("SELECT id FROM card_kind WHERE code = $1", MEMBER_KIND):
            await add_kind(KindDraft(MEMBER_KIND, MEMBER_KIND_NAME, MEMBER_FORM.digit_count, MEMBER_FORM.prefix), clock)
