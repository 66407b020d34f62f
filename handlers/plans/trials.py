"""试用: once per person, whatever they come as.

What identifies a person (their WeChat ids, phone and cards) leaves keyed marks, each unique for ever: a second trial of
anybody who shares one with somebody who had a trial is refused. A mark names nobody and opens nothing.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from handlers.actors import Person
from handlers.errors import PlanUnknown, TrialMissing, TrialNotNow, TrialUsed
from handlers.paid_terms.giving import TermWanted, extend
from handlers.paid_terms.having import published_plan
from handlers.plans.catalogue import stands
from handlers.plans.members import joined
from handlers.plans.my_membership import MembershipSeen, membership_seen
from handlers.ports import Clock, Vault
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.standing import ids_of
from models.cards import Card
from models.database import rows
from models.identity import Identifier
from models.ids import new_id
from models.sql import dump_rows
from models.statements import plans as statements
from models.words import IdentifierStatus, Namespace, PlanState, TermCause

MARK = "plan.trial"  # what the keyed hash of a mark is for
_IDENTIFYING = (Namespace.WX_UNIONID, Namespace.WX_OPENID, Namespace.PHONE)


@refusing
class Trials:
    """Gives trials."""

    def __init__(self, clock: Clock, vault: Vault) -> None:
        self._clock = clock
        self._vault = vault

    async def begin(self, person: Person, plan_id: UUID, *, request_id: str) -> Answer[MembershipSeen]:
        """The plan's trial, at once.

        Raises PlanUnknown, TrialMissing, TrialNotNow (they are a paid member), TrialUsed, NotAMember, NotSignedIn,
        MemberFrozen, KeyReused.
        """

        async def effect() -> MembershipSeen:
            now, member_id = self._clock.now(), await joined(person.member_id)
            plan = await published_plan(plan_id)
            if plan is None or plan.state is not PlanState.PUBLISHED:
                raise PlanUnknown
            if not plan.terms.trial_days:
                raise TrialMissing(title=plan.terms.name)
            if (await stands(member_id, now)).running is not None:
                raise TrialNotNow
            await take_marks(await self._marks(member_id), at=now)
            wanted = TermWanted(
                member_id=member_id,
                plan_id=plan.id,
                plan_version=plan.version,
                title=plan.terms.name,
                level=plan.terms.level,
                day_count=plan.terms.trial_days,
                cause=TermCause.TRIAL,
            )
            await extend(wanted, at=now)
            return membership_seen(await stands(member_id, now), now)

        facts = {"plan": plan_id}
        return await once(person, "plan.trial", request_id, facts=facts, result=MembershipSeen, effect=effect)

    async def _marks(self, member_id: UUID) -> list[str]:
        return await marks_of(member_id, MARK, self._vault)


async def marks_of(member_id: UUID, what: str, vault: Vault) -> list[str]:
    """Of everything that identifies a person, by whatever id of theirs. `what` they are marked for."""
    ids = await ids_of(member_id)
    theirs = Identifier.filter(member_id__in=ids, status=IdentifierStatus.ACTIVE, namespace__in=_IDENTIFYING)
    known = [f"member:{each}" for each in ids]
    known += [f"{each.namespace}:{each.scope}:{each.value_hash}" for each in await theirs]
    known += [f"card:{number}" for number in await Card.filter(member_id__in=ids).values_list("number_hash", flat=True)]
    return sorted(vault.blind_index(what, each) for each in set(known))


async def take_marks(marks: Collection[str], *, at: datetime) -> None:
    """All of them, or none. Raises TrialUsed: somebody with one of them had what they are for."""
    if await rows(statements.MARKED, list(marks)):
        raise TrialUsed
    wanted = [{"id": new_id(), "mark": mark} for mark in marks]
    # Whoever came between the look and this has one of the unique rows.
    if len(await rows(statements.ADD_MARKS, dump_rows(wanted), at)) < len(wanted):
        raise TrialUsed
