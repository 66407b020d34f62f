"""A prize that asks something, as people live it: won in chat, followed by a link, said there, and charged."""

import json
from datetime import timedelta

from handlers.recurring import BUSINESS_ZONE
from models.claims import Claim
from models.draws import DuePrize
from models.words import ClaimSource, ClaimState, DuePrizeState
from simulator import Conduct
from tests.stories.market import desk, market
from tests.stories.test_a_draw_to_its_verification import NOTICE, PLAN, verified
from tests.stories.test_top_up import NUMBER, charging, heard, offered, sound, worked

__all__ = ["charging", "desk", "market"]

OTHER = "13912345671"


async def drawn(charging, offer: str, *, name: str = "话费10元", ppm: int = 1_000_000, **more: object) -> str:
    """A draw of one prize, from draft over simulation to published; its id."""
    now = charging.town.clock.now().replace(microsecond=0)
    prize = {"code": "charge", "name": name, "kind": "benefit", "ppm": ppm, "value_fen": 1_000, "reference": offer}
    thanks = {"code": "thanks", "name": "谢谢参与", "kind": "thanks", "ppm": 1_000_000 - ppm}
    terms = {
        "title": "开业转盘",
        "opens_at": now.isoformat(),
        "closes_at": (now + timedelta(days=3)).isoformat(),
        "prizes": [{**prize, "stock": 3}, thanks],
        "price": {"free_daily": 5},
        "notice": NOTICE,
        **more,
    }
    draw = await charging.desk.made("/draws", {"code": "opening", "terms": terms, "keyword": "转盘"})
    await charging.desk.made(f"/draws/{draw['id']}/simulations", PLAN)
    status, told = await charging.desk.tell("POST", f"/operator/draws/{draw['id']}/publish")
    assert status == 200, told
    return str(draw["id"])


async def test_a_top_up_is_won_in_chat_said_in_the_mini_program_and_arrives(charging):
    town, supplier = charging.town, charging.town.platform.supplier
    draw, screen = await drawn(charging, await offered(charging)), await charging.member("小明")
    hong = await charging.member("小红")
    ming = screen.person
    until = (town.clock.now().astimezone(BUSINESS_ZONE) + timedelta(days=30)).strftime("%Y年%m月%d日")
    said = (await ming.say(town.oa, "抽 转盘")).text
    assert said.startswith(f"抽中话费10元。请在{until}前到小程序“抽奖”里填写要充值的手机号，逾期视为放弃。\n")
    await worked(town)
    (told,) = heard(town, ming, "点这里")
    assert told.startswith(f"抽中话费10元。请在{until}前<a ")
    assert told.endswith(">点这里</a>填写要充值的手机号，逾期视为放弃。")
    assert NUMBER not in told

    # The link leads into the mini-program, where it says what is asked.
    screen = ming.follow_link(told)
    assert (await screen.login()).is_fine
    (prize,) = (await screen.call("GET", "/me/prizes")).fact("items")
    assert (prize["asks"], prize["state"], prize["choose"], prize["draw_id"]) == ("number", "waiting", 0, draw)
    (spin,) = (await screen.call("GET", f"/draws/{draw}/spins")).fact("items")
    assert (spin["prize_id"], spin["prize_state"], spin["claim_id"]) == (prize["id"], "waiting", None)
    refused = await screen.draws.take(prize["id"])
    assert (refused.status, refused.answer["code"]) == (422, "claim.recharge_to_missing")
    foreign = await hong.draws.take(prize["id"], recharge_to=NUMBER)
    assert (foreign.status, foreign.answer["code"]) == (404, "prize.unknown")

    # The draw is over by then, which changes nothing.
    status, _ = await charging.desk.tell("POST", f"/operator/draws/{draw}/end", {"reason": "到期"})
    assert status == 200
    taken = await screen.draws.take(prize["id"], recharge_to=NUMBER, key="once")
    assert (taken.status, taken.answer["claims"][0]["state"]) == (201, "pending")
    again = await screen.draws.take(prize["id"], recharge_to=NUMBER, key="once")
    assert (again.status, again.answer) == (201, taken.answer)
    other = await screen.draws.take(prize["id"], recharge_to=OTHER, key="once")
    assert (other.status, other.answer["code"]) == (422, "idempotency.key_reused")
    twice = await screen.draws.take(prize["id"], recharge_to=OTHER)
    assert (twice.status, twice.answer["code"], twice.answer["state"]) == (409, "prize.state_wrong", "taken")
    await worked(town)
    await supplier.settle()
    await worked(town)
    (order,) = supplier.orders.values()
    assert order.recharge_to == NUMBER
    claim = await Claim.get()
    assert (claim.source, claim.state) == (ClaimSource.DRAW, ClaimState.USED)
    assert len(heard(town, ming, "已充值到尾号5670")) == 1
    await sound()


