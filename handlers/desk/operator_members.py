"""Members as operators see them: found by what they show, masked, merged when two are one, and taken apart again."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from handlers.actors import Operator
from handlers.audit import record
from handlers.cards.recognition import number_hash
from handlers.errors import (
    DifferentPeople,
    MemberUnknown,
    MergeTooMuch,
    MergeUnknown,
    NotMergeable,
    SameMember,
)
from handlers.identity.holders import weighed
from handlers.identity.merging import absorb, profile_bound_to
from handlers.identity.proofs import Proof
from handlers.identity.returning import is_returning
from handlers.identity.transfers import phone_held_until
from handlers.identity.unmerging import Unmerged, unmerge
from handlers.ports import Clock, SessionStore, Vault
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.card_numbers import normalise as normalise_card
from handlers.rules.identity import Candidate, Key, contested, is_too_much, survivors
from handlers.rules.namespaces import REGISTRY, Registry
from handlers.rules.organization_scope import Scope
from handlers.rules.phones import normalise as normalise_phone
from handlers.rules.roles import Capability
from handlers.scopes import allowed, require
from models.cards import Card
from models.database import atomic, require_atomic, rows
from models.identity import Identifier, Member, MemberMerge
from models.sql import as_uuid
from models.statements import cards as card_statements
from models.statements import identity as statements
from models.words import CardStatus, IdentifierStatus, MemberStatus, Namespace


@dataclass(frozen=True, slots=True)
class SeenCard:
    """A card by its last four digits."""

    id: UUID
    kind: str
    last4: str
    status: CardStatus


@dataclass(frozen=True, slots=True)
class SeenMerge:
    """A merge that made this member what they are."""

    id: UUID
    other_id: UUID
    reason: str
    merged_at: datetime
    reversible_until: datetime


@dataclass(frozen=True, slots=True)
class SeenMember:
    """A member, masked: enough to know that it is the right one, nothing to take away."""

    id: UUID
    organization_id: UUID | None
    status: MemberStatus
    number: str | None
    joined_at: datetime | None
    phone_tail: str
    nickname: str
    known_by: tuple[Namespace, ...]
    cards: tuple[SeenCard, ...]
    merges: tuple[SeenMerge, ...]
    is_returning: bool  # left within two years and came back: a new member, not a new customer
    phone_held_until: datetime | None  # their phone came from somebody else: what hangs on it waits


@dataclass(frozen=True, slots=True)
class MembersMerged:
    """`member_id` stays, `absorbed_id` points to it now; `merge_id` takes it back until `reversible_until`."""

    merge_id: UUID
    member_id: UUID
    absorbed_id: UUID
    reversible_until: datetime


@refusing
class OperatorMembers:
    """Finds and joins members within the operator's subtree."""

    def __init__(self, clock: Clock, vault: Vault, sessions: SessionStore, registry: Registry = REGISTRY) -> None:
        self._clock = clock
        self._registry = registry
        self._vault = vault
        self._sessions = sessions

    async def search(
        self,
        operator: Operator,
        *,
        phone: str | None = None,
        country_code: str = "86",
        number: str | None = None,
        card_number: str | None = None,
    ) -> tuple[SeenMember, ...]:
        """Members of the subtree with exactly this phone, member number or card number; nobody is an empty answer.

        The record keeps that and how somebody was looked for, not what was typed. Raises RoleMissing.
        """
        scope = await allowed(operator, Capability.MEMBERS)
        ids = {
            *(await self._by_phone(phone, country_code) if phone else ()),
            *([each.id for each in await Member.filter(number=number).only("id")] if number else ()),
            *(await self._by_card(card_number) if card_number else ()),
        }
        found = [member for member_id in sorted(ids) if (member := await _canonical(member_id, scope)) is not None]
        by = [name for name, value in (("phone", phone), ("number", number), ("card", card_number)) if value]
        async with atomic():
            shown = [str(member.id) for member in found]
            await record(operator, "member.searched", "member", "", at=self._clock.now(), by=by, found=shown)
        unique = {member.id: member for member in found}
        return tuple([await self._seen(member) for member in unique.values()])

    async def view(self, operator: Operator, member_id: UUID) -> SeenMember:
        """One member, merges followed. Raises RoleMissing, MemberUnknown."""
        scope = await allowed(operator, Capability.MEMBERS)
        return await self._seen(await _required(member_id, scope))

    async def merge(
        self, operator: Operator, member_id: UUID, *, other_id: UUID, override: str = "", request_id: str
    ) -> Answer[MembersMerged]:
        """Make two members one; which of them stays follows the order of survivors, not who was named first.

        `override` is the reason why an admin joins more than is one person's measure; nobody else may.
        Raises RoleMissing, MemberUnknown, SameMember, DifferentPeople, NotMergeable, MergeTooMuch, KeyReused.
        """
        scope = await allowed(operator, Capability.MEMBERS)
        may_override(operator, override)
        await _required(member_id, scope)
        await _required(other_id, scope)

        async def effect() -> MembersMerged:
            return await merge_members(
                operator,
                scope,
                member_id,
                other_id,
                reason="operator",
                override=override,
                now=self._clock.now(),
                vault=self._vault,
                registry=self._registry,
            )

        facts = {"id": member_id, "other_id": other_id, **({"override": override} if override else {})}
        answer = await once(operator, "member.merge", request_id, facts=facts, result=MembersMerged, effect=effect)
        await self.sign_out(answer.value.member_id, answer.value.absorbed_id)
        return answer

    async def undo_merge(self, operator: Operator, merge_id: UUID, *, request_id: str) -> Answer[Unmerged]:
        """Take a merge back within 90 days, the latest first.

        Raises RoleMissing, MergeUnknown, MergeNotReversible, LaterMergeFirst, KeyReused.
        """
        scope = await allowed(operator, Capability.MEMBERS)

        async def effect() -> Unmerged:
            now = self._clock.now()
            merge = await MemberMerge.get_or_none(id=merge_id).prefetch_related("winner", "loser")
            places = [merge.winner.organization_id, merge.loser.organization_id] if merge else [None]  # type: ignore[attr-defined]
            if merge is None or not all(scope.sees(place) for place in places):
                raise MergeUnknown
            undone = await unmerge(merge_id, now=now, vault=self._vault)
            facts = {"returned": undone.loser_id, "merge": merge_id}
            await record(
                operator, "member.unmerged", "member", undone.winner_id, at=now, organization_id=places[0], **facts
            )
            return undone

        answer = await once(operator, "merge.undo", request_id, facts=merge_id, result=Unmerged, effect=effect)
        await self.sign_out(answer.value.winner_id, answer.value.loser_id)
        return answer

    async def sign_out(self, *member_ids: UUID) -> None:
        """Who somebody is has changed: they sign in anew, silently."""
        for member_id in member_ids:
            await self._sessions.drop_all(str(member_id))

    async def _by_phone(self, phone: str, country_code: str) -> list[UUID]:
        value = normalise_phone(phone, country_code)
        if value is None:
            return []
        key = Proof(Namespace.PHONE, country_code, value, "search").key(self._vault)
        found = Identifier.filter(
            namespace=key.namespace, scope=key.scope, value_hash=key.value_hash, status=IdentifierStatus.ACTIVE
        )
        return [each.member_id for each in await found]  # type: ignore[attr-defined]

    async def _by_card(self, card_number: str) -> list[UUID]:
        hashed = number_hash(self._vault, normalise_card(card_number))
        found = await rows(card_statements.SEEN_BY_NUMBER, hashed)
        return [as_uuid(each["member_id"]) for each in found if each["member_id"]]

    async def _seen(self, member: Member) -> SeenMember:
        held = Identifier.filter(member_id=member.id, status=IdentifierStatus.ACTIVE)
        family = [member.id, *[each.id for each in await Member.filter(canonical_id=member.id).only("id")]]
        cards = await Card.filter(member_id__in=family).order_by("id").prefetch_related("kind")
        merges = await MemberMerge.filter(winner_id=member.id).order_by("id")
        return SeenMember(
            id=member.id,
            organization_id=member.organization_id,  # type: ignore[attr-defined]
            status=member.status,
            number=member.number,
            joined_at=member.joined_at,
            phone_tail=member.phone_tail,
            nickname=self._masked_nickname(member),
            known_by=tuple(sorted({each.namespace for each in await held})),
            cards=tuple(SeenCard(card.id, card.kind.code, card.last4, card.status) for card in cards),
            merges=tuple(
                SeenMerge(each.id, each.loser_id, each.reason, each.merged_at, each.reversible_until)  # type: ignore[attr-defined]
                for each in merges
            ),
            is_returning=await is_returning(family, now=self._clock.now(), vault=self._vault),
            phone_held_until=await phone_held_until(member.id, self._clock.now()),
        )

    def _masked_nickname(self, member: Member) -> str:
        if not member.profile_cipher:
            return ""
        told = orjson.loads(self._vault.decrypt(member.profile_cipher, bound_to=profile_bound_to(member.id)))
        nickname = str(told.get("nickname") or "")
        return f"{nickname[0]}**" if nickname else ""


