"""Membership: one-tap join, and what a member sees of themselves."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from handlers.accounts.accounts import AccountFacts, Accounts
from handlers.actors import Person
from handlers.cards.card_kinds import CardKinds
from handlers.cards.recognition import complete
from handlers.errors import BirthdayInvalid, NotAMember, NotSignedIn, PhoneBlocked
from handlers.identity import consents as consent_rules
from handlers.identity.cities import City, CityChoice, choose, fill_from_scene
from handlers.identity.consents import Agreed
from handlers.identity.following import attribute
from handlers.identity.identity import resolve
from handlers.identity.merging import repoint_requests
from handlers.identity.phones import EncryptedPhone, Phones
from handlers.identity.proofs import Proof
from handlers.membership.joining import FirstJoin, FirstJoins
from handlers.membership.member_views import (
    GivenConsent,
    Joined,
    KeptJoin,
    KeptView,
    MemberView,
    Profile,
    consents_after,
    kept,
    kept_view,
    opened,
    opened_profile,
    opened_view,
    sealed_profile,
)
from handlers.ports import Clock, PhoneNumber, Vault
from handlers.recurring import BUSINESS_ZONE
from handlers.requests import Answer, Asked, hidden, once, recalled
from handlers.retrying import refusing
from handlers.rules.birthdays import is_birthday
from handlers.rules.namespaces import REGISTRY, Registry
from handlers.rules.numbers import member_number
from handlers.rules.phones import normalise, tail
from handlers.standing import standing, standing_whole
from models.database import row
from models.gathering import Gathered
from models.identity import Member
from models.sql import as_instant, as_uuid
from models.statements import identity as statements
from models.words import ConsentPurpose, MemberStatus, Namespace, Touchpoint

_views: Gathered[UUID] = Gathered(
    statements.ME, value_of=lambda member_id: member_id, key_of=lambda found: as_uuid(found["asked"])
)


@refusing
class Membership:
    """Joins people and keeps what they tell of themselves."""

    def __init__(
        self,
        clock: Clock,
        vault: Vault,
        accounts: Accounts,
        phones: Phones,
        kinds: CardKinds,
        registry: Registry = REGISTRY,
    ) -> None:
        self._clock = clock
        self._registry = registry
        self._vault = vault
        self._accounts = accounts
        self._phones = phones
        self._kinds = kinds
        self._first_joins = FirstJoins(clock, vault, kinds)

    async def close(self) -> None:
        """Let first joins that wait be answered."""
        await self._first_joins.close()

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

        Raises ConsentMissing, ConsentOutdated, PhoneCodeRefused, PhoneBlocked, BirthdayInvalid, WeChatUnavailable,
        KeyReused, MemberFrozen.
        """
        wants_phone = phone_code is not None or encrypted_phone is not None
        consent_rules.check(agreed, with_phone=wants_phone)
        self._refuse_unborn(profile.birthday if profile else None)
        facts = {
            "agreed": sorted((agreement.purpose.value, agreement.version) for agreement in agreed),
            "phone": phone_code or ((encrypted_phone.data, encrypted_phone.iv) if encrypted_phone else None),
            "profile": profile,
            "scene": scene,
        }
        account, phone = await self._accounts.get(person.account), None
        if wants_phone:
            # A retry must not be refused for a code that its first try used up: WeChat is asked for new requests only.
            asked = Asked.of(person, "join", request_id, facts) if request_id else None
            if asked and (before := await recalled(asked, KeptJoin)):
                return opened(before, self._vault)
            phone = await self._phones.prove(
                account, member_id=person.member_id, code=phone_code, encrypted=encrypted_phone
            )
        elif request_id and not person.is_member:
            each_once = tuple({agreement.purpose: agreement for agreement in agreed}.values())
            asked = Asked.of(person, "join", request_id, facts)
            first = await self._first_joins.join(FirstJoin(person, account.id, each_once, profile, scene, asked))
            if first is not None:
                return first

        async def effect() -> KeptJoin:
            return kept(await self._join(person, account, agreed, phone, profile, scene), self._vault)

        return opened(await once(person, "join", request_id, facts=facts, result=KeptJoin, effect=effect), self._vault)

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
        member_id, is_phone_elsewhere, is_phone_kept = person.member_id, False, False
        if phone is not None:
            member_id, is_phone_elsewhere, is_phone_kept = await self._settle_phone(person.member_id, phone, now)
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
            await Member.filter(id=before.id).update(profile_cipher=sealed_profile(profile, before.id, self._vault))
            told = profile
        city = before.organization
        if scene:
            await attribute(before.id, account.id, scene, at=now)
            city = await fill_from_scene(before.id, scene) or city
        issued = await self._kinds.issued()
        cards = await complete(issued, before.id, found["ordinal"], now=now, vault=self._vault)
        if joined is None:
            view = await self._view(before.id)
            return Joined(
                view,
                already_member=True,
                is_phone_elsewhere=is_phone_elsewhere,
                cards=cards,
                is_phone_kept=is_phone_kept,
            )
        # The row is ours until the end, so what it holds now is known without reading it again.
        view = MemberView(
            id=before.id,
            number=number,
            joined_at=now,
            joined_through=person.through,
            phone_tail=before.phone_tail,
            profile=told,
            consents=consents_after(before.consents, agreed, given, now),
            organization=city,
        )
        return Joined(
            view,
            already_member=False,
            is_phone_elsewhere=is_phone_elsewhere,
            cards=cards,
            is_phone_kept=is_phone_kept,
        )

    async def _settle_phone(self, member_id: UUID, phone: PhoneNumber, now: datetime) -> tuple[UUID, bool, bool]:
        """Give the proven phone to the person, or leave it where it is.

        Who the person is after that, whether the phone is with somebody else, whether they keep another one.
        """
        number = normalise(phone.number, phone.country_code)
        if number is None:
            raise PhoneBlocked
        proof = Proof(Namespace.PHONE, phone.country_code, number, "wechat")
        resolution = await resolve([proof], now=now, vault=self._vault, asking=member_id, registry=self._registry)
        if resolution.blocked:
            raise PhoneBlocked
        if not resolution.refused:
            await Member.filter(id=resolution.member_id).update(phone_tail=tail(number))
        is_elsewhere = bool(resolution.elsewhere)
        return resolution.member_id, is_elsewhere, bool(resolution.refused) and not is_elsewhere

    async def view(self, person: Person) -> MemberView:
        """The person as they see themselves. One read. Raises NotSignedIn when they are gone."""
        return await self._view(person.member_id)

    async def change_profile(
        self,
        person: Person,
        *,
        changes: Mapping[str, str | None],
        city: CityChoice | None = None,
        request_id: str | None = None,
    ) -> Answer[MemberView]:
        """Change the named parts of the profile (nickname, birthday, gender; None clears one), and the city.

        A frozen person corrects theirs too: a freeze takes no right away (PIPL art. 46). What they hold of another
        city stays theirs. Raises NotAMember, BirthdayInvalid, OrganizationUnknown, KeyReused.
        """
        if not person.is_member:
            raise NotAMember
        self._refuse_unborn(changes.get("birthday"))

        async def effect() -> KeptView:
            # Locked before it is read, so that two changes of different parts both stay.
            member = await Member.get(id=await standing(person.member_id, even_frozen=True))
            before = opened_profile(member.profile_cipher, member.id, self._vault)
            known = {"nickname": before.nickname, "birthday": before.birthday, "gender": before.gender}
            after = Profile(**{**known, **changes})
            await Member.filter(id=member.id).update(profile_cipher=sealed_profile(after, member.id, self._vault))
            if city is not None:
                await choose(member.id, city)
            return kept_view(await self._view(member.id), self._vault)

        facts = hidden(self._vault, (changes, city))
        answer = await once(person, "change_profile", request_id, facts=facts, result=KeptView, effect=effect)
        return opened_view(answer, self._vault)

    def _refuse_unborn(self, birthday: str | None) -> None:
        if birthday is not None and not is_birthday(birthday, self._clock.now().astimezone(BUSINESS_ZONE).date()):
            raise BirthdayInvalid

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
            profile=opened_profile(found["profile_cipher"], member_id, self._vault),
            consents=tuple(
                GivenConsent(ConsentPurpose(purpose), version, as_instant(given_at))
                for purpose, version, given_at in given
            ),
            organization=City(as_uuid(found["organization_id"]), found["organization_name"])
            if found["organization_id"]
            else None,
        )
