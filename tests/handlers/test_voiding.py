"""作废: for good, with a reason, by a manager of the merchant or by operators, above a set value by two."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest

from handlers.actors import Operator
from handlers.errors import (
    ApprovalDecided,
    ApprovalOwn,
    ApprovalUnknown,
    ClaimNotVoidable,
    ClaimRevoked,
    ClaimUnknown,
    ManagerNeeded,
    RoleMissing,
    VoidTooValuable,
)
from handlers.rules.benefit_terms import PackagePart, PackageTerms
from models.benefits import Benefit
from models.claims import Claim, ClaimEvent
from models.ids import new_id
from models.operators import Approval, AuditEntry
from models.organizations import Organization
from models.outbox import Job
from models.programmes import Merchant
from models.words import BenefitKind, ClaimState, OperatorRole
from tests.handlers.counter import Counter, open_counter
from tests.handlers.offering import operator_at
from tests.operating import city


@dataclass
class Court:
    """The counter with two operators above it."""

    counter: Counter
    first: Operator
    second: Operator

    @property
    def voiding(self):
        return self.counter.handlers.voiding

    async def by_manager(self, claim: Claim, *, by=None, key: str | None = None):
        by = by or self.counter.manager
        return await self.voiding.void(by, claim.id, reason="商品下架", request_id=key or str(new_id()))

    async def propose(self, claim_id: UUID, *, by: Operator | None = None):
        answer = await self.voiding.propose(by or self.first, claim_id, reason="假券", request_id=str(new_id()))
        return answer.value

    async def approve(self, approval_id: UUID, *, by: Operator | None = None):
        return (await self.voiding.approve(by or self.second, approval_id, request_id=str(new_id()))).value

    async def reject(self, approval_id: UUID):
        return (await self.voiding.reject(self.second, approval_id, request_id=str(new_id()))).value


@pytest.fixture
async def court(rooms):
    root = await Organization.get(parent=None)
    return Court(await open_counter(rooms), await operator_at(root), await operator_at(root))


@pytest.fixture
async def ming(rooms):
    return await rooms.member("o-ming")


async def test_a_manager_voids_for_good_with_an_event_an_entry_and_a_message(court, ming):
    claim = await court.counter.claim(ming, uses=2)
    await court.counter.redeem(court.counter.typed(claim))
    voided = (await court.by_manager(claim, key="k")).value
    assert (voided.claim_state, voided.worth_fen, voided.approval_id) == (ClaimState.REVOKED, 500, None)
    assert (await court.by_manager(claim, key="k")).replayed
    event = await ClaimEvent.filter(claim_id=claim.id).order_by("-id").first()
    assert (event.from_state, event.to_state, event.reason) == ("partly_used", "revoked", "voided")
    entry = await AuditEntry.get(action="claim.voided")
    assert (entry.actor_kind, entry.facts["reason"]) == ("clerk", "商品下架")
    job = await Job.get(key=f"voided:{claim.id}")
    assert job.payload["member_id"] == str(ming.member_id)
    with pytest.raises(ClaimRevoked):
        await court.counter.redeem(court.counter.typed(claim))
    with pytest.raises(ClaimNotVoidable) as again:
        await court.by_manager(claim)
    assert again.value.facts == {"state": "revoked"}


async def test_what_was_used_before_can_still_be_taken_back_and_stays_voided(court, ming):
    claim = await court.counter.claim(ming, uses=2)
    line = (await court.counter.redeem(court.counter.typed(claim))).value.lines[0]
    await court.by_manager(claim)
    assert (await court.counter.reverse(line.id)).value.claim_state is ClaimState.REVOKED


async def test_only_managers_and_only_what_the_own_merchant_gives(court, ming):
    claim = await court.counter.claim(ming)
    with pytest.raises(ManagerNeeded):
        await court.by_manager(claim, by=court.counter.clerk)
    root = court.counter.merchant.organization_id
    other = await Merchant.create(organization_id=root, code="other", name="别家")
    foreign = await court.counter.claim(ming, merchant=other)
    absent = Claim(id=new_id())
    for each in (foreign, absent):
        with pytest.raises(ClaimUnknown) as refused:
            await court.by_manager(each)
        assert refused.value.facts == {}
    assert (await Claim.get(id=foreign.id)).state is ClaimState.ISSUED


async def test_what_is_used_up_or_over_is_not_voided(court, ming, clock):
    used = await court.counter.claim(ming, state=ClaimState.USED, uses_left=0)
    over = await court.counter.claim(ming, expires_at=clock.now())
    pending = await court.counter.claim(ming, state=ClaimState.PENDING)
    for claim, state in ((used, "used"), (over, "expired"), (pending, "pending")):
        with pytest.raises(ClaimNotVoidable) as refused:
            await court.by_manager(claim)
        assert refused.value.facts == {"state": state}


async def test_above_the_limit_it_takes_two_operators_and_a_manager_cannot(court, ming):
    claim = await court.counter.claim(ming, price_fen=10_001)
    with pytest.raises(VoidTooValuable) as refused:
        await court.by_manager(claim)
    assert refused.value.facts == {"limit_fen": 10_000}
    proposed = await court.propose(claim.id)
    assert (proposed.claim_state, proposed.worth_fen) == (ClaimState.ISSUED, 10_001)
    (waiting,) = await court.voiding.pending(court.second, after=None, limit=9)
    assert (waiting.id, waiting.claim_id, waiting.reason) == (proposed.approval_id, claim.id, "假券")
    with pytest.raises(ApprovalOwn):
        await court.approve(proposed.approval_id, by=court.first)
    assert (await Claim.get(id=claim.id)).state is ClaimState.ISSUED
    done = await court.approve(proposed.approval_id)
    assert done.claim_state is ClaimState.REVOKED
    with pytest.raises(ApprovalDecided):
        await court.approve(proposed.approval_id)
    entry = await AuditEntry.get(action="claim.voided")
    assert (entry.actor_id, entry.facts["proposed_by"]) == (str(court.second.id), str(court.first.id))
    assert await court.voiding.pending(court.second, after=None, limit=9) == ()


async def test_up_to_the_limit_one_operator_is_enough_and_a_rejected_one_stays(court, ming):
    small = await court.counter.claim(ming, price_fen=10_000)
    assert (await court.propose(small.id)).claim_state is ClaimState.REVOKED
    large = await court.counter.claim(ming, price_fen=10_001)
    proposed = await court.propose(large.id)
    assert (await court.reject(proposed.approval_id)).claim_state is ClaimState.ISSUED
    assert (await Claim.get(id=large.id)).state is ClaimState.ISSUED


async def test_what_was_redeemed_while_it_waited_is_not_voided_and_the_proposal_stays_open(court, ming):
    claim = await court.counter.claim(ming, price_fen=20_000)
    proposed = await court.propose(claim.id)
    await court.counter.redeem(court.counter.typed(claim))
    with pytest.raises(ClaimNotVoidable):
        await court.approve(proposed.approval_id)
    assert (await Approval.get(id=proposed.approval_id)).outcome == ""
    assert (await court.reject(proposed.approval_id)).claim_state is ClaimState.USED


async def test_a_package_is_voided_with_its_parts(court, ming):
    whole = await court.counter.claim(
        ming, kind=BenefitKind.PACKAGE, terms=PackageTerms((PackagePart("x"),)), price_fen=0
    )
    part, used = [await court.counter.claim(ming, package_id=whole.id) for _ in range(2)]
    await court.counter.redeem(court.counter.typed(used))
    with pytest.raises(ClaimUnknown):  # not a manager's: its parts may be several merchants'
        await court.by_manager(whole)
    assert (await court.propose(whole.id)).worth_fen == 1000
    states = {each.id: each.state for each in await Claim.all()}
    assert states == {whole.id: ClaimState.REVOKED, part.id: ClaimState.REVOKED, used.id: ClaimState.USED}
    assert await Job.filter(kind="say_voided").count() == 1


async def test_operators_see_their_own_subtree_and_some_roles_nothing(court, ming):
    north = await city("north")
    elsewhere = await operator_at(north)
    claim = await court.counter.claim(ming, price_fen=20_000)
    with pytest.raises(ClaimUnknown):
        await court.propose(claim.id, by=elsewhere)
    proposed = await court.propose(claim.id)
    with pytest.raises(ApprovalUnknown):
        await court.approve(proposed.approval_id, by=elsewhere)
    assert await court.voiding.pending(elsewhere, after=None, limit=9) == ()
    for role in (OperatorRole.SUPPORT, OperatorRole.FINANCE):
        with pytest.raises(RoleMissing):
            await court.propose(claim.id, by=await operator_at(court.counter.merchant.organization, role))
    await Benefit.filter(id=claim.benefit_id).update(organization_id=north.id)
    assert (await court.propose(claim.id, by=elsewhere)).approval_id  # who brought it in


async def test_of_a_void_and_many_scans_at_once_the_claim_ends_in_one_way(court, ming):
    claims = [await court.counter.claim(ming) for _ in range(6)]
    calls = []
    for claim in claims:
        calls += [court.by_manager(claim), court.counter.redeem(court.counter.typed(claim))]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    for number, claim in enumerate(claims):
        voided, redeemed = answers[2 * number : 2 * number + 2]
        assert [isinstance(voided, Exception), isinstance(redeemed, Exception)] in ([True, False], [False, True])
        state = (await Claim.get(id=claim.id)).state
        assert state is (ClaimState.USED if isinstance(voided, ClaimNotVoidable) else ClaimState.REVOKED)


async def test_two_who_approve_at_once_void_once(court, ming):
    claim = await court.counter.claim(ming, price_fen=20_000)
    proposed = await court.propose(claim.id)
    root = await Organization.get(parent=None)
    deciders = [court.second, await operator_at(root), await operator_at(root)]
    answers = await asyncio.gather(
        *(court.approve(proposed.approval_id, by=each) for each in deciders), return_exceptions=True
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["ApprovalDecided", "ApprovalDecided", "Voided"]
    assert await ClaimEvent.filter(claim_id=claim.id, to_state="revoked").count() == 1


async def test_a_claim_can_be_voided_long_after_it_was_made(court, ming, clock):
    claim = await court.counter.claim(ming)
    clock.advance(timedelta(days=400))
    assert (await court.by_manager(claim)).value.claim_state is ClaimState.REVOKED
