"""绑定号码: further phone numbers of a member, each proven, apart from the login phone.

Whoever proved a number last has it: the holder before them is told, and both histories say so.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from handlers.accounts.accounts import Accounts
from handlers.actors import Person
from handlers.errors import NotAMember, NumbersFull, NumberUnknown, PhoneBlocked
from handlers.identity.block_list import note_blocked, refuse_blocked
from handlers.identity.holders import lock_identifiers
from handlers.identity.identity_events import note
from handlers.identity.phones import Phones
from handlers.identity.proofs import key_of
from handlers.identity.transfers import require_phone_consent, tell
from handlers.key_rotation import BOUND_NUMBER
from handlers.ports import Clock, Vault
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.identity import Key
from handlers.rules.phones import normalise, tail
from handlers.standing import canonical, ids_of, standing
from models.ids import new_id
from models.linking import BoundNumber
from models.words import IdentifierStatus, IdentityAct, Namespace

LIMIT = 10
HOME = "86"
MOVED_TEXT = (
    "尾号{tail}的绑定号码已由新的使用者验证，不再属于您的会员账号。"
    "如果号码仍是您本人使用，请在小程序里重新验证，或回复“人工”。"
)


@dataclass(frozen=True, slots=True)
class NumberView:
    """A bound number as its holder sees it."""

    id: UUID
    tail: str
    proven_at: datetime


@dataclass(frozen=True, slots=True)
class NumberBound:
    """The number is theirs. `was_theirs`: it was before, and nothing changed but the time of the proof."""

    number: NumberView
    was_theirs: bool


@dataclass(frozen=True, slots=True)
class NumberUnbound:
    """The number is not theirs any more; nothing else changes."""

    id: UUID


def number_key(number: str, country_code: str, vault: Vault) -> Key:
    """How a bound number is found: a mainland one under the hash it would have as a login phone.

    Others carry their country in the value, because these hashes are unique without a scope.
    """
    value = number if country_code == HOME else f"+{country_code}{number}"
    return Key(Namespace.PHONE, country_code, vault.blind_index(f"identifier:{Namespace.PHONE}", value))


@refusing
class Numbers:
    """Binds, lists and unbinds numbers."""

    def __init__(self, clock: Clock, vault: Vault, accounts: Accounts, phones: Phones) -> None:
        self._clock = clock
        self._vault = vault
        self._accounts = accounts
        self._phones = phones

    async def list(self, person: Person) -> tuple[NumberView, ...]:
        """The person's numbers, the oldest first."""
        ids = await ids_of(await canonical(person.member_id))
        found = BoundNumber.filter(member_id__in=ids, status=IdentifierStatus.ACTIVE).order_by("proven_at", "id")
        return tuple([NumberView(each.id, each.tail, each.proven_at) for each in await found])

    async def bind(self, person: Person, *, phone_code: str, request_id: str | None) -> Answer[NumberBound]:
        """Bind the number behind a fresh code.

        Raises NotAMember, PhoneConsentMissing, PhoneCodeRefused, PhoneBlocked, NumbersFull, WeChatUnavailable,
        KeyReused.
        """
        if not person.is_member:
            raise NotAMember
        await require_phone_consent(await canonical(person.member_id))
        account = await self._accounts.get(person.account)
        phone = await self._phones.prove(account, member_id=person.member_id, code=phone_code, encrypted=None)
        number = normalise(phone.number, phone.country_code)
        if number is None:
            key = key_of(Namespace.PHONE, phone.country_code, phone.number, self._vault)
            await note_blocked(person.member_id, key, at=self._clock.now(), vault=self._vault)
            raise PhoneBlocked

        async def effect() -> NumberBound:
            return await self._bind(person.member_id, number, phone.country_code)

        return await once(
            person, "bind_number", request_id, facts={"code": phone_code}, result=NumberBound, effect=effect
        )

    async def unbind(self, person: Person, number_id: UUID, *, request_id: str | None = None) -> Answer[NumberUnbound]:
        """Give a number up. Raises NumberUnknown: there is none with this id, or it is somebody else's."""

        async def effect() -> NumberUnbound:
            now, member_id = self._clock.now(), await standing(person.member_id)
            theirs = BoundNumber.filter(id=number_id, member_id__in=await ids_of(member_id))
            active = theirs.filter(status=IdentifierStatus.ACTIVE)
            found = await active.first()
            # The UPDATE decides: of two that unbind at once, one finds nothing.
            if found is None or not await active.update(status=IdentifierStatus.REVOKED, revoked_at=now):
                raise NumberUnknown
            key = Key(Namespace.PHONE, "", found.number_hash)
            await note(IdentityAct.UNBIND, member_id, key, at=now, vault=self._vault, what="bound_number")
            return NumberUnbound(number_id)

        facts = {"id": number_id}
        return await once(person, "unbind_number", request_id, facts=facts, result=NumberUnbound, effect=effect)

    async def _bind(self, asking: UUID, number: str, country_code: str) -> NumberBound:
        now, key = self._clock.now(), number_key(number, country_code, self._vault)
        await lock_identifiers([key])
        await refuse_blocked(key_of(Namespace.PHONE, country_code, number, self._vault), self._vault)
        member_id = await standing(asking)
        await require_phone_consent(member_id)
        ids = await ids_of(member_id)
        holder = await BoundNumber.get_or_none(number_hash=key.value_hash, status=IdentifierStatus.ACTIVE)
        holder_id: UUID | None = holder.member_id if holder else None  # type: ignore[attr-defined]
        if holder is not None and holder_id in ids:
            await BoundNumber.filter(id=holder.id).update(proven_at=now)
            return NumberBound(NumberView(holder.id, holder.tail, now), was_theirs=True)
        if await BoundNumber.filter(member_id__in=ids, status=IdentifierStatus.ACTIVE).count() >= LIMIT:
            raise NumbersFull(limit=LIMIT)
        act, other_id = IdentityAct.BIND, None
        if holder is not None and holder_id is not None:
            act, other_id = IdentityAct.TRANSFER, holder_id
            await BoundNumber.filter(id=holder.id).update(status=IdentifierStatus.REVOKED, revoked_at=now)
            await note(act, holder_id, key, at=now, vault=self._vault, other_id=member_id, what="bound_number")
            text = MOVED_TEXT.format(tail=holder.tail)
            await tell(holder_id, text, key=f"number_moved:{holder.id}", at=now)
        bound = await self._add(member_id, number, country_code, key, now)
        await note(act, member_id, key, at=now, vault=self._vault, other_id=other_id, what="bound_number")
        return NumberBound(bound, was_theirs=False)

    async def _add(self, member_id: UUID, number: str, country_code: str, key: Key, now: datetime) -> NumberView:
        number_id = new_id()
        await BoundNumber.create(
            id=number_id,
            member_id=member_id,
            number_hash=key.value_hash,
            number_cipher=self._vault.encrypt(f"+{country_code}{number}", bound_to=BOUND_NUMBER.bound_to(number_id)),
            tail=tail(number),
            proven_at=now,
        )
        return NumberView(number_id, tail(number), now)
