"""Two operators: more of a prize, chances by hand and other odds are asked for by one and done by another, once."""

import asyncio
from dataclasses import replace

import pytest

from handlers.draws.draw_editing import DrawChange
from handlers.errors import (
    ApprovalDecided,
    ApprovalOwn,
    ApprovalUnknown,
    DrawChangedSince,
    DrawNotPublishable,
    DrawStateWrong,
    MemberUnknown,
    RoleMissing,
)
from handlers.rules.draw_approval import DrawAct
from handlers.rules.draw_rules import SpinPrice
from models.draws import Draw, DrawCommitment, DrawStockChange, DrawVersion
from models.ids import new_id
from models.operators import Approval, AuditEntry
from models.statements import approvals as statements
from models.words import OperatorRole, SpinPaid
from tests.handlers.drawing import DAY, fair_of, goods, holds, points, simulated
from tests.handlers.offering import key, operator_at
from tests.operating import city

FOR_CHANCES = SpinPrice(takes_chances=True)
BOTH = 2


@pytest.fixture
async def fair(far):
    fair = await fair_of(far)
    yield fair
    await holds(fair)


@pytest.fixture
async def ming(far):
    return await far.member("o-ming")


async def asked_for_more(fair, draw, delta=4):
    facts = {"code": "kettle", "delta": delta, "reason": "加奖", "request_id": key()}
    return (await fair.handlers.draw_stock.change(fair.operator, draw, **facts)).value


async def asked_for_chances(fair, draw, person, amount=3):
    facts = {"amount": amount, "reason": "补发", "request_id": key()}
    return (await fair.handlers.draw_stock.give_chances(fair.operator, draw, person.member_id, **facts)).value


async def asked_for_odds(fair, draw, ppm=300_000, **more):
    """The draft gets better odds, is simulated, and published as far as one operator can."""
    editing = fair.handlers.draw_editing
    terms = (await editing.one(fair.operator, draw)).terms
    rules = replace(terms.rules, prizes=fair.rules(goods(ppm, stock=3)).prizes, **more)
    change = DrawChange(terms=replace(terms, rules=rules))
    await simulated(fair.operator, (await editing.edit(fair.operator, draw, change, request_id=key())).value)
    return (await editing.publish(fair.operator, draw, request_id=key())).value


async def test_more_of_a_prize_comes_when_a_second_operator_approves(fair):
    draw = await fair.published(goods(200_000, stock=3))
    asked = await asked_for_more(fair, draw)
    assert (asked.act, await fair.left(draw, "kettle")) == (DrawAct.STOCK, 3)
    promised = await DrawCommitment.all().count()
    with pytest.raises(ApprovalOwn):
        await fair.handlers.draw_approvals.approve(fair.operator, asked.approval_id, request_id=key())
    (seen,) = await fair.handlers.draw_approvals.pending(fair.second, after=None, limit=9)
    assert (seen.id, seen.draw_id, seen.act, seen.prize, seen.amount, seen.reason, seen.proposed_by) == (
        *(asked.approval_id, draw, DrawAct.STOCK, "kettle", 4, "加奖", fair.operator.id),
    )
    done = await fair.approve(asked.approval_id)
    assert (done.outcome, await fair.left(draw, "kettle")) == ("approved", 7)
    assert await DrawCommitment.all().count() == promised + 1
    assert (await DrawStockChange.filter(draw_id=draw).order_by("-id").first()).operator_id == fair.operator.id
    told = await AuditEntry.filter(action__startswith="draw.stock").order_by("id")
    assert [(each.action, each.actor_id) for each in told] == [
        ("draw.stock_proposed", str(fair.operator.id)),
        ("draw.stock_changed", str(fair.second.id)),
    ]
    assert told[1].facts["proposed_by"] == str(fair.operator.id)
    assert await fair.handlers.draw_approvals.pending(fair.second, after=None, limit=9) == ()


async def test_chances_come_when_a_second_operator_approves(fair, ming):
    draw = await fair.published(points(200_000), price=FOR_CHANCES)
    asked = await asked_for_chances(fair, draw, ming)
    assert (await fair.handlers.draws.view(ming, draw)).turn.chances == 0
    with pytest.raises(ApprovalOwn):
        await fair.handlers.draw_approvals.approve(fair.operator, asked.approval_id, request_id=key())
    await fair.approve(asked.approval_id)
    assert (await fair.handlers.draws.view(ming, draw)).turn.chances == 3
    assert (await fair.spin(ming, draw)).spins[0].paid_by is SpinPaid.CHANCE


async def test_other_odds_hold_when_a_second_operator_approves_and_words_need_none(fair):
    draw = await fair.published(goods(200_000, stock=3))
    told = await asked_for_odds(fair, draw)
    assert told.approval_id is not None
    assert (told.version, await DrawVersion.all().count()) == (1, 1)
    (seen,) = await fair.handlers.draw_approvals.pending(fair.second, after=None, limit=9)
    assert (seen.number, seen.changed) == (1, ("prizes.kettle.ppm", "prizes.thanks.ppm"))
    with pytest.raises(ApprovalOwn):
        await fair.handlers.draw_approvals.approve(fair.operator, told.approval_id, request_id=key())
    await fair.approve(told.approval_id)
    version = await DrawVersion.get(draw_id=draw, number=2)
    assert (version.published_by_id, version.terms["rules"]["prizes"][0]["ppm"]) == (fair.operator.id, 300_000)
    longer = await fair.republish(draw, closes_at=fair.rules().closes_at + DAY, title="还是它")
    assert longer.version == 3
    assert await Approval.all().count() == 1


