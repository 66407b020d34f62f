"""The login phone: attached, changed, or taken over from its former holder (二次放号). It never merges two people.

Carriers give a number to somebody else about 90 days after it was given up. Whoever proves it now has it now; whoever
had it keeps card, points and history, is told through their own channel, and what hangs on the phone waits a day at the
new holder. Only a member who has nothing but this number (a till or import member) may be the same person: at once if
they were seen within 180 days, otherwise after one fact that only they know. Decision: docs/adr/0007, 0010.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import orjson

from handlers.accounts.accounts import Accounts
from handlers.actors import Person
from handlers.errors import (
    NotAMember,
    Overloaded,
    PhoneBlocked,
    PhoneConsentMissing,
    PhoneElsewhere,
    PhoneFactNeeded,
)
from handlers.identity.block_list import note_blocked, refuse_blocked
from handlers.identity.holders import locked_people
from handlers.identity.identity_events import note
from handlers.identity.linking import link_members
from handlers.identity.merging import profile_bound_to
from handlers.identity.phones import Phones
from handlers.identity.proofs import Proof, bound_to, key_of
from handlers.identity.sessions import Sessions
from handlers.outbox import later
from handlers.ports import Clock, Vault
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.identity import Candidate, Key, is_too_much
from handlers.rules.namespaces import REGISTRY, Registry
from handlers.rules.phones import normalise, tail
from handlers.standing import canonical, ids_of, standing
from models.accounts import Account
from models.cards import Card
from models.consents import Consent
from models.database import require_atomic
from models.identity import Follower, Identifier, Member
from models.ids import new_id
from models.linking import PhoneTransfer
from models.words import ConsentPurpose, IdentifierStatus, IdentityAct, MemberStatus, Namespace

log = logging.getLogger(__name__)

HELD_FOR = timedelta(hours=24)
LAST_STORE, BIRTHDAY = "last_store", "birthday"
MOVED_TEXT = (
    "尾号{tail}的手机号已由新的使用者验证，不再用于您的会员账号。您的会员卡和权益都还在。"
    "如果号码仍是您本人使用，请在小程序里重新验证，或回复“人工”。"
)


class PhoneOutcome(StrEnum):
    """What became of a proven phone."""

    SAME = "same"
    ATTACHED = "attached"
    TRANSFERRED = "transferred"
    MERGED = "merged"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class PhoneChanged:
    """`member_id` is who the person is now; `held_until` is set when the number came from somebody else."""

    outcome: PhoneOutcome
    member_id: UUID
    phone_tail: str
    held_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class KnownFact:
    """What the person says they remember: the store where they shopped last, or the birthday on file (YYYY-MM-DD)."""

    last_store_id: UUID | None = None
    birthday: str | None = None


async def phone_held_until(member_id: UUID, now: datetime) -> datetime | None:
    """Until when what hangs on the phone waits, because the person took it over within the last 24 hours."""
    ids = await ids_of(await canonical(member_id))
    held = PhoneTransfer.filter(to_member_id__in=ids, held_until__gt=now)
    latest = await held.order_by("-held_until").first()
    return latest.held_until if latest else None


async def require_phone_consent(member_id: UUID) -> None:
    """Raises PhoneConsentMissing."""
    given = Consent.filter(member_id=member_id, purpose=ConsentPurpose.PHONE, withdrawn_at=None)
    if not await given.exists():
        raise PhoneConsentMissing


async def tell(member_id: UUID, text: str, *, key: str, at: datetime) -> int:
    """Have a sentence sent through every official account this person follows, inside the open transaction; how many.

    WeChat takes it where the person wrote within 48 hours, and refuses it elsewhere, which ends that job.
    """
    require_atomic()
    followed = await Follower.filter(member_id=member_id, unfollowed_at=None).order_by("-followed_at").limit(3)
    for each in followed:
        account = await Account.get(id=each.account_id)  # type: ignore[attr-defined]
        await later(
            "send_text",
            key=f"{key}:{account.key}",
            at=at,
            order_key=f"chat:{member_id}",
            account=account.key,
            member_id=str(member_id),
            text=text,
        )
    return len(followed)


@refusing
class Transfers:
    """Changes the login phone."""

    def __init__(
        self,
        clock: Clock,
        vault: Vault,
        accounts: Accounts,
        phones: Phones,
        sessions: Sessions,
        registry: Registry = REGISTRY,
    ) -> None:
        self._clock = clock
        self._registry = registry
        self._vault = vault
        self._accounts = accounts
        self._phones = phones
        self._sessions = sessions

    async def change_phone(
        self,
        person: Person,
        *,
        phone_code: str,
        fact: KnownFact | None = None,
        token: str | None = None,
        request_id: str | None = None,
    ) -> Answer[PhoneChanged]:
        """Make the number behind a fresh code (at most 10 minutes old) the person's login phone.

        Their other sessions end, unless it was their phone already. A wrong `fact` is no refusal: the number moves
        without the member that had it. `token` is the session that stays.

        Raises NotAMember, PhoneConsentMissing, PhoneCodeRefused, PhoneBlocked, PhoneFactNeeded (the same code can be
        shown again with the fact), PhoneElsewhere (a case for people is open), WeChatUnavailable, KeyReused.
        """
        if not person.is_member:
            raise NotAMember
        # Doors remember people for a second: whoever asks again must find the answer where a merge has put it.
        person = replace(person, member_id=await canonical(person.member_id))
        await require_phone_consent(person.member_id)
        account = await self._accounts.get(person.account)
        phone = await self._phones.prove(account, member_id=person.member_id, code=phone_code, encrypted=None)
        number = normalise(phone.number, phone.country_code)
        if number is None:
            key = key_of(Namespace.PHONE, phone.country_code, phone.number, self._vault)
            await note_blocked(person.member_id, key, at=self._clock.now(), vault=self._vault)
            raise PhoneBlocked
        proof = Proof(Namespace.PHONE, phone.country_code, number, "wechat")

        async def effect() -> PhoneChanged:
            return await self._settle(person.member_id, proof, fact)

        facts = {"code": phone_code, "fact": fact}
        answer = await once(person, "change_phone", request_id, facts=facts, result=PhoneChanged, effect=effect)
        changed = answer.value
        if changed.outcome is PhoneOutcome.ELSEWHERE:  # raised only now: the conflict and the case stay on record
            raise PhoneElsewhere
        if changed.outcome is not PhoneOutcome.SAME:
            await end_other_sessions(self._sessions, changed.member_id, token)
        return answer

    async def _settle(self, asking: UUID, proof: Proof, fact: KnownFact | None) -> PhoneChanged:
        now, key = self._clock.now(), proof.key(self._vault)
        people = await locked_people([key], asking, now, self._registry)
        await refuse_blocked(key, self._vault)
        member_id = await standing(asking)
        await require_phone_consent(member_id)
        mine = next(person for person in people if person.member_id == member_id)
        owner = next((person for person in people if key in person.held), None)
        if owner is mine:
            seen = Identifier.filter(member_id=member_id, namespace=key.namespace, value_hash=key.value_hash)
            await seen.filter(status=IdentifierStatus.ACTIVE).update(verified_at=now, last_seen_at=now)
            return PhoneChanged(PhoneOutcome.SAME, member_id, tail(proof.value))
        if owner is None:
            await self._give(member_id, proof, now, IdentityAct.BIND)
            return PhoneChanged(PhoneOutcome.ATTACHED, member_id, tail(proof.value))
        if not owner.is_anchored and await self._is_same_person(owner, fact):
            return await self._take_in(mine, owner, proof, now)
        return await self._transfer(owner.member_id, member_id, proof, now)

    async def _is_same_person(self, owner: Candidate, fact: KnownFact | None) -> bool:
        """Whether a member who has nothing but the number is the one who shows it. Raises PhoneFactNeeded."""
        if await Member.filter(id=owner.member_id).exclude(status=MemberStatus.ACTIVE).exists():
            return False  # a freeze is not got rid of, nor caught, by proving a number
        if not owner.is_dormant:
            return True
        known = await self._known_facts(owner.member_id)
        if not known:
            return False  # nothing they could be asked: the number moves, the cards stay reachable by their numbers
        if fact is None:
            raise PhoneFactNeeded(questions=sorted(known))
        said = {LAST_STORE: str(fact.last_store_id) if fact.last_store_id else None, BIRTHDAY: fact.birthday}
        return any(said[name] in answers for name, answers in known.items())

    async def _known_facts(self, member_id: UUID) -> dict[str, set[str]]:
        ids = await ids_of(member_id)
        cards = await Card.filter(member_id__in=ids).exclude(last_store_id=None)
        known = {LAST_STORE: {str(card.last_store_id) for card in cards}}  # type: ignore[attr-defined]
        for member in await Member.filter(id__in=ids).exclude(profile_cipher=""):
            profile = self._vault.decrypt(member.profile_cipher, bound_to=profile_bound_to(member.id))
            if birthday := orjson.loads(profile).get("birthday"):
                known.setdefault(BIRTHDAY, set()).add(str(birthday))
        return {name: answers for name, answers in known.items() if answers}

    async def _take_in(self, mine: Candidate, owner: Candidate, proof: Proof, now: datetime) -> PhoneChanged:
        """The owner of the number turns out to be the person; an older phone of theirs makes room first."""
        kept = replace(mine, held=frozenset(key for key in mine.held if key.namespace is not Namespace.PHONE))
        if not is_too_much((kept, owner), self._registry):
            await self._give_up_phones(mine.member_id, now)
        linked = await link_members(
            mine.member_id,
            owner.member_id,
            reason="proven_phone",
            now=now,
            vault=self._vault,
            registry=self._registry,
        )
        if linked.absorbed_id is None:
            return PhoneChanged(PhoneOutcome.ELSEWHERE, mine.member_id, "")
        await Identifier.filter(
            member_id=linked.member_id, namespace=Namespace.PHONE, status=IdentifierStatus.ACTIVE
        ).update(verified_at=now, verified_by=proof.proven_by, last_seen_at=now)
        await Member.filter(id=linked.member_id).update(phone_tail=tail(proof.value))
        return PhoneChanged(PhoneOutcome.MERGED, linked.member_id, tail(proof.value))

    async def _transfer(self, from_id: UUID, to_id: UUID, proof: Proof, now: datetime) -> PhoneChanged:
        key, transfer_id, held_until = proof.key(self._vault), new_id(), now + HELD_FOR
        await self._revoke([key], from_id, now)
        await note(IdentityAct.TRANSFER, from_id, key, at=now, vault=self._vault, other_id=to_id, side="given")
        await self._give(to_id, proof, now, IdentityAct.TRANSFER, other_id=from_id, side="taken")
        await PhoneTransfer.create(
            id=transfer_id,
            namespace=key.namespace,
            from_member_id=from_id,
            to_member_id=to_id,
            tail=tail(proof.value),
            transferred_at=now,
            held_until=held_until,
        )
        text = MOVED_TEXT.format(tail=tail(proof.value))
        await tell(from_id, text, key=f"phone_moved:{transfer_id}", at=now)
        return PhoneChanged(PhoneOutcome.TRANSFERRED, to_id, tail(proof.value), held_until)

    async def _give(
        self,
        member_id: UUID,
        proof: Proof,
        now: datetime,
        act: IdentityAct,
        *,
        other_id: UUID | None = None,
        side: str = "",
    ) -> None:
        """Make it their one login phone; the one before is history."""
        await self._give_up_phones(member_id, now)
        identifier_id, key = new_id(), proof.key(self._vault)
        await Identifier.create(
            id=identifier_id,
            member_id=member_id,
            namespace=key.namespace,
            scope=key.scope,
            value_hash=key.value_hash,
            value_cipher=self._vault.encrypt(proof.value, bound_to=bound_to(identifier_id)),
            verified_at=now,
            verified_by=proof.proven_by,
            last_seen_at=now,
        )
        evidence = {"side": side} if side else {}
        await note(act, member_id, key, at=now, vault=self._vault, other_id=other_id, **evidence)
        await Member.filter(id=member_id).update(phone_tail=tail(proof.value))

    async def _give_up_phones(self, member_id: UUID, now: datetime) -> None:
        phones = Identifier.filter(member_id=member_id, namespace=Namespace.PHONE, status=IdentifierStatus.ACTIVE)
        keys = [Key(phone.namespace, phone.scope, phone.value_hash) for phone in await phones]
        await self._revoke(keys, member_id, now)
        for key in keys:
            await note(IdentityAct.UNBIND, member_id, key, at=now, vault=self._vault, reason="phone_changed")

    async def _revoke(self, keys: Sequence[Key], member_id: UUID, now: datetime) -> None:
        held = Identifier.filter(member_id=member_id, namespace=Namespace.PHONE, status=IdentifierStatus.ACTIVE)
        for key in keys:
            await held.filter(scope=key.scope, value_hash=key.value_hash).update(
                status=IdentifierStatus.REVOKED, last_seen_at=now
            )
        if not await held.exists():
            await Member.filter(id=member_id).update(phone_tail="")


async def end_other_sessions(sessions: Sessions, member_id: UUID, token: str | None) -> None:
    """After the commit, whatever the store says: the act stands. A repeated request ends them again."""
    try:
        await sessions.close_others(member_id, token=token)
    except Overloaded:
        log.warning("sessions_not_ended", extra={"member": str(member_id)})
