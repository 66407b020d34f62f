"""批量发放: an operator hands in a list, sees what would become of it; a second one approves, and a job does it."""

from dataclasses import replace
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from handlers.actors import Operator
from handlers.approvals import decide_latest, propose
from handlers.audit import record
from handlers.codec import dumps
from handlers.errors import (
    GrantNothingToDo,
    GrantRepeated,
    GrantStateWrong,
)
from handlers.grants import granting
from handlers.grants.grant_drafts import GrantDraft, lines_of
from handlers.grants.grant_lists import BATCH, DryRun, add_rows, grantable
from handlers.grants.grant_views import GrantView, RowView, theirs, view
from handlers.grants.recharge_numbers import drop_of_list
from handlers.offers.offer_views import theirs as offer_of
from handlers.ports import Clock, Vault
from handlers.recurring import BUSINESS_ZONE
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.grant_rows import REASONS
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.database import rows
from models.grants import GrantBatch, GrantedClaim, GrantRow
from models.ids import new_id
from models.statements import grants as statements
from models.words import GrantKind, GrantRowState, GrantState

KIND = "grant"
LIST_HASH = "grant_list"
_STANDING = (GrantState.CHECKED, GrantState.PROPOSED, GrantState.RUNNING, GrantState.DONE)


@refusing
class Grants:
    """Lists within the operator's subtree: handed in, approved, stopped, taken back."""

    def __init__(self, clock: Clock, vault: Vault, zone: ZoneInfo = BUSINESS_ZONE) -> None:
        self._clock = clock
        self._vault = vault
        self._zone = zone

    async def make(self, operator: Operator, draft: GrantDraft, *, request_id: str) -> Answer[GrantView]:
        """Keep a list and say what would become of each row. Nothing is given.

        Raises RoleMissing, OfferUnknown, GrantNotForOffer, ChoicesInvalid, GrantFileInvalid, GrantRepeated, KeyReused.
        """
        scope = await allowed(operator, Capability.GRANTS)
        lines = tuple(lines_of(draft))
        # Keyed: of a short list of phones a plain hash could be guessed at.
        hashed = self._vault.blind_index(LIST_HASH, dumps([draft.rows, draft.csv]))

        async def effect() -> GrantView:
            now, stored = self._clock.now(), await offer_of(scope, draft.offer_id)
            offer = await grantable(draft.offer_id, draft.choices)
            if not draft.is_again:
                await refuse_repeated(draft.offer_id, hashed)
            row: Any = stored
            grant = await GrantBatch.create(
                kind=GrantKind.GRANT,
                offer_id=draft.offer_id,
                organization_id=row.organization_id,
                state=GrantState.CHECKED,
                reason=draft.reason,
                choices=sorted(draft.choices),
                is_beyond_limits=draft.is_beyond_limits,
                is_told=draft.is_told,
                file_hash=hashed,
                row_count=len(lines),
                made_by_kind=operator.kind,
                made_by_id=operator.actor_id,
            )
            await add_rows(grant.id, offer, lines, scope=scope, vault=self._vault, now=now)
            dry_run = DryRun(grant, offer, now=now, zone=self._zone)
            await dry_run.begin()
            while await dry_run.batch() == BATCH:
                pass
            told = {"offer": offer.code, "rows": len(lines), "reason": draft.reason, "beyond": draft.is_beyond_limits}
            await record(operator, "grant.made", "grant", grant.id, at=now, organization_id=row.organization_id, **told)
            return await view(grant)

        facts = replace(draft, rows=(), csv=hashed)
        return await once(operator, "grant.make", request_id, facts=facts, result=GrantView, effect=effect)

    async def listing(self, operator: Operator, *, before: UUID | None, limit: int) -> tuple[GrantView, ...]:
        """Lists of the subtree, the newest first. Raises RoleMissing."""
        scope = await allowed(operator, Capability.GRANTS)
        found = GrantBatch.filter(organization_id__in=list(scope.organization_ids)).order_by("-id").limit(limit)
        return tuple([await view(each) for each in await (found.filter(id__lt=before) if before else found)])

    async def one(self, operator: Operator, grant_id: UUID) -> GrantView:
        """Raises RoleMissing, GrantUnknown."""
        return await view(await theirs(await allowed(operator, Capability.GRANTS), grant_id))

    async def rows(
        self, operator: Operator, grant_id: UUID, *, after_row: int, limit: int, state: GrantRowState | None = None
    ) -> tuple[RowView, ...]:
        """What became of each line, in the list's order. Raises RoleMissing, GrantUnknown."""
        await theirs(await allowed(operator, Capability.GRANTS), grant_id)
        found = GrantRow.filter(grant_id=grant_id, row_number__gt=after_row).order_by("row_number").limit(limit)
        listed: list[Any] = await (found.filter(state=state) if state else found)
        claims: dict[UUID, list[UUID]] = {}
        brought = GrantedClaim.filter(grant_row_id__in=[each.id for each in listed]).order_by("number")
        for row_id, claim_id in await brought.values_list("grant_row_id", "claim_id") if listed else ():
            claims.setdefault(row_id, []).append(claim_id)
        return tuple(
            RowView(
                row_number=each.row_number,
                member_id=each.member_id,
                quantity=each.quantity,
                state=each.state,
                code=each.code,
                reason=REASONS.get(each.code, ""),
                claim_ids=tuple(claims.get(each.id, [each.claim_id] if each.claim_id else [])),
                done_at=each.done_at,
            )
            for each in listed
        )

    async def submit(self, operator: Operator, grant_id: UUID, *, request_id: str) -> Answer[GrantView]:
        """Ask a second operator to approve it.

        Raises RoleMissing, GrantUnknown, GrantStateWrong, GrantNothingToDo, KeyReused.
        """
        scope = await allowed(operator, Capability.GRANTS)

        async def effect() -> GrantView:
            now, grant = self._clock.now(), await theirs(scope, grant_id)
            if not await GrantRow.exists(grant_id=grant_id, state=GrantRowState.WAITING):
                raise GrantNothingToDo
            await _move(grant, GrantState.CHECKED, GrantState.PROPOSED)
            place = _place(grant)
            facts = {"beyond": bool(grant.is_beyond_limits)}
            await propose(operator, KIND, grant_id, place=place, facts=facts, reason=grant.reason)
            await record(operator, "grant.proposed", "grant", grant_id, at=now, organization_id=place)
            return await view(await GrantBatch.get(id=grant_id))

        return await once(operator, "grant.submit", request_id, facts=grant_id, result=GrantView, effect=effect)

    async def approve(self, operator: Operator, grant_id: UUID, *, request_id: str) -> Answer[GrantView]:
        """Let it be done, by somebody who did not ask for it.

        Raises RoleMissing, GrantUnknown, ApprovalUnknown, ApprovalOwn, ApprovalDecided, GrantStateWrong, KeyReused.
        """
        return await self._decide(operator, grant_id, "approved", request_id)

    async def reject(self, operator: Operator, grant_id: UUID, *, request_id: str) -> Answer[GrantView]:
        """Leave everything as it is. Raises as `approve`."""
        return await self._decide(operator, grant_id, "rejected", request_id)

    async def stop(self, operator: Operator, grant_id: UUID, *, reason: str, request_id: str) -> Answer[GrantView]:
        """Nothing further is done, from the next batch on, until it is resumed; what was done stays.

        Raises RoleMissing, GrantUnknown, GrantStateWrong, KeyReused.
        """
        scope = await allowed(operator, Capability.GRANTS)

        async def effect() -> GrantView:
            now, grant = self._clock.now(), await theirs(scope, grant_id)
            if not await rows(statements.END, grant_id, GrantState.STOPPED, now):
                raise GrantStateWrong(state=str((await GrantBatch.get(id=grant_id)).state))
            await record(
                operator, "grant.stopped", "grant", grant_id, at=now, organization_id=_place(grant), reason=reason
            )
            return await view(await GrantBatch.get(id=grant_id))

        facts = {"id": grant_id, "reason": reason}
        return await once(operator, "grant.stop", request_id, facts=facts, result=GrantView, effect=effect)

    async def undo(
        self,
        operator: Operator,
        grant_id: UUID,
        *,
        reason: str,
        to_stock: bool = False,
        is_told: bool = True,
        request_id: str,
    ) -> Answer[GrantView]:
        """A list of everything that this one gave and nobody has used, to be taken back once it is approved.

        Raises RoleMissing, GrantUnknown, GrantStateWrong (it is not over, or took back itself), GrantNothingToDo,
        KeyReused.
        """
        scope = await allowed(operator, Capability.GRANTS)

        async def effect() -> GrantView:
            now, grant = self._clock.now(), await theirs(scope, grant_id)
            if grant.kind is not GrantKind.GRANT or grant.state not in (GrantState.DONE, GrantState.STOPPED):
                raise GrantStateWrong(state=str(grant.state))
            unused = await rows(statements.UNUSED, grant_id)
            if not unused:
                raise GrantNothingToDo
            row: Any = grant
            made = await GrantBatch.create(
                kind=GrantKind.UNDO,
                offer_id=row.offer_id,
                organization_id=row.organization_id,
                undoes_id=grant_id,
                state=GrantState.CHECKED,
                reason=reason,
                is_told=is_told,
                returns_to_stock=to_stock,
                row_count=len(unused),
                made_by_kind=operator.kind,
                made_by_id=operator.actor_id,
            )
            for start in range(0, len(unused), BATCH):
                batch = [
                    {
                        "id": str(new_id()),
                        "row_number": number,
                        "member_id": str(each["member_id"]),
                        "claim_id": str(each["claim_id"]),
                    }
                    for number, each in enumerate(unused[start : start + BATCH], start=start + 1)
                ]
                await rows(statements.ADD_UNDONE, orjson.dumps(batch).decode(), now, made.id)
            told = {"undoes": grant_id, "rows": len(unused), "reason": reason}
            await record(
                operator, "grant.undo_made", "grant", made.id, at=now, organization_id=row.organization_id, **told
            )
            return await view(made)

        facts = {"id": grant_id, "reason": reason, "to_stock": to_stock, "is_told": is_told}
        return await once(operator, "grant.undo", request_id, facts=facts, result=GrantView, effect=effect)

    async def _decide(self, operator: Operator, grant_id: UUID, outcome: str, request_id: str) -> Answer[GrantView]:
        scope = await allowed(operator, Capability.GRANTS)

        async def effect() -> GrantView:
            now, grant = self._clock.now(), await theirs(scope, grant_id)
            await decide_latest(operator, KIND, grant_id, outcome, scope=scope, at=now)
            is_approved = outcome == "approved"
            await _move(grant, GrantState.PROPOSED, GrantState.RUNNING if is_approved else GrantState.REJECTED)
            if is_approved:
                await granting.begin(grant_id, at=now)
            else:
                await drop_of_list(grant_id)
            await record(operator, f"grant.{outcome}", "grant", grant_id, at=now, organization_id=_place(grant))
            return await view(await GrantBatch.get(id=grant_id))

        operation = f"grant.{outcome}"
        return await once(operator, operation, request_id, facts=grant_id, result=GrantView, effect=effect)


async def refuse_repeated(offer_id: UUID, hashed: str, *, besides: UUID | None = None) -> None:
    """Raises GrantRepeated where the same list stands for this offer (another one than `besides`)."""
    same = GrantBatch.filter(offer_id=offer_id, file_hash=hashed, state__in=list(_STANDING))
    earlier = await (same.exclude(id=besides) if besides else same).first()
    if earlier is not None:
        raise GrantRepeated(grant_id=str(earlier.id))


async def _move(grant: GrantBatch, before: GrantState, after: GrantState) -> None:
    if not await rows(statements.MOVE, grant.id, before, after):
        raise GrantStateWrong(state=str((await GrantBatch.get(id=grant.id)).state))


def _place(grant: Any) -> UUID:
    place: UUID = grant.organization_id
    return place
