"""Clerks: invited by operators, made by whoever opens the invitation first, and revoked at once everywhere."""

import base64
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from handlers.actors import Operator
from handlers.audit import record
from handlers.errors import (
    ClerkAlready,
    ClerkUnknown,
    InvitationInvalid,
    InvitationUnknown,
    MerchantUnknown,
    StoreUnknown,
)
from handlers.identity.sessions import Sessions, hash_token
from handlers.ports import Clock, Vault
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.organization_scope import Scope
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from handlers.shops.clerk_sessions import canonical_clerkship
from handlers.standing import standing
from models.database import row, rows
from models.ids import new_id
from models.programmes import Merchant, Store
from models.redemptions import Clerk as ClerkRow
from models.redemptions import ClerkInvitation
from models.statements import clerks as statements
from models.words import ClerkRole

PAGE = "pages/clerk/accept"


@dataclass(frozen=True, slots=True)
class ClerkView:
    """A clerk as operators and they themselves see it; `merchant` and `store` are codes."""

    id: UUID
    merchant: str
    store: str | None
    role: ClerkRole
    name: str
    invited_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class InvitationView:
    """An invitation that is still open, without its token."""

    id: UUID
    merchant: str
    store: str | None
    role: ClerkRole
    name: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Invited:
    """A fresh invitation. `path` opens it in the mini-program; the token is derived, and stored as its hash alone."""

    invitation: InvitationView
    token: str = field(repr=False)
    path: str = field(repr=False)


