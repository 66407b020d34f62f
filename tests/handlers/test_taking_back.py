"""Claims taken back and given again by operators: guarded by the graph, raced against the counter, once for each."""

import asyncio
from datetime import timedelta

import pytest

from handlers.claims.claims import transition
from handlers.errors import (
    ApprovalOwn,
    ClaimRevoked,
    ClaimStateWrong,
    ClaimUnknown,
    GrantNothingToDo,
    GrantStateWrong,
    MemberUnknown,
    OfferPaused,
    OfferSoldOut,
    RegrantedAlready,
    RegrantOver,
    RoleMissing,
)
from handlers.rules.benefit_terms import CodeCouponTerms, PackagePart, PackageTerms, VoucherTerms
from handlers.rules.offer_terms import Limit, Period, Validity, ValidityKind
from models.benefits import Benefit, CodePool, Offer, OfferStock
from models.claims import Claim, ClaimEvent, PoolCode
from models.database import atomic
from models.grants import Regrant
from models.identity import Member
from models.operators import AuditEntry
from models.organizations import Organization
from models.outbox import Job
from models.redemptions import Redemption
from models.words import BenefitKind, ClaimSource, ClaimState, GrantState, OperatorRole
from tests.handlers.claimable import a_benefit, an_offer
from tests.handlers.counter import open_counter
from tests.handlers.giving import desk_of, holds
from tests.handlers.offering import key, operator_at
from tests.operating import city

OFTEN = (Limit(Period.EVER, 100),)


@pytest.fixture
async def desk(rooms):
    return await desk_of(rooms)


async def claimed(rooms, person, offer):
    return (await rooms.handlers.claiming.claim(person, offer_id=offer.id, request_id=key())).value.claims[0]


async def revoke(rooms, operator, claim, **more):
    facts = {"reason": "发错了", "request_id": key(), **more}
    return (await rooms.handlers.claim_desk.revoke(operator, claim.id, **facts)).value


async def regrant(rooms, operator, claim, **more):
    facts = {"reason": "系统故障", "request_id": key(), **more}
    return (await rooms.handlers.regranting.regrant(operator, claim.id, **facts)).value


# --- revoked


async def test_a_claim_that_is_revoked_is_gone_and_its_member_is_told(rooms, desk):
    (ming,) = await desk.people(1)
    offer = await an_offer(rooms.clock.now(), stock=3, limits=OFTEN)
    kept, returned = await claimed(rooms, ming, offer), await claimed(rooms, ming, offer)
    assert not (await revoke(rooms, desk.first, kept)).is_returned
    assert await offer.left() == 1
    assert (await revoke(rooms, desk.first, returned, to_stock=True)).is_returned
    assert await offer.left() == 2
    event = await ClaimEvent.filter(claim_id=kept.id).order_by("-id").first()
    assert (event.to_state, event.actor_kind, event.actor_id) == ("revoked", "operator", str(desk.first.id))
    assert (await AuditEntry.filter(action="claim.revoked").order_by("id").first()).facts["reason"] == "发错了"
    assert await Job.filter(kind="say_revoked").count() == 2
    with pytest.raises(ClaimStateWrong):
        await revoke(rooms, desk.first, kept)
    await holds()


async def test_what_was_used_or_is_over_is_not_revoked(rooms, desk):
    counter, ming = await open_counter(rooms), await rooms.member("o-ming")
    used, partly = await counter.claim(ming), await counter.claim(ming, uses=2)
    over = await counter.claim(ming, expires_at=rooms.clock.now())
    waits = await counter.claim(ming, state=ClaimState.PENDING)
    await counter.redeem(counter.typed(used))
    await counter.redeem(counter.typed(partly))
    for claim, state in ((used, "used"), (over, "expired"), (waits, "pending")):
        with pytest.raises(ClaimStateWrong) as wrong:
            await revoke(rooms, desk.first, claim)
        assert wrong.value.facts["state"] == state
    assert (await revoke(rooms, desk.first, partly, to_stock=True)).state is ClaimState.REVOKED
    with pytest.raises(ClaimRevoked):
        await counter.redeem(counter.typed(partly))


