"""作废申请: above the limit a manager asks and an operator decides, once, and in time."""

import asyncio

import pytest
from tortoise.exceptions import IntegrityError, OperationalError

from handlers.errors import (
    ClaimNotVoidable,
    ClaimUnknown,
    ManagerNeeded,
    RoleMissing,
    VoidRequested,
    VoidRequestOver,
    VoidRequestUnknown,
    VoidTooValuable,
    VoidWithinLimit,
)
from handlers.rules.settlement_terms import LEAD
from handlers.rules.voiding import ALONE_FEN, WAITS
from handlers.settlement.settlement_terms import TermsDraft
from models.benefits import Benefit
from models.claims import Claim
from models.database import rows
from models.ids import new_id
from models.operators import AuditEntry
from models.organizations import Organization
from models.outbox import Job
from models.statements import voiding as statements
from models.voids import VoidRequest
from models.words import ClaimState, OperatorRole, VoidOutcome
from tests.handlers.counter import open_counter
from tests.handlers.offering import operator_at
from tests.handlers.settling import breaches
from tests.operating import city

DEAR = ALONE_FEN + 1


class Court:
    """The counter with its manager, and an operator above."""

    def __init__(self, counter, operator) -> None:
        self.counter, self.operator = counter, operator

    @property
    def requests(self):
        return self.counter.handlers.void_requests

    async def ask(self, claim, *, by=None, key: str | None = None):
        manager = by or self.counter.manager
        return await self.requests.ask(manager, claim.id, reason="印刷有误", request_id=key or str(new_id()))

    async def approve(self, wish, *, by=None):
        return (await self.requests.approve(by or self.operator, wish.id, request_id=str(new_id()))).value

    async def reject(self, wish):
        return (await self.requests.reject(self.operator, wish.id, request_id=str(new_id()))).value


@pytest.fixture
async def court(rooms):
    return Court(await open_counter(rooms), await operator_at(await Organization.get(parent=None)))


@pytest.fixture
async def ming(rooms):
    return await rooms.member("o-ming")


async def state(claim) -> ClaimState:
    return (await Claim.get(id=claim.id)).state


async def test_what_a_manager_asks_for_waits_and_is_voided_once_an_operator_approves(court, ming):
    claim = await court.counter.claim(ming, price_fen=DEAR)
    with pytest.raises(VoidTooValuable):
        await court.counter.handlers.voiding.void(court.counter.manager, claim.id, reason="x", request_id="v")
    wish = (await court.ask(claim, key="k")).value
    assert (wish.outcome, wish.worth_fen, wish.merchant, wish.reason) == (
        VoidOutcome.WAITING,
        DEAR,
        "books",
        "印刷有误",
    )
    again = await court.ask(claim, key="k")
    assert (again.replayed, again.value) == (True, wish)
    assert await state(claim) is ClaimState.ISSUED
    assert await court.requests.waiting(court.operator, after=None, limit=9) == (wish,)
    done = await court.approve(wish)
    assert (done.outcome, await state(claim)) == (VoidOutcome.APPROVED, ClaimState.REVOKED)
    assert await court.requests.waiting(court.operator, after=None, limit=9) == ()
    (seen,) = await court.requests.of_manager(court.counter.manager, after=None, limit=9)
    assert seen == done
    assert await Job.filter(kind="say_voided").count() == 1
    acts = await AuditEntry.filter(subject_id=str(claim.id)).order_by("id").values_list("action", flat=True)
    assert list(acts) == ["claim.void_requested", "claim.voided"]
    voided = await AuditEntry.get(action="claim.voided")
    assert voided.facts["proposed_by"] == str(court.counter.manager.id)
    assert await breaches() == []


async def test_refused_nothing_changes_and_the_manager_sees_it(court, ming):
    claim = await court.counter.claim(ming, price_fen=DEAR)
    wish = (await court.ask(claim)).value
    assert (await court.reject(wish)).outcome is VoidOutcome.REJECTED
    assert await state(claim) is ClaimState.ISSUED
    with pytest.raises(VoidRequestOver) as refused:
        await court.approve(wish)
    assert refused.value.facts["outcome"] == "rejected"
    second = (await court.ask(claim)).value  # there is room for another
    seen = await court.requests.of_manager(court.counter.manager, after=None, limit=9)
    assert [each.outcome for each in seen] == [VoidOutcome.WAITING, VoidOutcome.REJECTED]
    assert seen[0] == second


async def test_what_nobody_decides_in_time_lapses_and_can_be_asked_for_again(court, ming, clock):
    claim = await court.counter.claim(ming, price_fen=DEAR)
    wish = (await court.ask(claim)).value
    assert wish.expires_at == clock.now() + WAITS
    clock.advance(WAITS)
    assert await court.requests.waiting(court.operator, after=None, limit=9) == ()
    with pytest.raises(VoidRequestOver) as refused:
        await court.approve(wish)
    assert refused.value.facts["outcome"] == "lapsed"
    (seen,) = await court.requests.of_manager(court.counter.manager, after=None, limit=9)
    assert seen.outcome is VoidOutcome.LAPSED
    second = (await court.ask(claim)).value
    assert await VoidRequest.filter(outcome=VoidOutcome.LAPSED).count() == 1
    assert (await court.approve(second)).outcome is VoidOutcome.APPROVED


async def test_what_was_used_while_it_waited_is_not_voided(court, ming):
    claim = await court.counter.claim(ming, price_fen=DEAR)
    wish = (await court.ask(claim)).value
    await court.counter.redeem(court.counter.typed(claim))
    with pytest.raises(ClaimNotVoidable):
        await court.approve(wish)
    assert (await VoidRequest.get()).outcome is VoidOutcome.WAITING
    await court.reject(wish)
    assert await state(claim) is ClaimState.USED


