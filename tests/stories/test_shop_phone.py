"""A day at a shop's own phone: two clerks, one shift, a member who shows the 会员码; and a shift in chat."""

from datetime import timedelta

from models.claims import Claim
from models.identity import Member
from models.shifts import Shift
from models.words import ClaimState
from tests.stories.test_at_the_counter import Shop, member, shop

__all__ = ["shop"]
LIN_PIN, LAN_PIN, SHOP = "739204", "508817", {"device_id": "shop-phone"}


async def hired(shop: Shop, person, name: str) -> str:
    """Invited under this name, accepted, signed in."""
    body = {"merchant": "books", "store": "S1", "name": name}
    status, invited = await shop.desk.ask("POST", "/clerks/invitations", body)
    assert status == 201, invited
    screen = person.open_mini_program(shop.town.mp)
    accepted = await shop.ask("POST", f"/clerk/invitations/{invited['token']}/accept", {"code": screen.login_code()})
    assert accepted.status == 201, accepted.body
    opened = await shop.ask("POST", "/clerk/sessions", {"code": screen.login_code()})
    return opened.body["token"]


async def with_pin(shop: Shop, person, token: str, pin: str) -> None:
    body = {"pin": pin, "code": person.open_mini_program(shop.town.mp).login_code()}
    kept = await shop.ask("PUT", "/clerk/pin", body, token=token)
    assert kept.status == 204, kept.body


async def manager_of(shop: Shop, person) -> str:
    body = {"merchant": "books", "store": None, "role": "manager", "name": "店长"}
    _, invited = await shop.desk.ask("POST", "/clerks/invitations", body)
    screen = person.open_mini_program(shop.town.mp)
    await shop.ask("POST", f"/clerk/invitations/{invited['token']}/accept", {"code": screen.login_code()})
    return (await shop.ask("POST", "/clerk/sessions", {"code": screen.login_code()})).body["token"]


async def test_a_day_with_two_clerks_on_one_phone(town, shop):
    _, mine = await member(town, "小明")
    lin, lan = town.person("小林"), town.person("小兰")
    phone, lans = await hired(shop, lin, "小林"), await hired(shop, lan, "小兰")
    await with_pin(shop, lin, phone, LIN_PIN)
    await with_pin(shop, lan, lans, LAN_PIN)
    manager = await manager_of(shop, town.person("店长"))
    wash, coffee = await shop.claim(uses=3, price_fen=9_000), await shop.claim(price_fen=1_200)

    # Lin opens. A customer shows the member code; the clerk sees who it is and what the store honours.
    opened = await shop.ask("POST", "/clerk/shifts", SHOP, token=phone)
    assert (opened.status, opened.body["opened_by"], opened.body["redeemed_count"]) == (201, "小林", 0)
    code = (await shop.ask("POST", "/me/code", token=mine)).body["token"]
    seen = await shop.ask("POST", "/clerk/members/identify", {"token": code, **SHOP}, token=phone)
    number = (await Member.filter(number__not_isnull=True).order_by("id").first()).number
    assert (seen.status, seen.body["member"]) == (200, f"尾号{number[-4:]}")
    assert {each["id"] for each in seen.body["claims"]} == {str(wash.id), str(coffee.id)}
    assert number not in seen.raw.decode()
    again = await shop.ask("POST", "/clerk/members/identify", {"token": code, **SHOP}, token=phone)
    assert (again.status, again.body["code"]) == (404, "code.invalid")

    # Two washes of three, without any code.
    visit = seen.body["visit_token"]
    body = {"codes": [{"claim_id": str(wash.id), "visit_token": visit, "uses": 2}], **SHOP}
    washed = await shop.ask("POST", "/clerk/redemptions", body, token=phone, key="w")
    assert (washed.status, washed.body["redemptions"][0]["uses_left"]) == (201, 1)
    repeated = await shop.ask("POST", "/clerk/redemptions", body, token=phone, key="w")
    assert (repeated.raw, repeated.replayed) == (washed.raw, True)

    # Lan takes the phone over; Lin's session is over with it.
    names = (await shop.ask("GET", "/clerk/sessions/colleagues", token=phone)).body["items"]
    assert [each["name"] for each in names] == ["小兰"]
    wrong = await shop.ask("POST", "/clerk/sessions/switch", {"name": "小兰", "pin": LIN_PIN, **SHOP}, token=phone)
    assert (wrong.status, wrong.body["code"]) == (403, "clerk.pin_differs")
    switched = await shop.ask("POST", "/clerk/sessions/switch", {"name": "小兰", "pin": LAN_PIN, **SHOP}, token=phone)
    assert (switched.status, switched.body["name"]) == (201, "小兰")
    assert (await shop.ask("GET", "/clerk/redemptions", token=phone)).status == 401
    phone = switched.body["token"]

    # Lin's visit is Lin's alone. Lan redeems the coffee by its typed code, and takes it back.
    stale = {"codes": [{"claim_id": str(wash.id), "visit_token": visit}], **SHOP}
    assert (await shop.ask("POST", "/clerk/redemptions", stale, token=phone)).body["code"] == "redemption.invalid"
    body = {"codes": [{"code": shop.typed(coffee)}], **SHOP}
    given = await shop.ask("POST", "/clerk/redemptions", body, token=phone)
    row = given.body["redemptions"][0]["id"]
    back = await shop.ask("POST", f"/clerk/redemptions/{row}/reversal", {"reason": "拿错", **SHOP}, token=phone)
    assert (back.status, back.body["claim_state"]) == (201, "issued")
    await shop.ask("POST", "/clerk/redemptions", body, token=phone)

    # The shift is the phone's: both clerks' rows are in it, and they are the rows of the history.
    now = await shop.ask("GET", "/clerk/shifts/current?device_id=shop-phone", token=phone)
    assert (now.body["redeemed_count"], now.body["redeemed_fen"]) == (3, 6_000 + 2 * 1_200)
    assert (now.body["reversed_count"], now.body["reversed_fen"]) == (1, 1_200)
    town.wait(timedelta(hours=8))
    closed = await shop.ask("POST", "/clerk/shifts/current/close", SHOP, token=phone, key="c")
    assert (closed.status, closed.body["closed_by"], closed.body["opened_by"]) == (201, "小兰", "小林")
    assert closed.body["by_benefit"] == now.body["by_benefit"]
    assert (await shop.ask("POST", "/clerk/shifts/current/close", SHOP, token=phone, key="c")).raw == closed.raw
    gone = await shop.ask("POST", "/clerk/shifts/current/close", SHOP, token=phone)
    assert (gone.status, gone.body["code"]) == (404, "shift.none")
    entries = (await shop.ask("GET", "/clerk/redemptions", token=manager)).body["items"]
    kinds = [each["kind"] for each in entries if each["device_id"] == "shop-phone"]
    assert (kinds.count("redeem"), kinds.count("reversal")) == (3, 1)
    kept = await Shift.get()
    assert (kept.redeemed_count, kept.redeemed_fen, kept.reversed_fen) == (3, 8_400, 1_200)
    await town.work()