async def _canonical(member_id: UUID, scope: Scope) -> Member | None:
    """The member that stands for this id today, if the scope sees them; who left is nobody."""
    member = await Member.get_or_none(id=member_id)
    canonical_id = member.canonical_id if member else None  # type: ignore[attr-defined]
    if canonical_id:
        member = await Member.get(id=canonical_id)
    if member is None or member.status is MemberStatus.ERASED:
        return None
    return member if scope.sees(member.organization_id) else None  # type: ignore[attr-defined]


async def _required(member_id: UUID, scope: Scope) -> Member:
    member = await _canonical(member_id, scope)
    if member is None:
        raise MemberUnknown
    return member


def may_override(operator: Operator, override: str) -> None:
    """Whether the operator may give this reason for a merge past the measure; none is fine. Raises RoleMissing."""
    if override:
        require(operator, Capability.MERGE_OVERRIDE)


async def merge_members(
    operator: Operator,
    scope: Scope,
    one_id: UUID,
    other_id: UUID,
    *,
    reason: str,
    override: str,
    now: datetime,
    vault: Vault,
    registry: Registry = REGISTRY,
) -> MembersMerged:
    """The merge itself, inside the open transaction, both rows locked in id order.

    The budget of a day and the fuse hold here as for everybody, unless there is a reason to override them.
    Raises MemberUnknown, SameMember, DifferentPeople, NotMergeable, MergeTooMuch.
    """
    require_atomic()
    one, other = await _locked(one_id, other_id, scope)
    if one.id == other.id:
        raise SameMember
    if {one.status, other.status} != {MemberStatus.ACTIVE}:
        raise NotMergeable
    people = await weighed([await _candidate(one), await _candidate(other)], now, registry)
    if namespaces := contested(people, registry):
        raise DifferentPeople(namespaces=list(namespaces))
    is_past_measure = is_too_much(people, registry)
    if is_past_measure and not override:
        raise MergeTooMuch(merges_a_day=registry.merges_a_day, identifiers_of_one=registry.identifiers_of_one)
    winner_id, loser_id = survivors(people)
    await absorb(winner_id=winner_id, loser_id=loser_id, reason=reason, now=now, vault=vault)
    merge = await MemberMerge.filter(winner_id=winner_id, loser_id=loser_id).order_by("-id").first()
    if merge is None:
        raise MergeUnknown
    place: UUID | None = one.organization_id or other.organization_id  # type: ignore[attr-defined]
    await record(
        operator,
        "member.merged",
        "member",
        winner_id,
        at=now,
        organization_id=place,
        absorbed=loser_id,
        merge=merge.id,
        reason=reason,
        **({"override": override} if is_past_measure else {}),
    )
    return MembersMerged(merge.id, winner_id, loser_id, merge.reversible_until)


async def _locked(one_id: UUID, other_id: UUID, scope: Scope) -> tuple[Member, Member]:
    """Both rows as they stand today, locked; read again until what was locked is what is meant."""
    locked: set[UUID] = set()
    while True:
        one, other = await _required(one_id, scope), await _required(other_id, scope)
        if {one.id, other.id} <= locked:
            return one, other
        locked |= {one.id, other.id}
        await rows(statements.LOCK_MEMBERS, sorted(locked))


async def _candidate(member: Member) -> Candidate:
    held = await Identifier.filter(member_id=member.id, status=IdentifierStatus.ACTIVE)
    keys = frozenset(Key(each.namespace, each.scope, each.value_hash) for each in held)
    return Candidate(member.id, member.joined_at is not None, keys)
