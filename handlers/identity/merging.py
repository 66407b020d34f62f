"""Two member rows that are one person become one, without rewriting history.

Identifiers and followings are repointed and listed in the merge row, so that the merge can be taken back; value rows
keep the member they were made for and are read through the canonical member; balances move by paired transfers.
Consents: the stricter wins, and so does a freeze.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from handlers.ledger.carrying import MERGE, carry
from handlers.levels.following import join_levels
from handlers.ports import Vault
from handlers.rules.ledger import Cause
from models.consents import Consent
from models.database import require_atomic, rows
from models.identity import Attribution, Follower, Identifier, IdentityEvent, Member, MemberMerge
from models.linking import BoundNumber
from models.statements import checkins
from models.statements import identity as statements
from models.words import IdentityAct, MemberStatus

REVERSIBLE_FOR = timedelta(days=90)


async def absorb(*, winner_id: UUID, loser_id: UUID, reason: str, now: datetime, vault: Vault) -> None:
    """Make `loser_id` point to `winner_id`, inside the open transaction; both rows must be locked by the caller."""
    require_atomic()
    winner, loser = await Member.get(id=winner_id), await Member.get(id=loser_id)
    moved: dict[str, Any] = {
        "identifiers": await _repoint(Identifier, loser_id, winner_id),
        "followings": await _repoint_followings(loser_id, winner_id),
        "numbers": await _repoint(BoundNumber, loser_id, winner_id),
        "attributions": await _adopt_attribution(loser_id, winner_id),
        "members": await _repoint(Member, loser_id, winner_id, column="canonical_id"),
        "consents": await _stricter_consents(loser_id, winner_id, now),
        "filled": await _fill_blanks(winner, loser, vault),
        "requests": await repoint_requests(loser_id, winner_id),
        "status": loser.status,
        "winner_status": winner.status,
    }
    if loser.status is MemberStatus.FROZEN:  # otherwise whoever is frozen would be thawed by being recognised
        await Member.filter(id=winner_id).update(status=MemberStatus.FROZEN)
    await Member.filter(id=loser_id).update(status=MemberStatus.MERGED, canonical_id=winner_id)
    merge = await MemberMerge.create(
        winner_id=winner_id,
        loser_id=loser_id,
        reason=reason,
        moved=moved,
        merged_at=now,
        reversible_until=now + REVERSIBLE_FOR,
    )
    await carry(loser_id, winner_id, cause=Cause(MERGE, str(merge.id)), at=now)
    await join_levels(merge.id, winner_id=winner_id, loser_id=loser_id, at=now)
    await rows(checkins.RECOUNT, [winner_id])  # days in a row are those of the person
    await IdentityEvent.create(
        member_id=winner_id,
        other_member_id=loser_id,
        act=IdentityAct.MERGE,
        evidence={"reason": reason},
        happened_at=now,
    )


async def _repoint(
    table: type[Identifier | BoundNumber | Member], loser_id: UUID, winner_id: UUID, column: str = "member_id"
) -> list[str]:
    ids = await table.filter(**{column: loser_id}).values_list("id", flat=True)
    if ids:
        await table.filter(id__in=list(ids)).update(**{column: winner_id})
    return [str(row_id) for row_id in ids]


async def _repoint_followings(loser_id: UUID, winner_id: UUID) -> list[str]:
    """But for accounts that both have followed: there the survivor's own row tells."""
    known = await Follower.filter(member_id=winner_id).values_list("account_id", flat=True)
    theirs = Follower.filter(member_id=loser_id).exclude(account_id__in=list(known))
    ids = await theirs.values_list("id", flat=True)
    if ids:
        await Follower.filter(id__in=list(ids)).update(member_id=winner_id)
    return [str(row_id) for row_id in ids]


async def repoint_requests(loser_id: UUID, winner_id: UUID) -> list[str]:
    """Let the survivor be answered what the other one asked, inside the open transaction."""
    require_atomic()
    return [str(each["id"]) for each in await rows(statements.REPOINT_REQUESTS, str(loser_id), str(winner_id))]


async def _adopt_attribution(loser_id: UUID, winner_id: UUID) -> list[str]:
    """A survivor without an attribution takes over the other's; one that has its own keeps it, and history stays."""
    theirs = await Attribution.get_or_none(member_id=loser_id)
    ours = await Attribution.get_or_none(member_id=winner_id)
    if theirs is None or ours is not None:
        return []
    await Attribution.filter(id=theirs.id).update(member_id=winner_id)
    return [str(theirs.id)]


async def _stricter_consents(loser_id: UUID, winner_id: UUID, now: datetime) -> dict[str, list[str]]:
    """A purpose that either of them withdrew is withdrawn; one that only the loser knows moves over, closed rows too.

    Were a closed row left behind, a third one who turns out to be the same person could open the purpose again.
    """
    theirs = await Consent.filter(member_id=loser_id)
    ours = await Consent.filter(member_id=winner_id)
    open_theirs = {consent.purpose: consent for consent in theirs if consent.withdrawn_at is None}
    open_ours = {consent.purpose: consent for consent in ours if consent.withdrawn_at is None}
    withdrawn_by_them = {consent.purpose for consent in theirs} - set(open_theirs)
    known_to_us = {consent.purpose for consent in ours}
    moved = [consent.id for consent in theirs if consent.purpose not in known_to_us]
    closed = [consent.id for purpose, consent in open_ours.items() if purpose in withdrawn_by_them]
    if moved:
        await Consent.filter(id__in=moved).update(member_id=winner_id)
    if closed:
        await Consent.filter(id__in=closed).update(withdrawn_at=now)
    return {"moved": [str(consent_id) for consent_id in moved], "closed": [str(consent_id) for consent_id in closed]}


async def _fill_blanks(winner: Member, loser: Member, vault: Vault) -> list[str]:
    """The survivor keeps what they said of themselves; only blanks are filled."""
    filled: dict[str, Any] = {}
    if loser.profile_cipher and not winner.profile_cipher:
        plain = vault.decrypt(loser.profile_cipher, bound_to=profile_bound_to(loser.id))
        filled["profile_cipher"] = vault.encrypt(plain, bound_to=profile_bound_to(winner.id))
    if loser.phone_tail and not winner.phone_tail:
        filled["phone_tail"] = loser.phone_tail
    if loser.organization_id and not winner.organization_id:  # type: ignore[attr-defined]
        filled["organization_id"] = loser.organization_id  # type: ignore[attr-defined]
    if filled:
        await Member.filter(id=winner.id).update(**filled)
    return sorted(filled)


def profile_bound_to(member_id: UUID) -> str:
    """What a profile's cipher is bound to."""
    return f"member:{member_id}:profile"
