"""话费直充, as people live it: the supplier that did it and said nothing, the one that cannot, and the forger."""

from datetime import timedelta

import aiohttp
import pytest

from app.worker import Worker
from models.claims import Claim
from models.database import rows
from models.fulfillments import Fulfillment, FulfillmentAttempt
from models.operators import AuditEntry
from models.statements.invariants import CHECKS
from models.words import ClaimState
from simulator import Conduct
from tests.stories.market import desk, market

__all__ = ["desk", "market"]

NUMBER = "13912345670"


@pytest.fixture
async def charging(market):
    """The market, with a supplier that an operator brought in; its calls are given up after a moment."""
    town, supplier = market.town, market.town.platform.supplier
    body = {"code": "yichong", "name": "易充", "api_url": f"{town.platform_address}/supplier"}
    made = await market.desk.made("/suppliers", {**body, "secret": supplier.secret})
    assert made["notify_url"] == f"{town.address}/suppliers/yichong/notify"
    assert supplier.secret not in str(made)
    market.supplier_id = made["id"]
    town.house.handlers.top_up_orders._supplier._timeout = aiohttp.ClientTimeout(total=0.4)
    return market


async def offered(market, stock: int = 5) -> str:
    """话费10元 from draft to published; the id of its offer."""
    terms = {"supplier": "yichong", "product": "HF-10", "face_value_fen": 1_000}
    body = {"code": "huafei", "name": "话费10元", "kind": "top_up", "terms": terms}
    benefit = (await market.desk.made("/benefits", body))["id"]
    for step, who in (("submit", "root"), ("accept", "second")):
        status, told = await market.desk.tell("POST", f"/operator/benefits/{benefit}/{step}", who=who)
        assert status == 200, told
    offer = {"benefit_id": benefit, "code": "huafei", "keyword": "话费", "terms": {"stock": stock}}
    made = await market.desk.made("/offers", offer)
    status, told = await market.desk.tell("POST", f"/operator/offers/{made['id']}/publish")
    assert status == 200, told
    market.town.house.handlers.offer_catalogue.forget()
    return str(made["id"])


async def worked(town) -> None:
    """The worker does what is due, what recurs included."""
    await Worker(town.house.registry, town.house.handlers, town.house.clock).start_due_tasks()
    await town.work()


async def later(town, seconds: float) -> None:
    town.wait(timedelta(seconds=seconds))
    await worked(town)


def heard(town, person, word: str) -> list[str]:
    return [text for text in person.chat(town.oa).texts() if word in text]


async def sound() -> None:
    assert [check.what for check in CHECKS if await rows(check.sql)] == []


async def test_a_top_up_that_times_out_and_was_done(charging):
    town, supplier = charging.town, charging.town.platform.supplier
    offer, screen = await offered(charging), await charging.member("小明")
    person = screen.person
    assert (await screen.claim(offer)).answer["code"] == "claim.recharge_to_missing"
    supplier.once(Conduct(hangs=1.0, is_silent=True))
    claimed = await screen.claim(offer, recharge_to=NUMBER, key="once")
    assert (claimed.status, claimed.answer["claims"][0]["state"]) == (201, "pending")
    assert NUMBER not in str(claimed.answer)
    claim = claimed.answer["claims"][0]["id"]
    await worked(town)  # the order goes out, the work is done there, and nobody says so

    opened = (await screen.look_at(claim)).answer
    assert (opened["top_up"]["state"], opened["top_up"]["recharge_tail"]) == ("sent", "5670")
    assert set(opened["terms"]) == {"face_value_fen"}
    held = (await screen.wallet()).answer["held"]["items"]
    assert [(each["state"], each["recharge_tail"]) for each in held] == [("pending", "5670")]
    assert "话费10元（正在充值到尾号5670）" in (await person.say(town.oa, "我的权益")).text
    again = await screen.claim(offer, recharge_to=NUMBER, key="once")
    assert (again.status, again.answer) == (201, claimed.answer)

    await supplier.settle()
    await later(town, 20)
    assert ((await screen.look_at(claim)).answer["top_up"]["state"], len(supplier.orders)) == ("done", 1)
    (order,) = supplier.orders.values()
    assert (order.came_in, order.recharge_to) == (1, NUMBER)
    assert len(heard(town, person, "已充值到尾号5670")) == 1
    await supplier.tell(order)  # late, and twice: heard, and nothing more
    await supplier.tell(order)
    await later(town, 4_000)
    assert (len(heard(town, person, "已充值到尾号5670")), order.told) == (1, 2)
    assert (await screen.wallet()).answer["used"]["count"] == 1
    await sound()


