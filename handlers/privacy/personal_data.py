"""Everything that is held about a person, shown to that person (PIPL art. 45: the right to see and to copy)."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from handlers.actors import Person
from handlers.identity.merging import profile_bound_to
from handlers.identity.proofs import bound_to
from handlers.identity.sessions import Sessions
from handlers.key_rotation import BOUND_NUMBER, CARD, PARCEL_ADDRESS, RECHARGE_TO
from handlers.ports import Clock, Vault, VaultError
from handlers.privacy import activities, held, held_co_brands, held_distribution
from handlers.privacy.held_levels import held_levels, held_terms
from handlers.privacy.money_held import orders_of, withdrawals_of
from handlers.retrying import refusing
from handlers.standing import ids_of, standing
from models.accounts import Account
from models.cards import Card
from models.claims import Claim
from models.consents import Consent
from models.database import atomic, rows
from models.draws import Parcel, Spin
from models.grants import GrantNumber, GrantRow
from models.identity import Attribution, Follower, Identifier, IdentityEvent, Member
from models.ledger import LedgerAccount, Transfer
from models.linking import BoundNumber, PhoneTransfer, SeenDevice
from models.operators import AuditEntry
from models.outside_points import OutsideHold
from models.purchases import Purchase
from models.requests import Request
from models.sql import as_instant
from models.statements import departures as statements

AccountNames = Mapping[UUID, str]


@dataclass(frozen=True, slots=True)
class PersonalData:
    """One person's data at one moment. Values are in the clear: for their own eyes only."""

    exported_at: datetime
    member: held.HeldMember
    profile: held.HeldProfile
    identifiers: tuple[held.HeldIdentifier, ...]
    bound_numbers: tuple[held.HeldNumber, ...]
    devices: tuple[held.HeldDevice, ...]
    cards: tuple[held.HeldCard, ...]
    top_ups: tuple[held.HeldTopUp, ...]
    consents: tuple[held.HeldConsent, ...]
    followings: tuple[held.HeldFollowing, ...]
    attributions: tuple[held.HeldAttribution, ...]
    sessions: tuple[held.HeldSession, ...]
    requests: tuple[held.HeldRequest, ...]
    messages: tuple[held.HeldMessage, ...]
    phone_transfers: tuple[held.HeldTransfer, ...]
    listings: tuple[held.HeldListing, ...]
    purchases: tuple[held.HeldPurchase, ...]
    outside_points: tuple[held.HeldOutsidePoints, ...]
    orders: tuple[held.HeldOrder, ...]
    withdrawals: tuple[held.HeldWithdrawal, ...]
    balances: tuple[held.HeldBalance, ...]
    entries: tuple[held.HeldEntry, ...]
    levels: tuple[held.HeldLevel, ...]
    membership_terms: tuple[held.HeldTerm, ...]
    co_brands: tuple[held_co_brands.HeldCoBrand, ...]
    co_brand_visits: tuple[held_co_brands.HeldVisit, ...]
    check_ins: tuple[held.HeldCheckIn, ...]
    finished_tasks: tuple[held.HeldTask, ...]
    rewards: tuple[held.HeldReward, ...]
    invitations: tuple[held.HeldInvitation, ...]
    promoting: tuple[held_distribution.HeldPromoting, ...]
    touches: tuple[held_distribution.HeldTouch, ...]
    commissions: tuple[held_distribution.HeldCommission, ...]
    spins: tuple[held.HeldSpin, ...]
    parcels: tuple[held.HeldParcel, ...]
    due_prizes: tuple[held.HeldDuePrize, ...]
    identity_events: tuple[held.HeldEvent, ...]
    deeds_of_operators: tuple[held.HeldDeed, ...]