async def test_a_package_is_revoked_with_the_parts_that_still_stand(rooms, desk):
    (ming,) = await desk.people(1)
    wash = await a_benefit("洗车")
    package = await a_benefit("礼包", BenefitKind.PACKAGE, PackageTerms(parts=(PackagePart(wash.code, 2),)))
    offer = await an_offer(rooms.clock.now(), benefit=package, stock=1, limits=OFTEN)
    held = await claimed(rooms, ming, offer)
    used = await Claim.filter(package_id=held.id).order_by("id").first()
    await Claim.filter(id=used.id).update(state=ClaimState.USED, uses_left=0)
    assert not (await revoke(rooms, desk.first, held, to_stock=True)).is_returned  # a part of it was used
    states = await Claim.all().order_by("id").values_list("state", flat=True)
    assert list(states) == [ClaimState.REVOKED, ClaimState.USED, ClaimState.REVOKED]


async def test_fifty_revocations_and_scans_at_once_either_redeem_or_revoke(rooms, desk):
    counter, ming = await open_counter(rooms), await rooms.member("o-ming")
    claims = [await counter.claim(ming) for _ in range(25)]
    acts = [
        act
        for claim in claims
        for act in (revoke(rooms, desk.first, claim), counter.redeem(counter.typed(claim), device=str(claim.id)))
    ]
    await asyncio.gather(*acts, return_exceptions=True)
    for claim in claims:
        redeemed = await Redemption.filter(claim_id=claim.id).count()
        stands = await Claim.get(id=claim.id)
        assert (stands.state, redeemed) in ((ClaimState.USED, 1), (ClaimState.REVOKED, 0))
    await holds()


async def test_without_the_guard_a_claim_would_be_revoked_after_it_was_redeemed(rooms, desk):
    """The negative control: the same interleaving with an update that does not look at the state."""
    counter, ming = await open_counter(rooms), await rooms.member("o-ming")
    claim = await counter.claim(ming)
    seen = await Claim.get(id=claim.id)
    await counter.redeem(counter.typed(claim))
    assert seen.state is ClaimState.ISSUED  # what an unguarded revocation would go by
    await Claim.filter(id=claim.id).update(state=ClaimState.REVOKED)
    assert await Redemption.filter(claim_id=claim.id).count() == 1  # redeemed, and revoked all the same


async def test_a_revocation_that_saw_an_old_state_moves_nothing(rooms, desk):
    counter, ming = await open_counter(rooms), await rooms.member("o-ming")
    claim = await counter.claim(ming)
    await counter.redeem(counter.typed(claim))
    async with atomic():
        seen = {claim.id: ClaimState.ISSUED}
        moved = await transition(seen, ClaimState.REVOKED, reason="x", actor=desk.first, at=rooms.clock.now())
    assert moved == frozenset()


# --- a list taken back


async def test_a_wrong_list_is_taken_back_but_what_was_used_stays_used(rooms, desk):
    counter = await open_counter(rooms)
    people = await desk.people(3)
    offer = await an_offer(rooms.clock.now(), stock=9, limits=OFTEN)
    await Benefit.filter(id=offer.benefit_id).update(merchant_id=counter.merchant.id)
    given = await desk.do(await desk.make(offer, people))
    first = await Claim.get(member_id=people[0].member_id)
    await counter.redeem(counter.typed(first))
    undo = (await desk.grants.undo(desk.first, given.id, reason="名单错了", to_stock=True, request_id=key())).value
    assert (undo.undoes, undo.figures.would_count) == (given.id, 2)
    second = await Claim.get(member_id=people[1].member_id)
    await counter.redeem(counter.typed(second))  # between the list and its approval
    done = await desk.do(undo)
    assert done.state is GrantState.DONE
    assert await desk.codes(done) == ["claim.used", ""]
    states = [(await Claim.get(member_id=each.member_id)).state for each in people]
    assert states == [ClaimState.USED, ClaimState.USED, ClaimState.REVOKED]
    assert await offer.left() == 7
    assert await Job.filter(kind="say_revoked").count() == 1
    with pytest.raises(GrantNothingToDo):
        await desk.grants.undo(desk.first, given.id, reason="再来", request_id=key())
    with pytest.raises(GrantStateWrong):
        await desk.grants.undo(desk.first, done.id, reason="撤销撤销", request_id=key())
    await holds()


# --- given again