async def test_a_call_back_settles_it_before_anybody_asks(charging):
    town, supplier = charging.town, charging.town.platform.supplier
    offer, screen = await offered(charging), await charging.member("小明")
    supplier.once(Conduct(duplicates=4))
    claim = (await screen.claim(offer, recharge_to=NUMBER)).answer["claims"][0]["id"]
    await worked(town)
    await supplier.settle()
    assert (await screen.look_at(claim)).answer["claim"]["state"] == "used"
    assert list(supplier.statuses) == [200] * 5
    await worked(town)
    assert len(heard(town, screen.person, "已充值")) == 1
    acts = await FulfillmentAttempt.filter(has_moved=True).values_list("act", "result")
    assert ("notice", "done") in [(str(act), result) for act, result in acts]
    await sound()


async def test_what_fails_goes_back_and_somebody_else_has_it(charging):
    town, supplier = charging.town, charging.town.platform.supplier
    offer = await offered(charging, stock=1)
    ming, hong = await charging.member("小明"), await charging.member("小红")
    supplier.once(Conduct(fails=True))
    claim = (await ming.claim(offer, recharge_to=NUMBER)).answer["claims"][0]["id"]
    await worked(town)
    opened = (await ming.look_at(claim)).answer
    assert (opened["claim"]["state"], opened["top_up"]["state"]) == ("revoked", "failed")
    assert heard(town, ming.person, "没有充值成功") == ["话费10元没有充值成功，名额已退回，您可以重新领取。"]
    town.house.handlers.offer_catalogue.forget()
    assert (await hong.claim(offer, recharge_to="13912345671")).status == 201
    await worked(town)
    await supplier.settle()
    await worked(town)
    assert len(heard(town, hong.person, "已充值到尾号5671")) == 1
    assert {each.state for each in await Claim.all()} == {ClaimState.REVOKED, ClaimState.USED}
    await sound()


async def test_in_chat_the_own_number_is_charged_and_said_back(charging):
    town = charging.town
    await offered(charging)
    ming, wang = town.person("小明", phone=NUMBER), town.person("老王")
    for person in (ming, wang):
        await person.follow(town.oa)
        screen = person.open_mini_program(town.mp)
        assert (await screen.join(with_phone=person is ming)).status == 201
    told = await wang.say(town.oa, "领 话费")
    assert told.text == "话费10元要充值到手机号，请在小程序里填写号码领取。"
    told = await ming.say(town.oa, "领 话费")
    assert told.text == "话费10元正在充值到139****5670，有结果会告诉您，不用重复提交。"
    await worked(town)
    await town.platform.supplier.settle()
    (order,) = town.platform.supplier.orders.values()
    assert order.recharge_to == NUMBER
    assert (await Claim.get()).state is ClaimState.USED


async def test_who_forges_or_mumbles_settles_nothing(charging):
    town, supplier = charging.town, charging.town.platform.supplier
    offer, screen = await offered(charging), await charging.member("小明")
    supplier.once(Conduct(is_silent=True, hangs=1.0))
    await screen.claim(offer, recharge_to=NUMBER)
    await worked(town)
    await supplier.settle()
    (order,) = supplier.orders.values()
    assert [
        await supplier.tell(order, wrong_signature=True),
        await supplier.tell(order, age=400),
        await supplier.tell(order, age=-400),
        await supplier.tell(order, face_value_fen=999),
        await supplier.tell(order, order_no="f" * 32),
        await supplier.tell(order, status="fine"),
        await supplier.tell(order, padding="x" * 20_000),
    ] == [403, 403, 403, 422, 422, 422, 413]
    async with aiohttp.ClientSession() as client:
        for code in ("yichong", "nobody"):
            async with client.post(f"{town.address}/suppliers/{code}/notify", data=b"{}") as answer:
                assert (answer.status, await answer.read()) == (403, b"")
    assert (await Claim.get()).state is ClaimState.PENDING
    assert await supplier.tell(order) == 200
    assert (await Claim.get()).state is ClaimState.USED
    await sound()


