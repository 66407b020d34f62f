"""What people take back in WeChat itself, in its settings or by closing their account with a mini-program.

Source: WeChat's documents 授权用户信息变更, of mini-programs (RevokeInfo 1 to 20) and of service accounts (201 to 207),
on `user_info_modified`, `user_authorization_revoke` and `user_authorization_cancellation`; PIPL art. 15 and 47: what
rested on the consent goes with it.

The list of what can be taken back has grown twice. Whatever an event does not say in words that we know is taken for
all that WeChat told us: a number too much is one tap to give again, and one kept against somebody's will is a breach.
Such events are counted and logged with their numbers, so that the lists below can follow.
"""

import logging
import re
from uuid import UUID

import orjson
from prometheus_client import Counter

from handlers.accounts.accounts import AccountFacts
from handlers.actors import Person
from handlers.errors import DepartureHindered
from handlers.identity.consents import forget_phones
from handlers.identity.identity_events import note
from handlers.identity.merging import profile_bound_to
from handlers.identity.proofs import Proof
from handlers.ports import Clock, Vault
from handlers.privacy.departures import Departures
from handlers.retrying import again, refusing
from handlers.standing import ids_of, standing
from models.consents import Consent
from models.database import atomic
from models.identity import Follower, Identifier, Member
from models.words import ConsentPurpose, IdentifierStatus, IdentityAct, Namespace

log = logging.getLogger(__name__)

PHONE_TAKEN_BACK = frozenset({"8"})
NICKNAME_TAKEN_BACK = frozenset({"6", "19", "205"})  # alone, or with the picture that we never hold
# Plate, address, invoice, bluetooth, microphone, camera, steps, places, pictures, files, e-mail, picture of the person.
_MINI_PROGRAM = {"1", "2", "3", "4", "5", "7", "12", "13", "14", "15", "16", "18", "20"}
# Address, invoice, coupons, microphone, place, pictures.
_SERVICE_ACCOUNT = {"201", "202", "203", "204", "206", "207"}
NEVER_HELD = frozenset(_MINI_PROGRAM | _SERVICE_ACCOUNT)

unknown_total = Counter("fanpiao_revocations_unknown_total", "Authorizations taken back that we have no word for")


@refusing
class Authorizations:
    """Deletes what a person took back at WeChat. Each act may be repeated."""

    def __init__(self, clock: Clock, vault: Vault, departures: Departures) -> None:
        self._clock = clock
        self._vault = vault
        self._departures = departures

    async def revoked(self, person: Person, *, taken_back: str) -> None:
        """`user_authorization_revoke`: what RevokeInfo names goes; all of it when that is empty or new to us."""
        named = set(re.findall(r"[0-9]{1,9}", taken_back))
        unknown = named - PHONE_TAKEN_BACK - NICKNAME_TAKEN_BACK - NEVER_HELD
        is_all = not named or bool(unknown)
        if is_all:
            unknown_total.inc()
            log.warning("unknown_revocation", extra={"numbers": sorted(unknown)[:8]})
        await again(
            lambda: self._forget(
                person.member_id,
                phone=is_all or bool(named & PHONE_TAKEN_BACK),
                nickname=is_all or bool(named & NICKNAME_TAKEN_BACK),
            )
        )

    async def info_modified(self, person: Person) -> None:
        """`user_info_modified`: WeChat changed or cleaned what it had told; our copy goes."""
        await again(lambda: self._forget(person.member_id, phone=False, nickname=True))

    async def cancelled(self, person: Person, account: AccountFacts, *, openid: str) -> None:
        """`user_authorization_cancellation`: the person closed their account here.

        Somebody whom we know by this account alone has left us, unless something of theirs is still open; a person of
        several channels loses this one, and what WeChat had told of them.
        """
        if await self._is_known_elsewhere(person.member_id, account, openid):
            await again(lambda: self._forget(person.member_id, phone=True, nickname=True))
            await again(lambda: self._drop_channel(person.member_id, account, openid))
            return
        try:
            await self._departures.leave(person)
        except DepartureHindered as refusal:
            log.warning("departure_hindered", extra={"member": str(person.member_id), **refusal.facts})
            await again(lambda: self._forget(person.member_id, phone=True, nickname=True))

    async def _is_known_elsewhere(self, member_id: UUID, account: AccountFacts, openid: str) -> bool:
        held = Identifier.filter(member_id__in=await ids_of(member_id), status=IdentifierStatus.ACTIVE)
        return await held.filter(namespace=Namespace.WX_OPENID).exclude(scope=account.app.app_id).exists()

    async def _forget(self, asked: UUID, *, phone: bool, nickname: bool) -> None:
        now = self._clock.now()
        async with atomic():
            member_id = await standing(asked, even_frozen=True)
            for each in await ids_of(member_id):
                if phone:
                    given = Consent.filter(member_id=each, purpose=ConsentPurpose.PHONE, withdrawn_at=None)
                    await given.update(withdrawn_at=now)
                    await forget_phones(each, at=now, vault=self._vault)
                if nickname:
                    await self._forget_nickname(each)

    async def _forget_nickname(self, member_id: UUID) -> None:
        member = await Member.get(id=member_id)
        if not member.profile_cipher:
            return
        bound_to = profile_bound_to(member_id)
        told = orjson.loads(self._vault.decrypt(member.profile_cipher, bound_to=bound_to))
        if told.pop("nickname", None) is not None:
            cipher = self._vault.encrypt(orjson.dumps(told).decode(), bound_to=bound_to) if told else ""
            await Member.filter(id=member_id).update(profile_cipher=cipher)

    async def _drop_channel(self, asked: UUID, account: AccountFacts, openid: str) -> None:
        now = self._clock.now()
        key = Proof(Namespace.WX_OPENID, account.app.app_id, openid, "wechat").key(self._vault)
        async with atomic():
            member_id = await standing(asked, even_frozen=True)
            held = Identifier.filter(member_id=member_id, namespace=key.namespace, scope=key.scope)
            if await held.filter(value_hash=key.value_hash).delete():
                reason = "authorization_cancelled"
                await note(IdentityAct.UNBIND, member_id, key, at=now, vault=self._vault, reason=reason)
            await Follower.filter(member_id=member_id, account_id=account.id).delete()