@refusing
class PersonalDataRights:
    """Lets a person see what is held about them."""

    def __init__(self, clock: Clock, vault: Vault, sessions: Sessions) -> None:
        self._clock = clock
        self._vault = vault
        self._sessions = sessions

    async def export(self, person: Person) -> PersonalData:
        """All of it, that of rows which were merged into this person too. Changes nothing.

        A frozen person sees theirs too: a freeze takes no right away. Raises NotSignedIn, Overloaded (the sessions
        cannot be read).
        """
        async with atomic():
            member_id = await standing(person.member_id, even_frozen=True)
            ids = await ids_of(member_id)
            names = {row_id: str(key) for row_id, key in await Account.all().values_list("id", "key")}
            data = PersonalData(
                exported_at=self._clock.now(),
                member=await _member(member_id, ids),
                profile=self._profile(await Member.get(id=member_id)),
                identifiers=await self._identifiers(ids),
                bound_numbers=await self._numbers(ids),
                devices=await _devices(ids),
                cards=await self._cards(ids),
                top_ups=await self._top_ups(ids),
                consents=await _consents(ids, names),
                followings=await _followings(ids, names),
                attributions=await _attributions(ids, names),
                sessions=(),
                requests=await _requests(ids),
                messages=await _messages(ids),
                phone_transfers=await _transfers(ids),
                listings=await _listings(ids),
                purchases=await _purchases(ids),
                outside_points=await _outside_points(ids),
                orders=await orders_of(ids, self._read),
                withdrawals=await withdrawals_of(ids, self._read),
                balances=await _balances(ids),
                entries=await _entries(ids),
                levels=await held_levels(ids),
                membership_terms=await held_terms(ids),
                co_brands=await held_co_brands.co_brands(ids),
                co_brand_visits=await held_co_brands.co_brand_visits(ids),
                check_ins=await activities.check_ins(ids),
                finished_tasks=await activities.finished_tasks(ids),
                rewards=await activities.rewards(ids),
                invitations=await activities.invitations(ids),
                promoting=await held_distribution.promoting(ids),
                touches=await held_distribution.touches(ids),
                commissions=await held_distribution.commissions(ids),
                spins=await _spins(ids),
                parcels=await self._parcels(ids),
                due_prizes=await activities.due_prizes(ids),
                identity_events=await _events(ids),
                deeds_of_operators=await _deeds(ids),
            )
        # Not in the transaction: sessions are elsewhere.
        sessions = tuple(
            held.HeldSession(record.account, record.opened_at, record.expires_at)
            for record in await self._sessions.of(ids)
        )
        shown = {field.name: getattr(data, field.name) for field in fields(data)}
        return PersonalData(**{**shown, "sessions": sessions})

    def _profile(self, member: Member) -> held.HeldProfile:
        plain = self._read(member.profile_cipher, profile_bound_to(member.id))
        return held.HeldProfile(**orjson.loads(plain)) if plain else held.HeldProfile()

    async def _identifiers(self, ids: list[UUID]) -> tuple[held.HeldIdentifier, ...]:
        return tuple(
            held.HeldIdentifier(
                namespace=each.namespace,
                scope=each.scope,
                value=self._read(each.value_cipher, bound_to(each.id)),
                status=each.status,
                verified_at=each.verified_at,
                verified_by=each.verified_by,
                last_seen_at=each.last_seen_at,
            )
            for each in await Identifier.filter(member_id__in=ids).order_by("verified_at", "id")
        )

    async def _numbers(self, ids: list[UUID]) -> tuple[held.HeldNumber, ...]:
        return tuple(
            held.HeldNumber(
                number=self._read(each.number_cipher, BOUND_NUMBER.bound_to(each.id)),
                status=each.status,
                proven_at=each.proven_at,
                revoked_at=each.revoked_at,
            )
            for each in await BoundNumber.filter(member_id__in=ids).order_by("proven_at", "id")
        )

    async def _cards(self, ids: list[UUID]) -> tuple[held.HeldCard, ...]:
        found = await Card.filter(member_id__in=ids).prefetch_related("kind", "last_store").order_by("created_at", "id")
        return tuple(
            held.HeldCard(
                kind=each.kind.name,
                number=self._read(each.number_cipher, CARD.bound_to(each.id)),
                status=each.status,
                bound_at=each.bound_at,
                lost_at=each.lost_at,
                last_store=each.last_store.name if each.last_store else None,
                opening_balance=each.opening_balance,
                has_phone=bool(each.phone_hash),
                has_name=bool(each.name_hash),
                has_pin=bool(each.pin_hash),
            )
            for each in found
        )

    async def _top_ups(self, ids: list[UUID]) -> tuple[held.HeldTopUp, ...]:
        found = Claim.filter(member_id__in=ids).exclude(recharge_to_cipher="").order_by("claimed_at", "id")
        return tuple(
            held.HeldTopUp(
                benefit=each.benefit.name,
                number=self._read(each.recharge_to_cipher, RECHARGE_TO.bound_to(each.id)),
                state=each.state,
                claimed_at=each.claimed_at,
            )
            for each in await found.prefetch_related("benefit")
        )

    async def _parcels(self, ids: list[UUID]) -> tuple[held.HeldParcel, ...]:
        found: Any = await Parcel.filter(member_id__in=ids).order_by("id")
        return tuple(
            held.HeldParcel(
                name=each.name,
                state=each.state,
                address=self._read(each.address_cipher, PARCEL_ADDRESS.bound_to(each.id)),
                deadline_at=each.deadline_at,
                waybill=each.waybill,
                sent_at=each.sent_at,
            )
            for each in found
        )

    def _read(self, cipher: str, bound: str) -> str | None:
        if not cipher:
            return None
        try:
            return self._vault.decrypt(cipher, bound_to=bound)
        except VaultError:  # its key is gone: nobody can read it, and everything else must still be shown
            return None