async def test_a_claim_that_ran_out_is_given_again_once_and_refers_to_the_old_one(rooms, desk):
    (ming,) = await desk.people(1)
    offer = await an_offer(rooms.clock.now(), stock=1, limits=OFTEN, validity=Validity(ValidityKind.DAYS, days=1))
    old = await claimed(rooms, ming, offer)
    with pytest.raises(ClaimStateWrong):  # it can still be used
        await regrant(rooms, desk.first, old)
    rooms.clock.advance(timedelta(days=3))
    given = await regrant(rooms, desk.first, old)
    fresh = await Claim.get(id=given.claim_id)
    assert (fresh.member_id, fresh.source, fresh.offer_version) == (ming.member_id, ClaimSource.GRANT, 1)
    assert fresh.expires_at > rooms.clock.now()
    assert await Regrant.filter(old_claim_id=old.id, claim_id=fresh.id).exists()
    with pytest.raises(RegrantedAlready) as already:
        await regrant(rooms, desk.second, old)
    assert already.value.facts["claim_id"] == str(fresh.id)
    assert await offer.left() == 0  # the old one's unit serves the new one
    file = await rooms.handlers.claim_desk.one(desk.first, old.id)
    assert file.claim.regranted_as == fresh.id
    assert [each.to_state for each in (await rooms.handlers.claim_desk.one(desk.first, fresh.id)).events] == ["issued"]
    await holds()


async def test_fifty_regrants_at_once_give_one(rooms, desk):
    (ming,) = await desk.people(1)
    offer = await an_offer(rooms.clock.now(), limits=OFTEN)
    old = await claimed(rooms, ming, offer)
    await revoke(rooms, desk.first, old)
    tries = (regrant(rooms, operator, old) for _ in range(25) for operator in (desk.first, desk.second))
    done = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(not isinstance(each, BaseException) for each in done) == 1
    assert await Claim.all().count() == 2
    assert await Regrant.all().count() == 1


async def test_what_would_be_over_at_once_needs_days(rooms, desk):
    (ming,) = await desk.people(1)
    until = rooms.clock.now() + timedelta(days=1)
    terms = {"validity": Validity(ValidityKind.FIXED, until=until), "closes_at": until}
    offer = await an_offer(rooms.clock.now(), limits=OFTEN, **terms)
    old = await claimed(rooms, ming, offer)
    rooms.clock.advance(timedelta(days=5))
    with pytest.raises(RegrantOver):
        await regrant(rooms, desk.first, old)
    given = await regrant(rooms, desk.first, old, days=7)
    assert timedelta(days=7) < given.expires_at - rooms.clock.now() < timedelta(days=8)


async def test_a_code_that_did_not_work_is_replaced_by_a_fresh_one_and_marked(rooms, desk):
    (ming,) = await desk.people(1)
    benefit = await a_benefit("电影票", BenefitKind.CODE_COUPON, CodeCouponTerms(pool="film"))
    pool = await CodePool.create(benefit=benefit, code="film", name="电影票")
    codes = [await PoolCode.create(pool=pool, code_hash=f"h{number}", code_cipher="c") for number in range(2)]
    offer = await an_offer(rooms.clock.now(), benefit=benefit, limits=OFTEN)
    old = await claimed(rooms, ming, offer)
    given = await regrant(rooms, desk.first, old)
    assert [each.claim_id for each in await PoolCode.all().order_by("id")] == [old.id, given.claim_id]
    assert (await Regrant.get()).spoilt_code_id == codes[0].id
    assert (await Claim.get(id=old.id)).state is ClaimState.REVOKED
    assert (await rooms.handlers.claim_desk.one(desk.first, old.id)).claim.is_code_spoilt
    with pytest.raises(OfferSoldOut):  # no third code: the one in hand stays good
        await regrant(rooms, desk.first, await Claim.get(id=given.claim_id))
    assert (await Claim.get(id=given.claim_id)).state is ClaimState.ISSUED
    await holds()


async def test_above_a_set_value_a_second_operator_has_to_agree(rooms, desk):
    (ming,) = await desk.people(1)
    benefit = await a_benefit("机票", settlement_price_fen=5_001)
    offer = await an_offer(rooms.clock.now(), benefit=benefit, limits=OFTEN)
    old = await claimed(rooms, ming, offer)
    await revoke(rooms, desk.first, old)
    asked = await regrant(rooms, desk.first, old)
    assert (asked.claim_id, asked.approval_id is not None) == (None, True)
    assert await Claim.all().count() == 1
    regranting = rooms.handlers.regranting
    with pytest.raises(ApprovalOwn):
        await regranting.approve(desk.first, old.id, request_id=key())
    given = (await regranting.approve(desk.second, old.id, request_id=key())).value
    kept = await Regrant.get()
    assert (kept.claim_id, kept.operator_id, kept.approved_by_id) == (given.claim_id, desk.first.id, desk.second.id)


