"""A person as they see themselves, and how what they told of themselves is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from handlers.cards.recognition import CardView
from handlers.codec import dumps, from_json
from handlers.identity.cities import City
from handlers.identity.consents import Agreed
from handlers.identity.merging import profile_bound_to
from handlers.ports import Vault
from handlers.requests import Answer
from models.words import ConsentPurpose, Touchpoint


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
    organization: City | None = None  # their city; without one they see what is the root's


@dataclass(frozen=True, slots=True)
class Joined:
    """The person is a member. `is_phone_elsewhere`: the phone stays with another member until that is settled.

    `is_phone_kept`: they have another login phone, which stays; `PUT /me/phone` changes it.
    """

    member: MemberView
    already_member: bool
    is_phone_elsewhere: bool
    cards: tuple[CardView, ...] = ()  # every kind of the programme they are recognised by
    is_phone_kept: bool = False


@dataclass(frozen=True, slots=True)
class KeptJoin:
    """A stored `Joined`, encrypted: it holds what the person told of themselves."""

    member_id: UUID
    cipher: str


def kept(joined: Joined, vault: Vault) -> KeptJoin:
    """What the request table keeps of it."""
    member_id = joined.member.id
    return KeptJoin(member_id, vault.encrypt(dumps(joined), bound_to=_joined_bound_to(member_id)))


def opened(answer: Answer[KeptJoin], vault: Vault) -> Answer[Joined]:
    """The answer that was kept."""
    plain = vault.decrypt(answer.value.cipher, bound_to=_joined_bound_to(answer.value.member_id))
    return Answer(from_json(Joined, orjson.loads(plain)), replayed=answer.replayed)


@dataclass(frozen=True, slots=True)
class KeptView:
    """A stored `MemberView`, encrypted for the same reason."""

    member_id: UUID
    cipher: str


def kept_view(view: MemberView, vault: Vault) -> KeptView:
    """What the request table keeps of it."""
    return KeptView(view.id, vault.encrypt(dumps(view), bound_to=_view_bound_to(view.id)))


def opened_view(answer: Answer[KeptView], vault: Vault) -> Answer[MemberView]:
    """The answer that was kept."""
    plain = vault.decrypt(answer.value.cipher, bound_to=_view_bound_to(answer.value.member_id))
    return Answer(from_json(MemberView, orjson.loads(plain)), replayed=answer.replayed)


def sealed_profile(profile: Profile, member_id: UUID, vault: Vault) -> str:
    """The cipher of what was told; empty for nothing."""
    told = {"nickname": profile.nickname, "birthday": profile.birthday, "gender": profile.gender}
    said = {name: value for name, value in told.items() if value is not None}
    return vault.encrypt(orjson.dumps(said).decode(), bound_to=profile_bound_to(member_id)) if said else ""


def opened_profile(cipher: str, member_id: UUID, vault: Vault) -> Profile:
    """What a member told."""
    if not cipher:
        return Profile()
    return Profile(**orjson.loads(vault.decrypt(cipher, bound_to=profile_bound_to(member_id))))


def consents_after(
    before: Sequence[GivenConsent], agreed: Sequence[Agreed], given: Sequence[ConsentPurpose], now: datetime
) -> tuple[GivenConsent, ...]:
    """The open consents after giving some, in the order in which `GET /me` shows them."""
    stay = [consent for consent in before if consent.purpose not in given]
    new = [GivenConsent(each.purpose, each.version, now) for each in agreed if each.purpose in given]
    return tuple(sorted([*stay, *new], key=lambda consent: (consent.given_at, consent.purpose)))


def _view_bound_to(member_id: UUID) -> str:
    return f"member:{member_id}:view"


def _joined_bound_to(member_id: UUID) -> str:
    return f"member:{member_id}:joined"