async def test_of_a_supplier_that_says_nothing_two_operators_say_it_and_its_late_word_is_kept(charging):
    town, supplier, desk = charging.town, charging.town.platform.supplier, charging.desk
    offer, screen = await offered(charging), await charging.member("小明")
    supplier.once(Conduct(hangs=1.0, is_silent=True))
    claim = (await screen.claim(offer, recharge_to=NUMBER)).answer["claims"][0]["id"]
    await worked(town)
    await supplier.settle()
    orders = f"/operator/suppliers/{charging.supplier_id}/orders"
    (order,) = (await desk.tell("GET", orders))[1]["items"]
    path = f"/operator/top-ups/{order['id']}/settlement"
    said = {"outcome": "done", "proof": "YC-20261127-1", "reason": "电话核实"}
    status, told = await desk.tell("POST", path, said)
    assert (status, told["code"]) == (409, "top_up.too_soon")
    await Fulfillment.all().update(sent_at=town.clock.now() - timedelta(days=2))
    town.wait(timedelta(minutes=6))
    status, told = await desk.tell("POST", path, {**said, "proof": None})
    assert (status, told["code"]) == (422, "top_up.proof_missing")
    status, proposed = await desk.tell("POST", path, said)
    assert (status, proposed["state"]) == (201, "sent")
    approve = f"/operator/top-up-settlements/{proposed['approval_id']}/approve"
    status, told = await desk.tell("POST", approve)
    assert (status, told["code"]) == (403, "approval.own")
    (waiting,) = (await desk.tell("GET", "/operator/top-up-settlements", who="second"))[1]["items"]
    assert (waiting["id"], waiting["outcome"], waiting["proof"]) == (proposed["approval_id"], "done", said["proof"])
    await screen.person.say(town.oa, "我的权益")  # a window to be told in
    status, done = await desk.tell("POST", approve, who="second")
    assert (status, done["state"], done["outcome"]) == (200, "done", "done")
    await town.work()
    assert (await screen.look_at(claim)).answer["claim"]["state"] == "used"
    assert len(heard(town, screen.person, "已充值到尾号5670")) == 1
    (theirs,) = supplier.orders.values()
    assert [await supplier.tell(theirs) for _ in range(2)] == [200, 200]
    (order,) = (await desk.tell("GET", orders))[1]["items"]
    assert (order["is_by_hand"], order["heard_since"]) == (True, "done")
    await town.work()
    assert len(heard(town, screen.person, "已充值到尾号5670")) == 1
    await sound()


async def test_a_supplier_is_stopped_and_goes_on(charging):
    town, supplier = charging.town, charging.town.platform.supplier
    offer, screen = await offered(charging), await charging.member("小明")
    waits = await charging.member("小红")
    assert (await waits.claim(offer, recharge_to="13912345671")).status == 201
    switch = f"/operator/suppliers/{charging.supplier_id}"
    status, told = await charging.desk.tell("POST", f"{switch}/pause", {"reason": "对账"})
    assert (status, told["is_paused"]) == (200, True)
    refused = await screen.claim(offer, recharge_to=NUMBER)
    assert (refused.status, refused.answer["code"]) == (409, "offer.paused")
    await worked(town)
    await later(town, 60)
    assert supplier.orders == {}
    assert (await charging.desk.tell("POST", f"{switch}/resume", {}))[0] == 200
    await worked(town)
    await town.house.handlers.top_up_orders.poll()
    assert len(supplier.orders) == 1
    assert (await screen.claim(offer, recharge_to=NUMBER)).status == 201
    actions = await AuditEntry.filter(subject_kind="supplier").order_by("id").values_list("action", flat=True)
    assert list(actions) == ["supplier.added", "supplier.paused", "supplier.resumed"]
    assert not [each for each in await AuditEntry.all() if supplier.secret in str(each.facts)]
    assert await Fulfillment.all().count() == 2