async def _member(member_id: UUID, ids: list[UUID]) -> held.HeldMember:
    member = await Member.get(id=member_id).prefetch_related("organization")
    return held.HeldMember(
        id=member.id,
        other_ids=tuple(each for each in ids if each != member_id),
        number=member.number,
        status=member.status,
        organization=member.organization.name if member.organization else None,
        known_since=member.created_at,
        joined_at=member.joined_at,
        joined_through=member.joined_through,
    )


async def _devices(ids: list[UUID]) -> tuple[held.HeldDevice, ...]:
    seen = await SeenDevice.filter(member_id__in=ids).order_by("first_seen_at", "id")
    return tuple(held.HeldDevice(each.first_seen_at, each.last_seen_at) for each in seen)


async def _consents(ids: list[UUID], names: AccountNames) -> tuple[held.HeldConsent, ...]:
    return tuple(
        held.HeldConsent(
            purpose=each.purpose,
            version=each.version,
            account=names[each.account_id],  # type: ignore[attr-defined]
            given_through=each.given_through,
            given_at=each.given_at,
            withdrawn_at=each.withdrawn_at,
        )
        for each in await Consent.filter(member_id__in=ids).order_by("given_at", "id")
    )


async def _followings(ids: list[UUID], names: AccountNames) -> tuple[held.HeldFollowing, ...]:
    return tuple(
        held.HeldFollowing(names[each.account_id], each.followed_at, each.unfollowed_at)  # type: ignore[attr-defined]
        for each in await Follower.filter(member_id__in=ids).order_by("followed_at", "id")
    )


async def _attributions(ids: list[UUID], names: AccountNames) -> tuple[held.HeldAttribution, ...]:
    return tuple(
        held.HeldAttribution(names[each.account_id], each.scene, each.touched_at)  # type: ignore[attr-defined]
        for each in await Attribution.filter(member_id__in=ids).order_by("touched_at", "id")
    )


async def _requests(ids: list[UUID]) -> tuple[held.HeldRequest, ...]:
    mine = Request.filter(actor_kind="person", actor_id__in=[str(each) for each in ids])
    return tuple(held.HeldRequest(each.operation, each.created_at) for each in await mine.order_by("created_at", "id"))


async def _messages(ids: list[UUID]) -> tuple[held.HeldMessage, ...]:
    found = await rows(statements.JOBS_OF, [str(each) for each in ids])
    return tuple(
        held.HeldMessage(each["kind"], each["state"], each["text"], as_instant(each["created_at"])) for each in found
    )