async def test_what_is_approved_is_what_was_asked_for(fair):
    """The draft moves on, or another version comes first: then nobody approves what nobody looked at."""
    draw = await fair.published(goods(200_000, stock=3))
    early, late = await asked_for_odds(fair, draw, 300_000), await asked_for_odds(fair, draw, 400_000)
    with pytest.raises(DrawChangedSince):
        await fair.approve(early.approval_id)
    await fair.approve(late.approval_id)
    again = await asked_for_odds(fair, draw, 500_000)
    await asked_for_odds(fair, draw, 400_000)  # as it is published: nothing is decided otherwise, version 3
    assert (await Draw.get(id=draw)).version == 3
    with pytest.raises(DrawChangedSince):
        await fair.approve(again.approval_id)
    for each in (early, again):
        await fair.handlers.draw_approvals.reject(fair.second, each.approval_id, request_id=key())
    assert await Approval.filter(outcome="").count() == 0


async def test_what_is_rejected_changes_nothing_and_is_decided(fair, ming):
    draw = await fair.published(goods(200_000, stock=3), price=FOR_CHANCES)
    asked = [await asked_for_more(fair, draw), await asked_for_chances(fair, draw, ming)]
    for each in asked:
        await fair.handlers.draw_approvals.reject(fair.second, each.approval_id, request_id=key())
        with pytest.raises(ApprovalDecided):
            await fair.approve(each.approval_id)
    assert await fair.left(draw, "kettle") == 3
    assert (await fair.handlers.draws.view(ming, draw)).turn.chances == 0


async def test_what_cannot_be_done_any_more_stays_to_be_rejected(fair, ming, clock):
    draw = await fair.published(goods(200_000, stock=3), price=FOR_CHANCES)
    asked, odds = await asked_for_chances(fair, draw, ming), await asked_for_odds(fair, draw)
    clock.advance(11 * DAY)
    with pytest.raises(DrawStateWrong):
        await fair.approve(asked.approval_id)
    with pytest.raises(DrawNotPublishable):
        await fair.approve(odds.approval_id)
    assert await Approval.filter(outcome="").count() == BOTH
    await fair.handlers.draw_approvals.reject(fair.second, asked.approval_id, request_id=key())


async def test_approvals_stay_within_places_and_roles(fair, ming):
    draw = await fair.published(goods(200_000, stock=3))
    asked = await asked_for_more(fair, draw)
    approvals, south = fair.handlers.draw_approvals, await operator_at(await city("south"))
    assert await approvals.pending(south, after=None, limit=9) == ()
    for act in (approvals.approve, approvals.reject):
        with pytest.raises(ApprovalUnknown):
            await act(south, asked.approval_id, request_id=key())
        with pytest.raises(RoleMissing):
            support = await operator_at(fair.root, OperatorRole.SUPPORT)
            await act(support, asked.approval_id, request_id=key())
    with pytest.raises(MemberUnknown):
        await asked_for_chances(fair, draw, replace(ming, member_id=new_id()))


async def outcomes_of_two_who_approve(fair, approval_id):
    others = [fair.second, await operator_at(fair.root)]
    approve = fair.handlers.draw_approvals.approve
    acts = [approve(each, approval_id, request_id=key()) for each in others]
    return await asyncio.gather(*acts, return_exceptions=True)


async def test_two_who_approve_at_once_do_it_once(fair, ming):
    draw = await fair.published(goods(200_000, stock=3), price=FOR_CHANCES)
    asked = [await asked_for_more(fair, draw), await asked_for_chances(fair, draw, ming)]
    for each in asked:
        outcomes = await outcomes_of_two_who_approve(fair, each.approval_id)
        assert sum(isinstance(outcome, ApprovalDecided) for outcome in outcomes) == 1
    assert await fair.left(draw, "kettle") == 7
    assert (await fair.handlers.draws.view(ming, draw)).turn.chances == 3


async def test_without_the_guarded_update_two_who_approve_do_it_twice(fair, ming, monkeypatch):
    """The negative control: whoever decides looks at nothing but who asked."""
    monkeypatch.setattr(statements, "DECIDE", statements.DECIDE.replace("AND outcome = ''", ""))
    draw = await fair.published(goods(200_000, stock=3), price=FOR_CHANCES)
    asked = [await asked_for_more(fair, draw), await asked_for_chances(fair, draw, ming)]
    for each in asked:
        outcomes = await outcomes_of_two_who_approve(fair, each.approval_id)
        assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
    assert await fair.left(draw, "kettle") == 11
    assert (await fair.handlers.draws.view(ming, draw)).turn.chances == 6
