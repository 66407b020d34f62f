"""Draft, review, pool, retired: decided by other eyes, and stopped by one switch."""

import asyncio

import pytest

from handlers.benefits.benefits import BenefitChange
from handlers.errors import (
    BenefitInPackage,
    BenefitNotReady,
    BenefitStateWrong,
    BenefitUnknown,
    FourEyesNeeded,
    RoleMissing,
)
from models.benefits import Benefit, CodePool
from models.operators import AuditEntry
from models.programmes import Store
from models.words import BenefitKind, BenefitState, OperatorRole
from tests.handlers.pooling import benefit_in, country, draft_of, key, merchant_of, operator_of

ADMIN = OperatorRole.ADMIN


@pytest.fixture
async def tree(rooms):
    return await country()


@pytest.fixture
async def draft(rooms, tree):
    """The north's, ready for review."""
    await merchant_of(tree.north.organization_id)
    return (await rooms.handlers.benefits.add(tree.north, draft_of(merchant="wash"), request_id=key())).value


@pytest.fixture
async def submitted(rooms, tree, draft):
    return (await rooms.handlers.benefit_reviews.submit(tree.north, draft.id, request_id=key())).value


async def state_of(benefit):
    return (await Benefit.get(id=benefit.id)).state


async def test_from_draft_to_the_pool_and_out_of_it(rooms, tree, draft):
    reviews = rooms.handlers.benefit_reviews
    assert (await reviews.submit(tree.north, draft.id, request_id=key())).value.state is BenefitState.REVIEW
    answer = await reviews.accept(tree.province, draft.id, request_id="k")
    assert answer.value.state is BenefitState.POOL
    assert (await reviews.accept(tree.province, draft.id, request_id="k")).replayed
    assert (await reviews.retire(tree.north, draft.id, reason="过季", request_id=key())).value.state is (
        BenefitState.RETIRED
    )
    entries = await AuditEntry.filter(subject_id=str(draft.id)).order_by("id")
    acts = ["benefit.added", "benefit.submitted", "benefit.accepted", "benefit.retired"]
    assert [each.action for each in entries] == acts
    assert {each.organization_id for each in entries} == {tree.north.organization_id}


async def test_each_step_is_taken_from_its_own_state_only(rooms, tree):
    reviews, by = rooms.handlers.benefit_reviews, tree.admin
    steps = {
        BenefitState.DRAFT: lambda each: reviews.submit(by, each.id, request_id=key()),
        BenefitState.REVIEW: lambda each: reviews.accept(by, each.id, request_id=key()),
        BenefitState.POOL: lambda each: reviews.retire(by, each.id, reason="过季", request_id=key()),
    }
    for state in BenefitState:
        benefit = await benefit_in(state, tree.root.organization_id, state.value)
        for wanted, step in steps.items():
            if wanted is not state:
                with pytest.raises(BenefitStateWrong) as refused:
                    await step(benefit)
                assert refused.value.facts == {"state": state.value}
        if state is not BenefitState.REVIEW:
            with pytest.raises(BenefitStateWrong):
                await reviews.send_back(by, benefit.id, reason="不行", request_id=key())
        assert await state_of(benefit) is state


async def test_whoever_had_a_hand_in_it_does_not_decide(rooms, tree):
    place = tree.north.organization_id
    author, editor, sender, other = (operator_of(place, ADMIN) for _ in range(4))
    await merchant_of(place)
    made = (await rooms.handlers.benefits.add(author, draft_of(merchant="wash"), request_id=key())).value
    await rooms.handlers.benefits.change(editor, made.id, BenefitChange(name="新名"))
    await rooms.handlers.benefit_reviews.submit(sender, made.id, request_id=key())
    for by in (author, editor, sender):
        with pytest.raises(FourEyesNeeded):
            await rooms.handlers.benefit_reviews.accept(by, made.id, request_id=key())
        with pytest.raises(FourEyesNeeded):
            await rooms.handlers.benefit_reviews.send_back(by, made.id, reason="不行", request_id=key())
    accepted = await rooms.handlers.benefit_reviews.accept(other, made.id, request_id=key())
    assert accepted.value.state is BenefitState.POOL


async def test_a_colleague_without_the_admins_role_does_not_decide_and_one_above_does(rooms, tree, submitted):
    colleague = operator_of(tree.north.organization_id)
    with pytest.raises(FourEyesNeeded):
        await rooms.handlers.benefit_reviews.accept(colleague, submitted.id, request_id=key())
    assert await state_of(submitted) is BenefitState.REVIEW
    above = operator_of(tree.root.organization_id)
    assert (await rooms.handlers.benefit_reviews.accept(above, submitted.id, request_id=key())).value.code == "wash-1"