async def _transfers(ids: list[UUID]) -> tuple[held.HeldTransfer, ...]:
    found = [
        *((each, False) for each in await PhoneTransfer.filter(from_member_id__in=ids)),
        *((each, True) for each in await PhoneTransfer.filter(to_member_id__in=ids)),
    ]
    return tuple(
        held.HeldTransfer(each.tail, came_to_you, each.transferred_at, each.held_until)
        for each, came_to_you in sorted(found, key=lambda pair: (pair[0].transferred_at, pair[1]))
    )


async def _listings(ids: list[UUID]) -> tuple[held.HeldListing, ...]:
    found = GrantRow.filter(member_id__in=ids).order_by("created_at", "id")
    named = await GrantNumber.filter(grant_row__member_id__in=ids).values_list("grant_row_id", "tail")
    tails: dict[UUID, str] = dict(named)
    return tuple(
        held.HeldListing(
            *(each.grant.offer.code, each.grant.kind, each.quantity, each.state, each.created_at),
            recharge_tail=tails.get(each.id, ""),
        )
        for each in await found.prefetch_related("grant__offer")
    )


async def _outside_points(ids: list[UUID]) -> tuple[held.HeldOutsidePoints, ...]:
    found = OutsideHold.filter(member_id__in=ids).prefetch_related("supplier", "shares").order_by("id")
    listed = [(each.supplier.name, each.points, each.state, each.created_at, each.returned) for each in await found]
    return tuple(held.HeldOutsidePoints(*each) for each in listed)


async def _purchases(ids: list[UUID]) -> tuple[held.HeldPurchase, ...]:
    found = Purchase.filter(member_id__in=ids).order_by("paid_at", "id")
    return tuple(
        held.HeldPurchase(
            channel=each.channel.name,
            order_no=each.order_no,
            amount_fen=each.amount_fen,
            refunded_fen=each.refunded_fen,
            categories=tuple(line.category for line in sorted(each.lines, key=lambda line: line.ordinal)),
            paid_at=each.paid_at,
        )
        for each in await found.prefetch_related("channel", "lines")
    )


async def _balances(ids: list[UUID]) -> tuple[held.HeldBalance, ...]:
    found: Any = await LedgerAccount.filter(member_id__in=ids).order_by("unit", "kind", "id")
    return tuple(held.HeldBalance(each.unit, each.kind, each.posted, each.held) for each in found)


async def _entries(ids: list[UUID]) -> tuple[held.HeldEntry, ...]:
    mine = await LedgerAccount.filter(member_id__in=ids).values_list("id", flat=True)
    came = Transfer.filter(credit_id__in=list(mine)).exclude(debit_id__in=list(mine))
    went = Transfer.filter(debit_id__in=list(mine)).exclude(credit_id__in=list(mine))
    found = [*((each, each.amount) for each in await came), *((each, -each.amount) for each in await went)]
    return tuple(
        held.HeldEntry(each.unit, amount, each.cause_kind, each.happened_at)
        for each, amount in sorted(found, key=lambda pair: (pair[0].happened_at, pair[0].id))
    )


async def _spins(ids: list[UUID]) -> tuple[held.HeldSpin, ...]:
    found: Any = await Spin.filter(member_id__in=ids).order_by("id").prefetch_related("draw")
    return tuple(
        held.HeldSpin(
            *(each.draw.code, each.sequence, each.rolled, each.awarded, each.paid_by, each.points, each.happened_at)
        )
        for each in found
    )


async def _events(ids: list[UUID]) -> tuple[held.HeldEvent, ...]:
    found = await IdentityEvent.filter(member_id__in=ids).order_by("happened_at", "id")
    return tuple(held.HeldEvent(each.act, each.namespace, each.happened_at) for each in found)


async def _deeds(ids: list[UUID]) -> tuple[held.HeldDeed, ...]:
    """What was done, not by whom: the operators' names are theirs."""
    done = AuditEntry.filter(subject_kind="member", subject_id__in=[str(each) for each in ids])
    return tuple(held.HeldDeed(each.action, each.happened_at) for each in await done.order_by("happened_at", "id"))
