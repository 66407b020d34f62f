"""Leaving: a person's data go away in one transaction, and the bare row stays for what must be accounted for.

Source: PIPL (个人信息保护法) art. 47: the data are deleted, not flagged. Kept are the row of the member with nothing in
it, the consents (closed; proof of what was lawful), the scene that brought them, and the events of the identity,
which name ids and no value. Keyed hashes of what identified them stay two years under a key of their own
(`handlers/identity/returning.py`).
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from handlers.actors import Person
from handlers.claims.claim_expiry import end
from handlers.errors import DepartureHindered, NotSignedIn, Overloaded
from handlers.identity.proofs import bound_to
from handlers.identity.returning import remember_departure
from handlers.identity.sessions import Sessions
from handlers.ledger.carrying import expire_all, require_no_money
from handlers.ledger.holding import void_all
from handlers.levels.following import leave_levels
from handlers.outbox import later
from handlers.ports import Clock, Dialogues, Vault, VaultError
from handlers.retrying import again, refusing
from handlers.rules.claim_states import OPEN
from handlers.standing import by_member
from models.accounts import Account
from models.cards import Card, ProofAttempts, RecentTries
from models.checkins import Invitation
from models.claims import Claim
from models.consents import Consent
from models.database import atomic, dialect, require_atomic, rows
from models.distribution import PromoterBinding
from models.draws import Parcel
from models.grants import GrantNumber
from models.identity import Follower, Identifier, IdentityEvent, Member, MemberMerge
from models.linking import BoundNumber, PhoneTransfer, Review, SeenDevice, Ticket
from models.orders import Order
from models.purchases import Purchase
from models.redemptions import Clerk
from models.statements import departures as statements
from models.statements import distribution as distribution_statements
from models.statements import identity as identity_statements
from models.statements import withdrawals as withdrawal_statements
from models.words import (
    CardStatus,
    ClaimState,
    IdentifierStatus,
    IdentityAct,
    MemberStatus,
    Namespace,
    ParcelState,
    ReviewState,
)

log = logging.getLogger(__name__)

# Whoever was writing for this person when they left is done by then: a request lives seconds, a cached session one.
SWEPT_AGAIN_AFTER = timedelta(minutes=1)
LEFT_OVER, PAID_FOR = "balance.left", "claims.paid"

Hindrance = Callable[[Sequence[UUID]], Awaitable[str | None]]
"""Asked inside the transaction, with all ids of the person: a stable word (`order.open`) why they cannot leave yet."""


@dataclass(frozen=True, slots=True)
class GivenUp:
    """What is theirs, exactly, and they would rather lose than stay for: money in fen, claims paid for and unused."""

    fen: int = 0
    claims: int = 0


_NOTHING = GivenUp()


@dataclass(frozen=True, slots=True)
class Left:
    """The person is gone. `was_gone`: they were before, and nothing happened."""

    was_gone: bool
    sessions_ended: int


@refusing
class Departures:
    """Lets people leave. Capabilities that hold something open for a person each add a hindrance."""

    def __init__(
        self, clock: Clock, vault: Vault, sessions: Sessions, dialogues: Dialogues, hindrances: Sequence[Hindrance] = ()
    ) -> None:
        self._clock = clock
        self._vault = vault
        self._sessions = sessions
        self._dialogues = dialogues
        self._hindrances = tuple(hindrances)

    async def leave(self, person: Person, gives_up: GivenUp = _NOTHING) -> Left:
        """Delete the person, and every member that was merged into them. Leaving twice is leaving once.

        Who leaves has nothing more of it: what they paid for and have not used, money that can be taken out. So they
        are told what it is and name it; what is below the least withdrawal they could never take out. Raises
        DepartureHindered (facts: `reasons`, `left_fen`, `paid_claims`) while something of theirs is open, NotSignedIn.
        """
        chats = await self._chats(person.member_id)
        ids, was_gone = await again(lambda: self._erase(person.member_id, gives_up))
        for account, openid in chats:
            await self._dialogues.drop(account, openid)
        ended = 0
        with suppress(Overloaded):  # their sessions open nothing any more; the job ends them for good
            ended = await self._sessions.end_all(ids)
        return Left(was_gone, ended)

    async def sweep_again(self, member_id: str) -> None:
        """The job a minute later: delete what was being written meanwhile, and end sessions that could not be ended."""
        ids, _ = await again(lambda: self._erase(UUID(member_id)))
        await self._sessions.end_all(ids)

    async def _erase(self, member_id: UUID, gives_up: GivenUp = _NOTHING) -> tuple[list[UUID], bool]:
        now = self._clock.now()
        async with atomic():
            canonical_id, ids = await _locked_set(member_id)
            was_gone = not await Member.filter(id=canonical_id).exclude(status=MemberStatus.ERASED).exists()
            left_fen = 0
            if not was_gone:
                left_fen = await self._refuse_what_is_open(ids, gives_up, now)
                await remember_departure(ids, at=now, vault=self._vault)
                await IdentityEvent.bulk_create(
                    [IdentityEvent(member_id=gone, act=IdentityAct.ERASE, happened_at=now) for gone in ids]
                )
                await later(
                    "sweep_departure",
                    key=f"departed:{canonical_id}",
                    at=now + SWEPT_AGAIN_AFTER,
                    erased_id=str(canonical_id),
                )
            await _sweep(ids, now, was_gone=was_gone, left_fen=left_fen)
        return ids, was_gone

    async def _refuse_what_is_open(self, ids: Sequence[UUID], gives_up: GivenUp, now: datetime) -> int:
        """The money that they give up, in fen."""
        reasons = [reason for hindrance in self._hindrances if (reason := await hindrance(ids))]
        (left,) = await rows(statements.LEFT, list(ids), now)
        fen, claims = int(left["fen"]), int(left["claims"])
        if fen not in {0, gives_up.fen}:
            reasons.append(LEFT_OVER)
        if claims not in {0, gives_up.claims}:
            reasons.append(PAID_FOR)
        if reasons:
            raise DepartureHindered(reasons=reasons, left_fen=fen, paid_claims=claims)
        return fen

    async def _chats(self, member_id: UUID) -> list[tuple[str, str]]:
        """Where they may have been asked something: account and openid. What they answered so far goes with them."""
        keys = dict(await Account.all().values_list("app_id", "key"))
        found = await by_member.row(member_id)
        theirs = Identifier.filter(member_id=found["member_id"] if found else member_id, namespace=Namespace.WX_OPENID)
        chats = []
        for openid in await theirs.filter(status=IdentifierStatus.ACTIVE):
            # A cipher whose key is lost keeps nobody from leaving: what they answered is gone in ten minutes by itself.
            with suppress(VaultError):
                value = self._vault.decrypt(openid.value_cipher, bound_to=bound_to(openid.id))
                if openid.scope in keys:
                    chats.append((keys[openid.scope], value))
        return chats


async def _locked_set(member_id: UUID) -> tuple[UUID, list[UUID]]:
    """The canonical member and everybody merged into it, their rows locked in id order. Raises NotSignedIn."""
    locked: set[UUID] = set()
    while True:
        member = await Member.get_or_none(id=member_id)
        if member is None:
            raise NotSignedIn
        canonical_id: UUID = member.canonical_id or member.id  # type: ignore[attr-defined]
        merged = await Member.filter(canonical_id=canonical_id).values_list("id", flat=True)
        ids = sorted({canonical_id, *(UUID(str(each)) for each in merged)})
        if locked.issuperset(ids) or dialect() == "sqlite":
            return canonical_id, ids
        await rows(identity_statements.LOCK_MEMBERS, ids)
        locked.update(ids)


async def _sweep(ids: list[UUID], now: datetime, *, was_gone: bool, left_fen: int) -> None:
    """Everything these members left behind. Again, it changes nothing."""
    require_atomic()
    await _drop_identifiers(ids)
    await _drop_cards(ids)
    await _end_claims(ids, now)
    # Before the look at their money: a commission that is being earned at this moment comes first, or not at all.
    await rows(distribution_statements.LEAVE, ids)
    await rows(distribution_statements.DROP_CODES, ids)
    if not was_gone:  # the hindrances looked one after the other, and money moves from one of them to the next
        await require_no_money(ids, at=now, but_fen=left_fen)
    await void_all(ids, at=now)
    await expire_all(ids, at=now)
    await leave_levels(ids, at=now)
    await Clerk.filter(member_id__in=ids, revoked_at=None).update(revoked_at=now)
    await Clerk.filter(member_id__in=ids).update(name="", pin_hash="")
    await Follower.filter(member_id__in=ids).delete()
    await Ticket.filter(member_id__in=ids).delete()
    await SeenDevice.filter(member_id__in=ids).delete()
    await Invitation.filter(member_id__in=ids).delete()
    await PromoterBinding.filter(member_id__in=ids).delete()
    await Consent.filter(member_id__in=ids, withdrawn_at=None).update(withdrawn_at=now)
    await MemberMerge.filter(winner_id__in=ids).update(moved={}, reversible_until=now)
    for side in ("from_member_id__in", "to_member_id__in"):
        await PhoneTransfer.filter(**{side: ids}).update(tail="")
    for side in ("member_id__in", "other_member_id__in"):
        cases = Review.filter(**{side: ids})
        await cases.filter(state=ReviewState.OPEN).update(
            state=ReviewState.DISMISSED, decided_at=now, decision="departed"
        )
        await cases.update(evidence={})
    texts = [str(member_id) for member_id in ids]
    await rows(statements.CANCEL_JOBS, texts, now)
    await rows(statements.FORGET_REQUESTS, texts)
    await Member.filter(id__in=ids).update(
        status=MemberStatus.ERASED,
        profile_cipher="",
        phone_tail="",
        organization_id=None,
        number=None,
        joined_at=None,
        joined_through=None,
    )


async def _end_claims(ids: list[UUID], now: datetime) -> None:
    """What they held is revoked, and goes back where the offer says so; what was used stays on record, without them."""
    # Locked, so that what a counter does at this moment is seen here, or sees this: else it would stay what it becomes.
    held: Any = await Claim.filter(member_id__in=ids, state__in=OPEN).order_by("id").select_for_update()
    told = [
        {"id": each.id, "state": each.state, "offer_id": each.offer_id, "offer_version": each.offer_version}
        for each in held
    ]
    await end(told, ClaimState.REVOKED, reason="departed", at=now)
    await Claim.filter(member_id__in=ids).update(recharge_to_cipher="", recharge_to_tail="")
    await Order.filter(member_id__in=ids).update(payer_hash="", recharge_to_cipher="", recharge_to_tail="")
    await rows(withdrawal_statements.FORGET, ids)
    await GrantNumber.filter(grant_row__member_id__in=ids).delete()
    # What waits to be sent goes back to its stock instead, once its deadline is over.
    theirs = Parcel.filter(member_id__in=ids)
    await theirs.filter(state=ParcelState.ADDRESSED).update(state=ParcelState.WAITING)
    await theirs.update(address_cipher="")


async def _drop_identifiers(ids: list[UUID]) -> None:
    """Theirs, and what others still have on record of numbers that are theirs now (history of a transfer)."""
    mine = await Identifier.filter(member_id__in=ids, status=IdentifierStatus.ACTIVE)
    numbers = await BoundNumber.filter(member_id__in=ids, status=IdentifierStatus.ACTIVE)
    phones = [identifier.value_hash for identifier in mine if identifier.namespace is Namespace.PHONE]
    hashes = [*phones, *(number.number_hash for number in numbers)]
    await Identifier.filter(member_id__in=ids).delete()
    await BoundNumber.filter(member_id__in=ids).delete()
    if hashes:
        await Identifier.filter(
            namespace=Namespace.PHONE, value_hash__in=hashes, status=IdentifierStatus.REVOKED
        ).delete()
        await BoundNumber.filter(number_hash__in=hashes, status=IdentifierStatus.REVOKED).delete()
        await Purchase.filter(buyer_hash__in=hashes).update(buyer_hash="")  # they wait for nobody any more
        # A card of an older system that names this phone stays bindable by what else proves it.
        await Card.filter(phone_hash__in=hashes).update(phone_hash="")


async def _drop_cards(ids: list[UUID]) -> None:
    """The rows stay for what refers to them; number, proofs and holder are gone, so nobody can ever bind them again."""
    cards = await Card.filter(member_id__in=ids)
    subjects = [f"{what}:{member_id}" for member_id in ids for what in ("member", "plan_code")] + [
        f"card:{card.number_hash}" for card in cards
    ]
    await ProofAttempts.filter(subject__in=subjects).delete()
    await RecentTries.filter(subject__in=subjects).delete()
    await Purchase.filter(buyer_hash__in=[*(card.number_hash for card in cards), *map(str, ids)]).update(buyer_hash="")
    for card in cards:
        await Card.filter(id=card.id).update(
            member_id=None,
            status=CardStatus.ERASED,
            number_hash=f"erased:{card.id}",
            number_cipher="",
            last4="",
            is_primary=False,
            phone_hash="",
            name_hash="",
            pin_hash="",
            last_store_id=None,
            card_import_id=None,
            opening_balance=0,
            bound_at=None,
            lost_at=None,
            bindable_from=None,
        )
