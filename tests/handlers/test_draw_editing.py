"""Draws in operators' hands: what cannot be published, and that what was published only gets better."""

from dataclasses import replace

import pytest

from handlers.draws import draw_publishing
from handlers.draws.draw_editing import DrawChange, DrawDraft
from handlers.errors import (
    DrawCodeTaken,
    DrawNotPublishable,
    DrawStateWrong,
    DrawUnknown,
    PrizeStockBelowAwarded,
    PrizeStockOnlyGrows,
    PrizeUnknown,
    RoleMissing,
)
from handlers.rules.draw_rules import Prize, PrizeKind, SpinPrice
from handlers.rules.offer_terms import Audience
from models.draws import DrawStockChange
from models.words import DrawState, OperatorRole
from tests.handlers.claimable import a_benefit, an_offer
from tests.handlers.drawing import fair_of, goods, holds, points, simulated
from tests.handlers.laddering import GOLD, Steps, a_ladder
from tests.handlers.offering import key, operator_at
from tests.operating import city


@pytest.fixture
async def fair(far):
    fair = await fair_of(far)
    yield fair
    await holds(fair)


async def refused(fair, *prizes, **more) -> set[str]:
    with pytest.raises(DrawNotPublishable) as why:
        await fair.published(*prizes, **more)
    return {each["problem"] for each in why.value.facts["problems"]}


async def test_odds_that_do_not_sum_are_refused(fair):
    drafted = await fair.drafted(points(1))
    with pytest.raises(DrawNotPublishable):
        await fair.republish(drafted.id, prizes=(points(1), replace(points(999_998), code="more")))


async def test_a_version_that_was_never_simulated_is_refused(fair):
    """Not the draft before it either: what is published is what was looked at."""
    editing, drafted = fair.handlers.draw_editing, await fair.drafted(points(300_000))
    with pytest.raises(DrawNotPublishable) as why:
        await editing.publish(fair.operator, drafted.id, request_id=key())
    assert why.value.facts["problems"] == [{"field": "simulations", "problem": "missing"}]
    await simulated(fair.operator, await fair.drafted(points(300_000), title="另一个"))
    await simulated(fair.operator, drafted)
    other = replace(drafted.terms, rules=replace(drafted.terms.rules, prizes=fair.rules(points(300_001)).prizes))
    await editing.edit(fair.operator, drafted.id, DrawChange(terms=other), request_id=key())
    with pytest.raises(DrawNotPublishable):
        await editing.publish(fair.operator, drafted.id, request_id=key())
    await editing.edit(fair.operator, drafted.id, DrawChange(terms=drafted.terms), request_id=key())
    assert (await editing.publish(fair.operator, drafted.id, request_id=key())).value.version == 1


async def test_the_law_is_asked(fair):
    assert "over_legal_limit" in await refused(fair, goods(value_fen=5_000_001))
    assert "cash_buy_in" in await refused(fair, price=SpinPrice(fen=100, points=1))


async def test_points_that_are_worth_money_buy_no_spins(fair, monkeypatch):
    monkeypatch.setattr(fair.handlers.draw_editing, "_are_worth_money", True)
    assert await refused(fair, price=SpinPrice(points=5)) == {"cash_buy_in"}
    await fair.published(price=SpinPrice(free_daily=1))


@pytest.mark.parametrize("reference", ["", "nothing", "01a21b6d-8874-7f76-9abf-2e5f8a6670b0"])
async def test_a_benefit_that_is_not_there_is_refused(fair, reference):
    prize = Prize("wash", "洗车", PrizeKind.BENEFIT, 1, value_fen=1, stock=1, reference=reference)
    assert await refused(fair, prize) & {"unknown", "missing"}


async def test_a_kind_of_prize_without_a_fulfiller_is_refused(fair, monkeypatch):
    monkeypatch.setattr(draw_publishing, "FULFILLED", draw_publishing.FULFILLED - {PrizeKind.GROWTH})
    growth = Prize("growth", "成长值", PrizeKind.GROWTH, 1, amount=5, value_fen=1)
    assert await refused(fair, growth) == {"kind_unsupported"}


async def test_prizes_come_out_of_their_offers_stock(fair):
    offer = await an_offer(fair.rooms.clock.now(), stock=10, benefit=await a_benefit())
    prize = Prize("wash", "洗车", PrizeKind.BENEFIT, 1, value_fen=1, stock=8, reference=str(offer.id))
    await fair.published(prize)
    assert await offer.left() == 2
    assert await refused(fair, replace(prize, stock=3)) == {"more_than_offer"}
    assert await offer.left() == 2
    assert await refused(fair, replace(prize, stock=None)) == {"missing"}


async def test_what_was_published_only_gets_better(fair):
    draw = await fair.published(goods(200_000, stock=5))
    for worse in (goods(100_000, stock=5), goods(200_000, stock=4)):
        with pytest.raises(DrawNotPublishable):
            await fair.republish(draw, prizes=fair.rules(worse).prizes)
    better = await fair.republish(draw, prizes=fair.rules(goods(300_000, stock=9)).prizes)
    assert (better.version, await fair.left(draw, "kettle")) == (2, 9)


async def test_stock_grows_and_never_shrinks(fair, far):
    ming = await far.member("o-ming")
    draw = await fair.published(goods(1_000_000, stock=3), points(0))
    await fair.spin(ming, draw)
    stock = fair.handlers.draw_stock

    async def change(code, delta):
        return (await stock.change(fair.operator, draw, code=code, delta=delta, reason="加", request_id=key())).value

    with pytest.raises(PrizeStockBelowAwarded) as why:
        await change("kettle", -3)
    assert why.value.facts == {"left": 2, "awarded": 1}
    with pytest.raises(PrizeStockOnlyGrows):
        await change("kettle", -1)
    with pytest.raises(PrizeUnknown):
        await change("points", 1)  # has no limit
    await fair.more(draw, "kettle", 4)
    seen = next(each for each in await stock.view(fair.operator, draw) if each.code == "kettle")
    assert (seen.added, seen.left, seen.awarded) == (7, 6, 1)
    assert await DrawStockChange.filter(draw_id=draw).values_list("delta", flat=True) == [3, 4]


async def test_states_and_places_are_kept(fair):
    editing, drafted = fair.handlers.draw_editing, await fair.drafted()
    with pytest.raises(DrawCodeTaken):
        again = DrawDraft(drafted.code, drafted.terms)
        await editing.draft(fair.operator, again, request_id=key())
    with pytest.raises(DrawStateWrong):
        await editing.pause(fair.operator, drafted.id, reason="x", request_id=key())
    south = await operator_at(await city("south"))
    for act in (editing.one(south, drafted.id), editing.publish(south, drafted.id, request_id=key())):
        with pytest.raises(DrawUnknown):
            await act
    with pytest.raises(RoleMissing):
        await editing.listing(await operator_at(fair.root, OperatorRole.SUPPORT), after=None, limit=5)
    ended = await editing.end(fair.operator, drafted.id, reason="x", request_id=key())
    assert ended.value.state is DrawState.ENDED
    with pytest.raises(DrawStateWrong):
        await editing.publish(fair.operator, drafted.id, request_id=key())


async def test_a_level_that_does_not_exist_is_refused(fair, clock):
    with pytest.raises(DrawNotPublishable) as why:
        await fair.published(terms={"audience": Audience(level_at_least=GOLD)})
    assert [each["problem"] for each in why.value.facts["problems"]] == ["unknown"]
    await Steps(clock).publish(a_ladder())
    await fair.published(terms={"audience": Audience(level_at_least=GOLD)})