async def test_for_one_claim_one_wish_waits_and_of_many_who_decide_one_does(court, ming):
    claim = await court.counter.claim(ming, price_fen=DEAR)
    asked = await asyncio.gather(*(court.ask(claim) for _ in range(5)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in asked) == ["Answer", *["VoidRequested"] * 4]
    wish = next(each.value for each in asked if not isinstance(each, Exception))
    told = next(each for each in asked if isinstance(each, VoidRequested))
    assert told.facts["void_request_id"] == str(wish.id)
    acts = [court.approve(wish) for _ in range(3)] + [court.reject(wish) for _ in range(3)]
    decided = await asyncio.gather(*acts, return_exceptions=True)
    assert sorted(type(each).__name__ for each in decided) == [*["VoidRequestOver"] * 5, "VoidRequestView"]
    (done,) = [each for each in decided if not isinstance(each, Exception)]
    is_voided = done.outcome is VoidOutcome.APPROVED
    assert await state(claim) is (ClaimState.REVOKED if is_voided else ClaimState.ISSUED)
    assert await breaches() == []


async def test_without_the_guarded_update_everybody_who_decides_believes_to_be_the_one(court, ming, monkeypatch):
    """The negative control: they look whether it waits, and nothing holds it until they have decided."""
    looked = "SELECT id FROM void_request WHERE id = $1 AND CAST($2 AS text) <> '' AND CAST($3 AS uuid) IS NOT NULL"
    monkeypatch.setattr(statements, "DECIDE", f"{looked} AND outcome = 'waiting' AND expires_at > $4")
    wish = (await court.ask(await court.counter.claim(ming, price_fen=DEAR))).value
    await asyncio.gather(*(court.reject(wish) for _ in range(3)))
    assert await AuditEntry.filter(action="claim.void_refused").count() == 3


async def test_within_the_limit_nobody_is_asked(court, ming):
    claim = await court.counter.claim(ming, price_fen=ALONE_FEN)
    with pytest.raises(VoidWithinLimit) as refused:
        await court.ask(claim)
    assert refused.value.facts["limit_fen"] == ALONE_FEN


@pytest.mark.parametrize(
    ("limit", "worth", "is_alone"), [(0, 1, False), (30_000, 30_000, True), (30_000, 30_001, False)]
)
async def test_the_limit_is_a_term_of_the_merchant(court, ming, clock, limit, worth, is_alone):
    claim = await court.counter.claim(ming, price_fen=worth)
    terms = court.counter.handlers.settlement_terms
    operator = await operator_at(await Organization.get(parent=None), OperatorRole.ADMIN)
    draft = TermsDraft(void_limit_fen=limit, starts_at=clock.now() + LEAD)
    made = (await terms.add(operator, court.counter.merchant.id, draft, request_id="t")).value
    assert made.void_limit_fen == limit
    (listed,) = await terms.listing(operator, court.counter.merchant.id, before=None, limit=9)
    assert listed == made
    clock.advance(LEAD)
    void = court.counter.handlers.voiding.void(court.counter.manager, claim.id, reason="x", request_id="v")
    if is_alone:
        assert (await void).value.claim_state is ClaimState.REVOKED
        return
    with pytest.raises(VoidTooValuable) as refused:
        await void
    assert refused.value.facts["limit_fen"] == limit
    assert (await court.ask(claim)).value.worth_fen == worth


async def test_a_benefits_own_limit_goes_before_the_merchants(court, ming, clock):
    dear, cheap = [await court.counter.claim(ming, price_fen=5_000) for _ in range(2)]
    code = (await Benefit.get(id=dear.benefit_id)).code
    terms, root = court.counter.handlers.settlement_terms, await Organization.get(parent=None)
    operator, starts = await operator_at(root, OperatorRole.ADMIN), clock.now() + LEAD
    for name, limit in ((code, 100), (None, 9_000)):
        draft = TermsDraft(benefit=name, void_limit_fen=limit, starts_at=starts)
        await terms.add(operator, court.counter.merchant.id, draft, request_id=str(limit))
    clock.advance(LEAD)
    voiding, manager = court.counter.handlers.voiding, court.counter.manager
    with pytest.raises(VoidTooValuable):
        await voiding.void(manager, dear.id, reason="x", request_id="a")
    assert (await voiding.void(manager, cheap.id, reason="x", request_id="b")).value.worth_fen == 5_000


async def test_clerks_other_merchants_and_operators_elsewhere_ask_and_decide_nothing(court, ming):
    claim = await court.counter.claim(ming, price_fen=DEAR)
    with pytest.raises(ManagerNeeded):
        await court.ask(claim, by=court.counter.clerk)
    with pytest.raises(ManagerNeeded):
        await court.requests.of_manager(court.counter.clerk, after=None, limit=9)
    wish = (await court.ask(claim)).value
    await Benefit.filter(id=claim.benefit_id).update(merchant_id=None)
    with pytest.raises(ClaimUnknown):
        await court.ask(claim)
    elsewhere, root = await city("south"), await Organization.get(parent=None)
    with pytest.raises(VoidRequestUnknown):
        await court.approve(wish, by=await operator_at(elsewhere))
    with pytest.raises(RoleMissing):
        await court.approve(wish, by=await operator_at(root, OperatorRole.SUPPORT))
    assert await court.requests.waiting(await operator_at(elsewhere), after=None, limit=9) == ()


async def test_what_was_decided_never_changes(court, ming):
    wish = (await court.ask(await court.counter.claim(ming, price_fen=DEAR))).value
    await court.reject(wish)
    with pytest.raises((IntegrityError, OperationalError)):
        await rows("UPDATE void_request SET outcome = 'waiting'")
