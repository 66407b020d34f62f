"""激活码: made by operators in batches, shown once, kept as keyed hashes, each good for one membership.

A code is derived from the index key, its batch and its number, and never stored: the answer that shows a batch can be
given again under its own key, and under no other.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from handlers.actors import Operator, Person
from handlers.audit import record
from handlers.cards.proof_attempts import Attempt, count_attempt, give_back
from handlers.errors import (
    CardTriesUsedUp,
    CodeBatchInvalid,
    PlanCodeInvalid,
    PlanCodeTriesUsedUp,
    PlanNotPublished,
    PlanUnknown,
)
from handlers.paid_terms.giving import TermWanted, extend
from handlers.paid_terms.having import PlanSold, published_plan, terms_from
from handlers.plans.catalogue import stands
from handlers.plans.members import joined
from handlers.plans.my_membership import MembershipSeen, membership_seen
from handlers.plans.scope import programme_of
from handlers.ports import Clock, Vault
from handlers.requests import Answer, once
from handlers.retrying import again, refusing
from handlers.rules.plan_codes import normalise, shown, written
from handlers.rules.roles import Capability
from models.database import atomic, row, rows
from models.failures import SerializationConflict
from models.ids import new_id
from models.plans import Plan, PlanCodeBatch
from models.sql import as_instant, as_uuid, dump_rows
from models.statements import plans as statements
from models.words import PlanState, TermCause

CODE, HASH = "plan_code", "plan_code_hash"  # what is derived: the code itself, and how it is found
MOST_AT_ONCE = 1_000
MOST_DAYS = 1_100


@dataclass(frozen=True, slots=True)
class BatchWanted:
    """So many codes of what a plan sells now; `expires_at`: until when they can be used."""

    code_count: int
    expires_at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class BatchSeen:
    """A batch as operators see it afterwards: without its codes."""

    id: UUID
    plan_id: UUID
    plan_version: int
    code_count: int
    used_count: int
    note: str
    expires_at: datetime
    made_at: datetime
    made_by: UUID


@dataclass(frozen=True, slots=True)
class BatchMade:
    """The batch and its codes as people read them: told here and nowhere else."""

    batch: BatchSeen
    codes: tuple[str, ...]


@refusing
class PlanCodes:
    """Makes batches, lists them, and lets members use codes."""

    def __init__(self, clock: Clock, vault: Vault) -> None:
        self._clock = clock
        self._vault = vault

    async def make(
        self, operator: Operator, plan_id: UUID, wanted: BatchWanted, *, request_id: str
    ) -> Answer[BatchMade]:
        """One batch, at most 1,000 codes. What is stored of the answer has no code in it.

        Raises RoleMissing, PlanUnknown, PlanNotPublished, CodeBatchInvalid, KeyReused.
        """
        place = await programme_of(operator, Capability.PLAN_CODES)

        async def effect() -> BatchSeen:
            now, plan = self._clock.now(), await _sold(plan_id)
            if not (1 <= wanted.code_count <= MOST_AT_ONCE and now < wanted.expires_at <= now + timedelta(MOST_DAYS)):
                raise CodeBatchInvalid(most=MOST_AT_ONCE, days=MOST_DAYS)
            batch = await PlanCodeBatch.create(
                plan_id=plan.id,
                plan_version=plan.version,
                code_count=wanted.code_count,
                note=wanted.note,
                expires_at=wanted.expires_at,
                made_by_id=operator.id,
                made_at=now,
            )
            codes = [
                {"id": new_id(), "number": number, "code_hash": self._hash(code)}
                for number, code in enumerate(self._codes(batch.id, wanted.code_count), start=1)
            ]
            if len(await rows(statements.ADD_CODES, dump_rows(codes), now, batch.id)) < len(codes):
                raise SerializationConflict("a code exists already")  # another batch has another id, and other codes
            told = {"plan": plan.code, "codes": wanted.code_count, "batch": str(batch.id)}
            await record(operator, "plan.codes_made", "plan", plan.id, at=now, organization_id=place, **told)
            return _seen(batch)

        facts = {"plan": plan_id, "wanted": wanted}
        answer = await once(operator, "plan.codes", request_id, facts=facts, result=BatchSeen, effect=effect)
        codes = tuple(map(shown, self._codes(answer.value.id, answer.value.code_count)))
        return Answer(BatchMade(answer.value, codes), answer.replayed)

    async def batches(
        self, operator: Operator, plan_id: UUID, *, after: UUID | None, limit: int
    ) -> tuple[BatchSeen, ...]:
        """Of one plan, the newest first. Raises RoleMissing, PlanUnknown."""
        await programme_of(operator, Capability.PLAN_CODES)
        if not await Plan.exists(id=plan_id):
            raise PlanUnknown
        return tuple(
            BatchSeen(
                id=as_uuid(each["id"]),
                plan_id=as_uuid(each["plan_id"]),
                plan_version=int(each["plan_version"]),
                code_count=int(each["code_count"]),
                used_count=int(each["used_count"]),
                note=each["note"],
                expires_at=as_instant(each["expires_at"]),
                made_at=as_instant(each["made_at"]),
                made_by=as_uuid(each["made_by_id"]),
            )
            for each in await rows(statements.BATCHES, plan_id, after, limit)
        )

    async def use(self, person: Person, typed: str, *, request_id: str) -> Answer[MembershipSeen]:
        """A code becomes a term of membership, once; five tries an hour, counted whatever becomes of them.

        Raises PlanCodeInvalid, PlanCodeTriesUsedUp, PlanNotAbove (the code stays good), NotAMember, NotSignedIn,
        MemberFrozen, KeyReused.
        """
        code = normalise(typed)
        try:
            attempt = await count_attempt([f"{CODE}:{person.member_id}"], self._clock.now())
        except CardTriesUsedUp as refused:
            raise PlanCodeTriesUsedUp(**refused.facts) from None

        async def effect() -> MembershipSeen:
            now, member_id = self._clock.now(), await joined(person.member_id)
            found = await row(statements.CODE, self._hash(code)) if code else None
            if found is None or found["used_at"] or as_instant(found["expires_at"]) <= now:
                raise PlanCodeInvalid(left=attempt.left)
            # One conditional UPDATE picks the one who has it.
            code_id, terms = as_uuid(found["id"]), terms_from(found["terms"])
            if not await rows(statements.USE_CODE, code_id, now):
                raise PlanCodeInvalid(left=attempt.left)
            wanted = TermWanted(
                member_id=member_id,
                plan_id=as_uuid(found["plan_id"]),
                plan_version=int(found["plan_version"]),
                title=terms.name,
                level=terms.level,
                day_count=terms.day_count,
                cause=TermCause.CODE,
                code_id=code_id,
            )
            await extend(wanted, at=now)
            await give_back(attempt)
            return membership_seen(await stands(member_id, now), now)

        facts = {"code": self._hash(code) if code else ""}
        answer = await once(person, "plan.code", request_id, facts=facts, result=MembershipSeen, effect=effect)
        if answer.replayed:  # asking again is no other try
            await again(lambda: _give_back(attempt))
        return answer

    def _codes(self, batch_id: UUID, count: int) -> list[str]:
        return [written(self._vault.blind_index(CODE, f"{batch_id}:{number}")) for number in range(1, count + 1)]

    def _hash(self, code: str) -> str:
        return self._vault.blind_index(HASH, code)


async def _give_back(attempt: Attempt) -> None:
    async with atomic():
        await give_back(attempt)


async def _sold(plan_id: UUID) -> PlanSold:
    plan = await published_plan(plan_id)
    if plan is None:
        known = await Plan.get_or_none(id=plan_id)
        if known is None:
            raise PlanUnknown
        raise PlanNotPublished(state=known.state.value)
    if plan.state is not PlanState.PUBLISHED:
        raise PlanNotPublished(state=plan.state.value)
    return plan


def _seen(batch: PlanCodeBatch) -> BatchSeen:
    return BatchSeen(
        id=batch.id,
        plan_id=batch.plan_id,  # type: ignore[attr-defined]
        plan_version=batch.plan_version,
        code_count=batch.code_count,
        used_count=0,
        note=batch.note,
        expires_at=batch.expires_at,
        made_at=batch.made_at,
        made_by=batch.made_by_id,  # type: ignore[attr-defined]
    )