async def test_a_manager_voids_and_the_member_hears_of_it(town, shop):
    ming, _ = await member(town, "小明")
    await ming.say(town.oa, "权益")  # a window to be told in
    manager = await manager_of(shop, town.person("店长"))
    claim, dear = await shop.claim(), await shop.claim(price_fen=20_000)
    voided = await shop.ask("POST", f"/clerk/claims/{claim.id}/void", {"reason": "商品下架"}, token=manager)
    assert (voided.status, voided.body["claim_state"]) == (201, "revoked")
    refused = await shop.ask("POST", f"/clerk/claims/{dear.id}/void", {"reason": "假券"}, token=manager)
    assert (refused.status, refused.body["code"]) == (409, "claim.void_too_valuable")
    other = await shop.claim(price_fen=30_000)
    wish = await shop.ask("POST", f"/clerk/claims/{other.id}/void-requests", {"reason": "假券"}, token=manager)
    assert (wish.status, wish.body["outcome"], wish.body["worth_fen"]) == (201, "waiting", 30_000)
    (waiting,) = (await shop.desk.ask("GET", "/void-requests"))[1]["items"]
    status, told = await shop.desk.ask("POST", f"/void-requests/{waiting['id']}/approve")
    assert (status, told["outcome"], told["merchant"]) == (200, "approved", "books")
    (seen,) = (await shop.ask("GET", "/clerk/void-requests", token=manager)).body["items"]
    assert (seen["id"], seen["outcome"]) == (wish.body["id"], "approved")
    assert (await Claim.get(id=other.id)).state is ClaimState.REVOKED
    status, proposed = await shop.desk.ask("POST", f"/claims/{dear.id}/void", {"reason": "假券"})
    assert (status, proposed["claim_state"]) == (201, "issued")
    status, told = await shop.desk.ask("POST", f"/claim-voids/{proposed['approval_id']}/approve")
    assert (status, told["code"]) == (403, "approval.own")
    await town.work()
    told = ming.chat(town.oa).texts()[-1]
    assert told.startswith("咖啡一杯已被作废")
    assert "下架" not in told  # the reason is the house's own
    assert (await Claim.get(id=dear.id)).state is ClaimState.ISSUED


async def test_a_clerk_is_on_shift_in_chat(town, shop):
    ming, _ = await member(town, "小明")
    lin = town.person("小林")
    await lin.follow(town.oa)
    assert "核销由门店店员办理" in (await ming.say(town.oa, "当班")).text
    await hired(shop, lin, "小林")
    assert "您还没有当班" in (await lin.say(town.oa, "交班")).text
    assert "湖滨店已当班" in (await lin.say(town.oa, "当班")).text
    claim = await shop.claim(price_fen=1_250)
    await lin.say(town.oa, shop.typed(claim))
    await lin.say(town.oa, "确认")
    assert "核销1笔12.50元，撤销0笔" in (await lin.say(town.oa, "当班")).text
    await lin.say(town.oa, "撤销")
    closed = (await lin.say(town.oa, "交班")).text
    assert closed == "已交班：核销1笔12.50元，撤销1笔12.50元。\n咖啡一杯：核销1笔，撤销1笔"
    assert (await Shift.get()).reversed_count == 1
    await town.work()
