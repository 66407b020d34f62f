"""Membership: one-tap join, and what a member sees of themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from handlers import consents as consent_rules
from handlers.accounts import AccountFacts, Accounts
from handlers.actors import Person
from handlers.card_kinds import CardKinds
from handlers.cards import CardView, complete
from handlers.codec import dumps, from_json
from handlers.consents import Agreed
from handlers.errors import KeyReused, NotAMember, NotSignedIn, PhoneBlocked
from handlers.following import attribute
from handlers.identity import Proof, resolve
from handlers.merging import profile_bound_to, repoint_requests
from handlers.phones import EncryptedPhone, Phones
from handlers.ports import Clock, PhoneNumber, Vault
from handlers.requests import Answer, Asked, once, recall
from handlers.retrying import refusing
from handlers.rules.numbers import member_number
from handlers.rules.phones import normalise, tail
from handlers.standing import standing, standing_whole
from models.database import atomic, row
from models.gathering import Gathered
from models.identity import Member
from models.sql import as_instant, as_uuid
from models.statements import identity as statements
from models.words import ConsentPurpose, MemberStatus, Namespace, Touchpoint


@dataclass(frozen=True, slots=True)
class Profile:
    """What a person chose to tell; every part may be absent."""

    nickname: str | None = None
    birthday: str | None = None  # a date as YYYY-MM-DD
    gender: str | None = None


@dataclass(frozen=True, slots=True)
class GivenConsent:
    """One consent that stands."""

    purpose: ConsentPurpose
    version: str
    given_at: datetime


@dataclass(frozen=True, slots=True)
class MemberView:
    """A person as they see themselves; the phone only as its tail."""

    id: UUID
    number: str | None
    joined_at: datetime | None
    joined_through: Touchpoint | None
    phone_tail: str
    profile: Profile
    consents: tuple[GivenConsent, ...]


@dataclass(frozen=True, slots=True)
class Joined:
    """The person is a member. `is_phone_elsewhere`: the phone stays with another member until that is settled."""

    member: MemberView
    already_member: bool
    is_phone_elsewhere: bool
    cards: tuple[CardView, ...] = ()  # every kind of the programme they are recognised by


@dataclass(frozen=True, slots=True)
class _Kept:
    """A stored `Joined`, encrypted: it holds what the person told of themselves."""

    member_id: UUID
    cipher: str


_views: Gathered[UUID] = Gathered(
    statements.ME, value_of=lambda member_id: member_id, key_of=lambda found: as_uuid(found["asked"])
)


@refusing
class Membership:
    """Joins people and keeps what they tell of themselves."""

    def __init__(self, clock: Clock, vault: Vault, accounts: Accounts, phones: Phones, kinds: CardKinds) -> None:
        self._clock = clock
        self._vault = vault
        self._accounts = accounts
        self._phones = phones
        self._kinds = kinds

    async def join(
        self,
        person: Person,
        *,
        agreed: Sequence[Agreed],
        phone_code: str | None = None,
        encrypted_phone: EncryptedPhone | None = None,
        profile: Profile | None = None,
        scene: str | None = None,
        request_id: str | None = None,
    ) -> Answer[Joined]:
        """入会 with one act of consent, with or without a phone; joining twice is joining once.

        Raises ConsentMissing, ConsentOutdated, PhoneCodeRefused, PhoneBlocked, WeChatUnavailable, KeyReused,
        MemberFrozen.
        """
        wants_phone = phone_code is not None or encrypted_phone is not None
        consent_rules.check(agreed, with_phone=wants_phone)
        facts = {
            "agreed": sorted((agreement.purpose.value, agreement.version) for agreement in agreed),
            "phone": phone_code or ((encrypted_phone.data, encrypted_phone.iv) if encrypted_phone else None),
            "profile": profile,
            "scene": scene,
        }
        account, phone = await self._accounts.get(person.account), None
        if wants_phone:
            # A retry must not be refused for a code that its first try used up: WeChat is asked for new requests only.
            if request_id and (kept := await self._recalled(Asked.of(person, "join", request_id, facts))):
                return kept
            phone = await self._phones.prove(
                account, member_id=person.member_id, code=phone_code, encrypted=encrypted_phone
            )

        async def effect() -> _Kept:
            joined = await self._join(person, account, agreed, phone, profile, scene)
            bound_to = _joined_bound_to(joined.member.id)
            return _Kept(joined.member.id, self._vault.encrypt(dumps(joined), bound_to=bound_to))

        return self._opened(await once(person, "join", request_id, facts=facts, result=_Kept, effect=effect))

    async def _recalled(self, asked: Asked) -> Answer[Joined] | None:
        kept = (await recall([asked], _Kept)).get(asked)
        if isinstance(kept, KeyReused):
            raise kept
        return self._opened(kept) if kept else None

    def _opened(self, kept: Answer[_Kept]) -> Answer[Joined]:
        plain = self._vault.decrypt(kept.value.cipher, bound_to=_joined_bound_to(kept.value.member_id))
        return Answer(from_json(Joined, orjson.loads(plain)), replayed=kept.replayed)

    async def _join(
        self,
        person: Person,
        account: AccountFacts,
        agreed: Sequence[Agreed],
        phone: PhoneNumber | None,
        profile: Profile | None,
        scene: str | None,
    ) -> Joined:
        now = self._clock.now()
        member_id, is_phone_elsewhere = person.member_id, False
        if phone is not None:
            member_id, is_phone_elsewhere = await self._settle_phone(person.member_id, phone, now)
        found = await standing_whole(member_id)
        before = self._read(found)
        if before.id != person.member_id:  # this very request too will be asked again by the survivor
            await repoint_requests(person.member_id, before.id)
        number = before.number or member_number(found["ordinal"])
        # One conditional UPDATE decides which of two devices joins; the other finds a member.
        joined = await row(statements.JOIN, before.id, now, person.through, number)
        given = await consent_rules.give(before.id, agreed, account_id=account.id, through=person.through, at=now)
        told = before.profile
        if profile is not None and (joined or not found["profile_cipher"]):
            await self._write_profile(before.id, profile)
            told = profile
        if scene:
            await attribute(before.id, account.id, scene, at=now)
        issued = await self._kinds.issued()
        cards = await complete(issued, before.id, found["ordinal"], now=now, vault=self._vault)
        if joined is None:
            view = await self._view(before.id)
            return Joined(view, already_member=True, is_phone_elsewhere=is_phone_elsewhere, cards=cards)
        # The row is ours until the end, so what it holds now is known without reading it again.
        view = MemberView(
            id=before.id,
            number=number,
            joined_at=now,
            joined_through=person.through,
            phone_tail=before.phone_tail,
            profile=told,
            consents=_with(before.consents, agreed, given, now),
        )
        return Joined(view, already_member=False, is_phone_elsewhere=is_phone_elsewhere, cards=cards)

    async def _settle_phone(self, member_id: UUID, phone: PhoneNumber, now: datetime) -> tuple[UUID, bool]:
        """Give the proven phone to the person, or leave it where it is; who the person is after that."""
        number = normalise(phone.number, phone.country_code)
        if number is None:
            raise PhoneBlocked
        proof = Proof(Namespace.PHONE, phone.country_code, number, "wechat")
        resolution = await resolve([proof], now=now, vault=self._vault, asking=member_id)
        if not resolution.refused:
            await Member.filter(id=resolution.member_id).update(phone_tail=tail(number))
        return resolution.member_id, bool(resolution.refused)

    async def view(self, person: Person) -> MemberView:
        """The person as they see themselves. One read. Raises NotSignedIn when they are gone."""
        return await self._view(person.member_id)

    async def change_profile(self, person: Person, *, changes: Mapping[str, str | None]) -> MemberView:
        """Change the named parts of the profile (nickname, birthday, gender); None clears one. Raises NotAMember."""
        if not person.is_member:
            raise NotAMember
        async with atomic():
            # Locked before it is read, so that two changes of different parts both stay.
            member = await Member.get(id=await standing(person.member_id))
            before = self._read_profile(member.id, member.profile_cipher)
            known = {"nickname": before.nickname, "birthday": before.birthday, "gender": before.gender}
            await self._write_profile(member.id, Profile(**{**known, **changes}))
            return await self._view(member.id)

    async def _view(self, member_id: UUID) -> MemberView:
        found = await _views.row(member_id)
        if found is None or found["status"] == MemberStatus.ERASED:
            raise NotSignedIn
        return self._read(found)

    def _read(self, found: Mapping[str, Any]) -> MemberView:
        member_id = as_uuid(found["id"])
        given = orjson.loads(found["consents"] or "[]")
        through, joined_at = found["joined_through"], found["joined_at"]
        return MemberView(
            id=member_id,
            number=found["number"],
            joined_at=as_instant(joined_at) if joined_at else None,
            joined_through=Touchpoint(through) if through else None,
            phone_tail=found["phone_tail"],
            profile=self._read_profile(member_id, found["profile_cipher"]),
            consents=tuple(
                GivenConsent(ConsentPurpose(purpose), version, as_instant(given_at))
                for purpose, version, given_at in given
            ),
        )

    def _read_profile(self, member_id: UUID, cipher: str) -> Profile:
        if not cipher:
            return Profile()
        return Profile(**orjson.loads(self._vault.decrypt(cipher, bound_to=profile_bound_to(member_id))))

    async def _write_profile(self, member_id: UUID, profile: Profile) -> None:
        told = {"nickname": profile.nickname, "birthday": profile.birthday, "gender": profile.gender}
        kept = {name: value for name, value in told.items() if value is not None}
        cipher = self._vault.encrypt(orjson.dumps(kept).decode(), bound_to=profile_bound_to(member_id)) if kept else ""
        await Member.filter(id=member_id).update(profile_cipher=cipher)


def _joined_bound_to(member_id: UUID) -> str:
    return f"member:{member_id}:joined"


def _with(
    before: Sequence[GivenConsent], agreed: Sequence[Agreed], given: Sequence[ConsentPurpose], now: datetime
) -> tuple[GivenConsent, ...]:
    """The open consents after giving some, in the order in which `GET /me` shows them."""
    kept = [consent for consent in before if consent.purpose not in given]
    new = [GivenConsent(each.purpose, each.version, now) for each in agreed if each.purpose in given]
    return tuple(sorted([*kept, *new], key=lambda consent: (consent.given_at, consent.purpose)))
