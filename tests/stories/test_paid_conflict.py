"""Two devices without a network give the same thing; an operator pays the second, and finance finds its line."""

from datetime import timedelta

from models.benefits import Benefit
from models.database import rows
from models.statements.invariants import CHECKS
from tests.stories.test_at_the_counter import member, shop
from tests.stories.test_month_end import DAY, Month
from tests.stories.test_offline import Till

__all__ = ["shop"]


async def test_what_an_operator_pays_for_a_second_hand_over_is_a_line_of_the_next_statement(town, shop):
    month = Month(town, shop)
    await member(town, "小明")
    await shop.clerk(month.person)
    claim = await shop.claim(price_fen=1000, share_bp=7000)
    await Benefit.all().update(is_offline_allowed=True)

    given_on = month.today + DAY
    await month.wait_until(given_on, 10)
    tills = [Till(shop, town, month.token, name) for name in ("till-1", "till-2")]
    for till in tills:
        await till.sync()
    for till in tills:
        assert till.give(shop.typed(claim)) == "咖啡一杯"
        town.wait(timedelta(minutes=10))
    for till in tills:
        await till.upload()

    decided_on = given_on + DAY
    await month.wait_until(decided_on, 7)
    await month.work_the_night()  # the cut-off of six o'clock, and the statement of the day before
    (before,) = (await month.get("/statements"))["items"]
    (line,) = await month.sheet(f"/statements/{before['id']}?format=csv")
    counted = line["核销编号"]
    assert (line["类型"], line["结算金额（元）"], line["重复于核销"]) == ("核销", "10.00", "")
    (case,) = (await month.get("/offline-conflicts?decision=open"))["items"]
    path = f"/offline-conflicts/{case['id']}/decision"
    status, decided = await shop.desk.ask("POST", path, {"decision": "paid", "note": "两台设备都没有网络"})
    assert (status, decided["decision"], decided["settlement_fen"]) == (201, "paid", 1000)
    status, told = await shop.desk.ask("POST", path, {"decision": "loss", "note": "改主意"})
    assert status == 409, told

    await month.wait_until(decided_on + DAY, 2.5)
    await month.work_the_night()
    paid, again = (await month.get("/statements"))["items"]
    assert again == before
    assert (paid["business_on"], paid["totals"]["payable_fen"]) == (str(decided_on), 1000)
    (line,) = await month.sheet(f"/statements/{paid['id']}?format=csv")
    money = [line[name] for name in ("结算金额（元）", "运营方承担（元）", "商户承担（元）")]
    assert money == ["10.00", "7.00", "3.00"]
    assert (line["类型"], line["重复于核销"], line["撤销的核销"]) == ("重复补付", counted, "")
    assert (line["核销编号"], line["所属营业日"]) == (case["id"], str(given_on))
    assert line["结算单"] == f"{decided_on:%Y%m%d}-books"
    report = await month.sheet("/reports/redemptions?format=csv")
    assert sorted(each["类型"] for each in report) == ["核销", "重复补付"]
    assert [check.what for check in CHECKS if await rows(check.sql)] == []