async def test_one_that_fails_is_said_anew_and_one_that_is_forgotten_goes_back(charging, tmp_path):
    town, supplier = charging.town, charging.town.platform.supplier
    draw, ming = await drawn(charging, await offered(charging), address_days=2), await charging.member("小明")
    first, second = [(await ming.draws.spin(draw)).fact("spins")[0]["prize_id"] for _ in range(2)]
    supplier.once(Conduct(fails=True))
    assert (await ming.draws.take(first, recharge_to=NUMBER)).status == 201
    await worked(town)
    assert not heard(town, ming.person, "名额已退回")
    (told,) = heard(town, ming.person, "奖品仍为您保留")
    assert told.startswith("话费10元没有充值成功，奖品仍为您保留。请在")
    day = town.clock.now().astimezone(BUSINESS_ZONE).date().isoformat()

    # The second one is forgotten; the first one waits for a week more.
    town.wait(timedelta(days=3))
    await ming.person.say(town.oa, "我的权益")  # otherwise WeChat lets nobody tell them anything
    await worked(town)
    assert heard(town, ming.person, "逾期")[-1] == "您抽中的话费10元逾期没有领取，已退回奖池。"
    late = await ming.draws.take(second, recharge_to=OTHER)
    assert (late.status, late.answer["code"], late.answer["state"]) == (409, "prize.state_wrong", "lapsed")
    assert (await ming.draws.take(first, recharge_to=OTHER)).status == 201
    await worked(town)
    await supplier.settle()
    await worked(town)
    assert len(heard(town, ming.person, "已充值到尾号5671")) == 1
    assert {each.state for each in await DuePrize.all()} == {DuePrizeState.TAKEN, DuePrizeState.LAPSED}
    await sound()

    # What anybody verifies knows nothing of it.
    log = tmp_path / "log.jsonl"
    log.write_text(str((await ming.draws.download(draw, day)).answer), "utf-8")
    receipts = tmp_path / "receipts.jsonl"
    kept = ming.draws.receipts[draw]
    receipts.write_text("\n".join(json.dumps(each) for each in kept), "utf-8")
    code, told = await verified(log, "--receipts", receipts)
    assert (code, "ALL IS AS PROMISED" in told) == (0, True), told
    assert NUMBER not in log.read_text("utf-8")


async def test_my_benefits_and_a_reminder_lead_to_what_waits_until_it_is_answered_for(charging):
    town = charging.town
    ming, hong = await charging.member("小明"), await charging.member("小红")
    draw = await drawn(charging, await offered(charging), address_days=9)
    now = town.clock.now()  # whatever the hour of the run: a morning, because nobody is reminded at night
    town.wait(now.replace(hour=2, minute=0) + timedelta(days=1) - now)
    first, second = [(await ming.draws.spin(draw)).fact("spins")[0] for _ in range(2)]
    third = (await hong.draws.spin(draw)).fact("spins")[0]
    await worked(town)
    until = (town.clock.now().astimezone(BUSINESS_ZONE) + timedelta(days=9)).strftime("%Y年%m月%d日")

    said = (await ming.person.say(town.oa, "我的权益")).text
    line = f"话费10元（{until}前填写要充值的手机号）"
    assert said.startswith(f"您抽中的2件奖品还没有领，逾期视为放弃：\n{line}\n{line}\n请<a ")
    assert said.endswith(">点这里</a>领取。")
    screen = ming.person.follow_link(said)
    assert (await screen.login()).is_fine
    assert len((await screen.call("GET", "/me/prizes")).fact("items")) == 2
    assert (await screen.draws.take(first["prize_id"], recharge_to=NUMBER)).status == 201
    said = (await ming.person.say(town.oa, "我的权益")).text
    assert said.startswith("您有1项权益：\n话费10元（正在充值到尾号5670）\n")
    assert f"\n您抽中的话费10元还没有领，请在{until}前<a " in said
    assert said.endswith(">点这里</a>填写要充值的手机号，逾期视为放弃。")

    # Nobody is reminded before the third day before its last; 小红 answers in time and is not reminded at all.
    for day in range(9):  # the last look is hours before it lapses, when the link of the reminder still leads there
        town.wait(timedelta(days=1))
        for person in (ming.person, hong.person):
            await person.say(town.oa, "积分")  # a window to be told in
        if day == 4:
            assert not heard(town, ming.person, "话费10元还没有领，请")[1:]
            assert (await hong.draws.take(third["prize_id"], recharge_to=OTHER)).status == 201
        await worked(town)
        await worked(town)
    assert heard(town, hong.person, "还没有领") == []
    _, reminder = heard(town, ming.person, "话费10元还没有领，请")
    assert reminder.startswith(f"您抽中的话费10元还没有领，请在{until}前<a ")
    screen = ming.person.follow_link(reminder)
    assert (await screen.login()).is_fine
    assert (await screen.draws.take(second["prize_id"], recharge_to=NUMBER)).status == 201
    assert "还没有领" not in (await screen.person.say(town.oa, "我的权益")).text
    await worked(town)
    await sound()


async def test_a_thing_that_waits_for_an_address_stands_there_too(charging):
    town, ming = charging.town, await charging.member("小明")
    kettle = {"code": "kettle", "name": "水壶", "kind": "goods", "ppm": 1_000_000, "value_fen": 9_900, "stock": 3}
    thanks = {"code": "thanks", "name": "谢谢参与", "kind": "thanks", "ppm": 0}
    draw = await drawn(charging, await offered(charging), prizes=[kettle, thanks])
    await ming.draws.spin(draw)
    until = (town.clock.now().astimezone(BUSINESS_ZONE) + timedelta(days=30)).strftime("%Y年%m月%d日")
    said = (await ming.person.say(town.oa, "我的权益")).text
    assert said == f"您抽中的水壶还没有领，请在{until}前到小程序“抽奖”里填写收货地址，逾期视为放弃。"