async def test_an_author_above_is_an_author_still(rooms, tree):
    await merchant_of(tree.north.organization_id)
    draft = draft_of(merchant="wash", organization_id=tree.north.organization_id)
    made = (await rooms.handlers.benefits.add(tree.province, draft, request_id=key())).value
    await rooms.handlers.benefit_reviews.submit(tree.north, made.id, request_id=key())
    with pytest.raises(FourEyesNeeded):
        await rooms.handlers.benefit_reviews.accept(tree.province, made.id, request_id=key())


async def test_foreign_and_below_roles_find_nothing_or_may_nothing(rooms, tree, submitted):
    reviews = rooms.handlers.benefit_reviews
    with pytest.raises(BenefitUnknown):
        await reviews.accept(operator_of(tree.south.organization_id, ADMIN), submitted.id, request_id=key())
    with pytest.raises(BenefitUnknown):
        await reviews.pause(tree.south, submitted.id, request_id=key())
    with pytest.raises(RoleMissing):
        await reviews.accept(operator_of(tree.root.organization_id, OperatorRole.FINANCE), submitted.id, request_id="k")


async def test_returned_it_is_a_draft_again_with_the_reason_on_it(rooms, tree, submitted):
    reviews = rooms.handlers.benefit_reviews
    back = await reviews.send_back(tree.province, submitted.id, reason="请补充使用说明", request_id=key())
    assert (back.value.state, back.value.review_note) == (BenefitState.DRAFT, "请补充使用说明")
    await rooms.handlers.benefits.change(tree.north, submitted.id, BenefitChange(description="到店使用"))
    again = await reviews.submit(tree.north, submitted.id, request_id=key())
    assert (again.value.state, again.value.review_note) == (BenefitState.REVIEW, "")


async def test_what_is_redeemed_needs_a_merchant_before_review(rooms, tree):
    made = (await rooms.handlers.benefits.add(tree.north, draft_of(), request_id=key())).value
    with pytest.raises(BenefitNotReady) as refused:
        await rooms.handlers.benefit_reviews.submit(tree.north, made.id, request_id=key())
    assert refused.value.facts["missing"] == "merchant"


async def test_named_stores_are_the_merchants_own(rooms, tree):
    own, other = [await merchant_of(tree.north.organization_id, code) for code in ("wash", "tea")]
    await Store.create(merchant=own, code="W1", name="东店")
    await Store.create(merchant=other, code="T1", name="西店")
    for code, stores in (("good", ["W1"]), ("bad", ["W1", "T1"])):
        draft = draft_of(code, merchant="wash", terms={"stores": stores})
        made = (await rooms.handlers.benefits.add(tree.north, draft, request_id=key())).value
        if code == "good":
            await rooms.handlers.benefit_reviews.submit(tree.north, made.id, request_id=key())
            continue
        with pytest.raises(BenefitNotReady) as refused:
            await rooms.handlers.benefit_reviews.submit(tree.north, made.id, request_id=key())
        assert refused.value.facts == {"missing": "store", "name": "T1"}


async def test_a_code_coupon_needs_its_own_pool_before_review(rooms, tree):
    draft = draft_of(kind=BenefitKind.CODE_COUPON, terms={"pool": "tea"})
    made = (await rooms.handlers.benefits.add(tree.north, draft, request_id=key())).value
    other = await benefit_in(BenefitState.DRAFT, tree.north.organization_id, "other", kind=BenefitKind.CODE_COUPON)
    pool = await CodePool.create(benefit=other, code="tea", name="奶茶")
    with pytest.raises(BenefitNotReady) as refused:
        await rooms.handlers.benefit_reviews.submit(tree.north, made.id, request_id=key())
    assert refused.value.facts == {"missing": "code_pool", "name": "tea"}
    await CodePool.filter(id=pool.id).update(benefit_id=made.id)
    submitted = await rooms.handlers.benefit_reviews.submit(tree.north, made.id, request_id=key())
    assert submitted.value.state is BenefitState.REVIEW


# --- packages hold their parts


async def package(rooms, by, code="gold", parts=("part",)):
    terms = {"parts": [{"benefit": each} for each in parts]}
    draft = draft_of(code, kind=BenefitKind.PACKAGE, terms=terms)
    return (await rooms.handlers.benefits.add(by, draft, request_id=key())).value