@refusing
class Clerks:
    """Invites, accepts, lists and revokes clerks."""

    def __init__(self, clock: Clock, vault: Vault, sessions: Sessions) -> None:
        self._clock = clock
        self._vault = vault
        self._sessions = sessions

    async def invite(
        self,
        operator: Operator,
        *,
        merchant: str,
        store: str | None,
        role: ClerkRole,
        name: str,
        lasting: timedelta,
        request_id: str,
    ) -> Answer[Invited]:
        """An invitation to serve in one store of a merchant, or in all of them.

        Raises RoleMissing, MerchantUnknown, StoreUnknown, KeyReused.
        """
        scope = await allowed(operator, Capability.MERCHANTS)

        async def effect() -> InvitationView:
            owner = await _merchant(merchant, scope)
            place = await _store(store, owner) if store is not None else None
            now, invitation_id = self._clock.now(), new_id()
            made = InvitationView(invitation_id, merchant, store, role, name, now + lasting)
            await ClerkInvitation.create(
                id=invitation_id,
                token_hash=hash_token(self._token(invitation_id)),
                merchant_id=owner.id,
                store_id=place.id if place else None,
                role=role,
                name=name,
                invited_by_id=operator.id,
                expires_at=made.expires_at,
            )
            organization_id: UUID = owner.organization_id  # type: ignore[attr-defined]
            told = {"merchant": merchant, "store": store, "role": role.value}
            action = "clerk.invited"
            await record(operator, action, "clerk_invitation", made.id, at=now, organization_id=organization_id, **told)
            return made

        facts = {"merchant": merchant, "store": store, "role": role, "name": name, "lasting": lasting}
        answer = await once(operator, "clerk.invite", request_id, facts=facts, result=InvitationView, effect=effect)
        token = self._token(answer.value.id)
        return Answer(Invited(answer.value, token, f"{PAGE}?token={token}"), answer.replayed)

    async def accept(self, *, token: str, code: str, account: str | None = None, request_id: str) -> Answer[ClerkView]:
        """The person behind this wx.login code serves from now on. Accepting again gives the same answer.

        Raises InvitationInvalid, ClerkAlready, MemberFrozen, LoginCodeRefused, WeChatUnavailable, KeyReused.
        """
        person = await self._sessions.identify(code=code, account=account)
        token_hash = hash_token(token)

        async def effect() -> ClerkView:
            now, member_id = self._clock.now(), await standing(person.member_id)
            found = await ClerkInvitation.get_or_none(token_hash=token_hash).prefetch_related("merchant", "store")
            if found is None:
                raise InvitationInvalid
            owner, store = found.merchant, found.store
            known = await canonical_clerkship(member_id, merchant=owner.code)
            taken_by: UUID | None = found.clerk_id  # type: ignore[attr-defined]
            if known is not None and known.id == taken_by:
                return _view(await ClerkRow.get(id=known.id), owner.code, store.code if store else None)
            if taken_by is not None:
                raise InvitationInvalid
            if known is not None:
                raise ClerkAlready
            clerk_id = new_id()
            place = store.id if store else None
            kept = await row(
                statements.KEEP_CLERK, clerk_id, now, member_id, owner.id, place, found.role.value, found.name
            )
            if kept is None:
                raise ClerkAlready
            if await row(statements.TAKE_INVITATION, found.id, clerk_id, now) is None:
                raise InvitationInvalid
            organization_id: UUID = owner.organization_id  # type: ignore[attr-defined]
            told = {"merchant": owner.code, "invitation": str(found.id)}
            await record(person, "clerk.accepted", "clerk", clerk_id, at=now, organization_id=organization_id, **told)
            return ClerkView(clerk_id, owner.code, store.code if store else None, found.role, found.name, now)

        facts = {"token": token_hash}
        return await once(person, "clerk.accept", request_id, facts=facts, result=ClerkView, effect=effect)

    async def listing(
        self, operator: Operator, *, merchant: str | None = None, after: UUID | None, limit: int
    ) -> tuple[ClerkView, ...]:
        """Clerks of the subtree, revoked ones too, in the order they came. Raises RoleMissing."""
        scope = await allowed(operator, Capability.MERCHANTS)
        found = ClerkRow.filter(merchant__organization_id__in=list(scope.organization_ids)).order_by("id").limit(limit)
        if merchant is not None:
            found = found.filter(merchant__code=merchant)
        if after is not None:
            found = found.filter(id__gt=after)
        return tuple(
            [
                _view(each, each.merchant.code, each.store.code if each.store else None)
                for each in await found.prefetch_related("merchant", "store")
            ]
        )

    async def invitations(self, operator: Operator, *, after: UUID | None, limit: int) -> tuple[InvitationView, ...]:
        """Invitations of the subtree that can still be accepted. Raises RoleMissing."""
        scope = await allowed(operator, Capability.MERCHANTS)
        found = (
            ClerkInvitation.filter(
                merchant__organization_id__in=list(scope.organization_ids),
                clerk_id=None,
                revoked_at=None,
                expires_at__gt=self._clock.now(),
            )
            .order_by("id")
            .limit(limit)
        )
        if after is not None:
            found = found.filter(id__gt=after)
        return tuple(
            [
                InvitationView(
                    each.id,
                    each.merchant.code,
                    each.store.code if each.store else None,
                    each.role,
                    each.name,
                    each.expires_at,
                )
                for each in await found.prefetch_related("merchant", "store")
            ]
        )

    async def revoke(self, operator: Operator, clerk_id: UUID, *, request_id: str | None = None) -> Answer[ClerkView]:
        """They serve no more, from the next request on, in every process; again is fine. Raises ClerkUnknown."""
        scope = await allowed(operator, Capability.MERCHANTS)

        async def effect() -> ClerkView:
            found = await ClerkRow.get_or_none(id=clerk_id).prefetch_related("merchant", "store")
            if found is None or not scope.sees(found.merchant.organization_id):  # type: ignore[attr-defined]
                raise ClerkUnknown
            now, organization_id = self._clock.now(), found.merchant.organization_id  # type: ignore[attr-defined]
            if await row(statements.REVOKE_CLERK, clerk_id, now) is not None:
                await rows(statements.END_SESSIONS, clerk_id, now)
                found.revoked_at = now
                action, merchant = "clerk.revoked", found.merchant.code
                await record(
                    operator, action, "clerk", clerk_id, at=now, organization_id=organization_id, merchant=merchant
                )
            return _view(found, found.merchant.code, found.store.code if found.store else None)

        facts = {"id": clerk_id}
        return await once(operator, "clerk.revoke", request_id, facts=facts, result=ClerkView, effect=effect)

    async def take_back(self, operator: Operator, invitation_id: UUID, *, request_id: str | None = None) -> Answer[str]:
        """Nobody can accept it any more; again is fine. Raises InvitationUnknown, KeyReused."""
        scope = await allowed(operator, Capability.MERCHANTS)

        async def effect() -> str:
            found = await ClerkInvitation.get_or_none(id=invitation_id).prefetch_related("merchant")
            if found is None or not scope.sees(found.merchant.organization_id):  # type: ignore[attr-defined]
                raise InvitationUnknown
            now, organization_id = self._clock.now(), found.merchant.organization_id  # type: ignore[attr-defined]
            if await row(statements.REVOKE_INVITATION, invitation_id, now) is not None:
                action = "clerk.invitation_revoked"
                await record(
                    operator, action, "clerk_invitation", invitation_id, at=now, organization_id=organization_id
                )
            return "done"

        facts = {"id": invitation_id}
        return await once(operator, "clerk.take_back", request_id, facts=facts, result=str, effect=effect)

    def _token(self, invitation_id: UUID) -> str:
        """43 URL-safe characters, derived: the stored result of a repeated request holds no secret."""
        derived = bytes.fromhex(self._vault.blind_index("clerk_invitation", str(invitation_id)))
        return base64.urlsafe_b64encode(derived).decode().rstrip("=")


async def _merchant(code: str, scope: Scope) -> Merchant:
    found = await Merchant.get_or_none(code=code)
    if found is None or not scope.sees(found.organization_id):  # type: ignore[attr-defined]
        raise MerchantUnknown
    return found


async def _store(code: str, owner: Merchant) -> Store:
    found = await Store.get_or_none(code=code, merchant_id=owner.id)
    if found is None:
        raise StoreUnknown
    return found


def _view(stored: ClerkRow, merchant: str, store: str | None) -> ClerkView:
    return ClerkView(stored.id, merchant, store, stored.role, stored.name, stored.created_at, stored.revoked_at)