async def test_a_unit_that_went_back_is_taken_again_or_there_is_none(rooms, desk):
    (ming,) = await desk.people(1)
    offer = await an_offer(rooms.clock.now(), stock=2, limits=OFTEN)
    first, second = await claimed(rooms, ming, offer), await claimed(rooms, ming, offer)
    for each in (first, second):
        await revoke(rooms, desk.first, each, to_stock=True)
    assert (await regrant(rooms, desk.first, first)).claim_id
    assert await offer.left() == 1
    await OfferStock.filter(offer_id=offer.id).update(left_count=0, taken_count=2)
    with pytest.raises(OfferSoldOut):
        await regrant(rooms, desk.first, second)


async def test_a_package_is_given_again_with_what_was_chosen_and_a_part_alone(rooms, desk):
    (ming,) = await desk.people(1)
    wash, tea = await a_benefit("洗车"), await a_benefit("茶", terms=VoucherTerms(uses=2))
    parts = (PackagePart(wash.code), PackagePart(tea.code))
    package = await a_benefit("礼包", BenefitKind.PACKAGE, PackageTerms(parts=parts, choose=1))
    offer = await an_offer(rooms.clock.now(), benefit=package, limits=OFTEN)
    answer = await rooms.handlers.claiming.claim(ming, offer_id=offer.id, choices=[tea.code], request_id=key())
    whole, part = answer.value.claims
    await revoke(rooms, desk.first, whole)
    again = await regrant(rooms, desk.first, whole)
    assert [each.benefit_id for each in await Claim.filter(package_id=again.claim_id)] == [tea.id]
    alone = await Claim.get(id=(await regrant(rooms, desk.first, part)).claim_id)
    assert (alone.benefit_id, alone.package_id, alone.uses_left) == (tea.id, None, 2)


async def test_nothing_is_given_again_while_it_is_paused(rooms, desk):
    (ming,) = await desk.people(1)
    offer = await an_offer(rooms.clock.now(), limits=OFTEN)
    old = await claimed(rooms, ming, offer)
    await revoke(rooms, desk.first, old)
    await Offer.filter(id=offer.id).update(state="paused")
    with pytest.raises(OfferPaused):
        await regrant(rooms, desk.first, old)


# --- who may see and do what


async def test_support_may_look_and_not_act_and_a_city_sees_its_own(rooms, desk):
    north, south = await city("north"), await city("south")
    (ming,) = await desk.people(1)
    await Member.filter(id=ming.member_id).update(organization_id=north.id)
    offer = await an_offer(rooms.clock.now(), limits=OFTEN)
    held = await claimed(rooms, ming, offer)
    claims, root = rooms.handlers.claim_desk, await Organization.get(parent=None)
    support = await operator_at(root, OperatorRole.SUPPORT)
    (seen,) = await claims.of_member(support, ming.member_id, before=None, limit=10)
    assert (seen.id, seen.state, seen.offer) == (held.id, ClaimState.ISSUED, offer.code)
    assert (await claims.one(support, held.id)).claim.id == held.id
    with pytest.raises(RoleMissing):
        await revoke(rooms, support, held)
    northern, southern = await operator_at(north), await operator_at(south)
    assert (await claims.one(northern, held.id)).claim.id == held.id  # their member, the root's offer
    with pytest.raises(RoleMissing):
        await revoke(rooms, northern, held)
    with pytest.raises(ClaimUnknown):
        await claims.one(southern, held.id)
    with pytest.raises(ClaimUnknown):
        await revoke(rooms, southern, held)
    with pytest.raises(MemberUnknown):
        await claims.of_member(southern, ming.member_id, before=None, limit=10)


async def test_the_unit_of_what_was_given_again_stays_taken_when_the_sweep_comes_by(rooms, desk):
    (ming,) = await desk.people(1)
    terms = {"validity": Validity(ValidityKind.DAYS, days=1), "returns_to_stock": True}
    offer = await an_offer(rooms.clock.now(), stock=1, limits=OFTEN, **terms)
    old = await claimed(rooms, ming, offer)
    rooms.clock.advance(timedelta(days=3))
    await regrant(rooms, desk.first, old)  # run out by the clock, not yet swept
    assert (await rooms.handlers.claim_expiry.sweep()).returned == 0
    assert await offer.left() == 0
    assert (await Claim.get(id=old.id)).state is ClaimState.EXPIRED
    await holds()