async def test_parts_are_in_the_pool_near_and_no_packages(rooms, tree):
    await benefit_in(BenefitState.DRAFT, tree.north.organization_id, "draft")
    await benefit_in(BenefitState.POOL, tree.south.organization_id, "souths")
    nested = {"kind": BenefitKind.PACKAGE, "terms": {"parts": [{"benefit": "above"}]}}
    await benefit_in(BenefitState.POOL, tree.north.organization_id, "nested", **nested)
    await benefit_in(BenefitState.POOL, tree.province.organization_id, "above")
    await benefit_in(BenefitState.POOL, tree.north.organization_id, "own")
    for wrong in ("draft", "souths", "nested", "absent"):
        made = await package(rooms, tree.north, f"with-{wrong}", ("own", wrong))
        with pytest.raises(BenefitNotReady) as refused:
            await rooms.handlers.benefit_reviews.submit(tree.north, made.id, request_id=key())
        assert refused.value.facts == {"missing": "part", "name": wrong}
    made = await package(rooms, tree.north, "gold", ("own", "above"))
    submitted = await rooms.handlers.benefit_reviews.submit(tree.north, made.id, request_id=key())
    assert submitted.value.state is BenefitState.REVIEW
    regional = await package(rooms, tree.province, "regional", ("souths", "own"))
    assert (await rooms.handlers.benefit_reviews.submit(tree.province, regional.id, request_id=key())).value.code


async def test_a_part_stays_as_long_as_a_package_has_it(rooms, tree):
    reviews = rooms.handlers.benefit_reviews
    part = await benefit_in(BenefitState.POOL, tree.north.organization_id, "part")
    made = await package(rooms, tree.north)
    await reviews.submit(tree.north, made.id, request_id=key())
    with pytest.raises(BenefitInPackage) as refused:
        await reviews.retire(tree.north, part.id, reason="过季", request_id=key())
    assert refused.value.facts == {"packages": ["gold"]}
    await reviews.accept(tree.province, made.id, request_id=key())
    await reviews.retire(tree.north, made.id, reason="过季", request_id=key())
    await reviews.retire(tree.north, part.id, reason="过季", request_id=key())


async def at_once(rooms, tree):
    """A package goes to review while its part is retired; whether both were done."""
    reviews = rooms.handlers.benefit_reviews
    part = await benefit_in(BenefitState.POOL, tree.north.organization_id, "part")
    made = await package(rooms, tree.north)
    answers = await asyncio.gather(
        reviews.submit(tree.north, made.id, request_id=key()),
        reviews.retire(tree.north, part.id, reason="过季", request_id=key()),
        return_exceptions=True,
    )
    refusals = [type(each) for each in answers if isinstance(each, BaseException)]
    assert set(refusals) <= {BenefitNotReady, BenefitInPackage}
    return not refusals


async def test_a_package_and_the_end_of_its_part_at_once_are_one_of_the_two(rooms, tree):
    assert not await at_once(rooms, tree)


# --- decided once


async def test_accepted_and_returned_at_once_is_one_of_the_two(rooms, tree, submitted):
    reviews = rooms.handlers.benefit_reviews
    answers = await asyncio.gather(
        *(reviews.accept(operator_of(tree.province.organization_id), submitted.id, request_id=key()) for _ in range(3)),
        *(reviews.send_back(tree.root, submitted.id, reason="不行", request_id=key()) for _ in range(3)),
        return_exceptions=True,
    )
    assert sum(not isinstance(each, BaseException) for each in answers) == 1
    assert {type(each) for each in answers if isinstance(each, BaseException)} == {BenefitStateWrong}
    assert await AuditEntry.filter(action__in=["benefit.accepted", "benefit.returned"]).count() == 1


# --- the switch


async def test_the_switch_stops_and_starts_once_and_says_who_did_it(rooms, tree):
    reviews = rooms.handlers.benefit_reviews
    made = await benefit_in(BenefitState.POOL, tree.north.organization_id)
    for _ in range(2):
        paused = await reviews.pause(tree.north, made.id, reason="投诉", request_id=key())
        assert paused.value.is_paused
    assert await AuditEntry.filter(action="benefit.paused").count() == 1
    assert not (await reviews.resume(tree.province, made.id, request_id=key())).value.is_paused
    assert (await AuditEntry.get(action="benefit.resumed")).actor_id == tree.province.actor_id
    assert (await Benefit.get(id=made.id)).state is BenefitState.POOL
