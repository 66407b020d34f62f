"""Where to go: a place sent in chat, and `GET /stores` in the mini-program."""

import pytest

from tests.stories.market import desk, market

__all__ = ["desk", "market"]

HERE = "30.2741,120.1551"  # 杭州西湖区
PLACES = {
    "A": ("天一店", "宁波市海曙区", 29_868_300, 121_551_000),
    "B": ("文三店", "杭州市西湖区文三路 1 号", 30_277_000, 120_155_100),
    "C": ("武林店", "", 30_274_100, 120_164_000),
    "D": ("滨江店", "杭州市滨江区", 30_208_000, 120_210_000),
}


@pytest.fixture
async def shops(market):
    """Four stores with a place; the one of the market, on the lake, tells none."""
    for code, (name, address, latitude, longitude) in PLACES.items():
        place = {"latitude_e6": latitude, "longitude_e6": longitude}
        body = {"merchant": "books", "code": code, "name": name, "position": place}
        hours = [{"day": "mon", "opens": "09:00", "closes": "21:00"}] if code == "B" else []
        await market.desk.made("/stores", body | ({"address": address} if address else {}) | {"hours": hours})
    return market


async def test_a_place_sent_in_chat_is_answered_with_the_three_nearest_stores(town, shops):
    ming = town.person("小明")
    await ming.follow(town.oa)
    said = (await ming.send_location(town.oa, 30.2741, 120.1551, "杭州市西湖区")).text
    assert said == (
        "离您最近的门店：\n文三店，322米，杭州市西湖区文三路 1 号\n武林店，855米\n滨江店，9.0公里，杭州市滨江区"
    )


async def test_a_place_that_is_none_is_asked_for_again_and_where_no_store_is_it_says_so(town, market):
    ming = town.person("小明")
    await ming.follow(town.oa)
    broken = {"MsgType": "location", "Location_X": "91", "Location_Y": "120", "MsgId": "77", "Label": ""}
    assert (await ming.raw(town.oa, broken)).text == "没有收到完整的位置，请再发一次。"
    assert "还没有可以按位置查到的门店" in (await ming.send_location(town.oa, 30.2741, 120.1551)).text


async def test_the_door_tells_the_nearest_first_page_by_page(shops):
    ming = await shops.member("小明")
    first = await ming.call("GET", f"/stores?near={HERE}&limit=3")
    items = first.answer["items"]
    assert [each["name"] for each in items] == ["文三店", "武林店", "滨江店"]
    assert items[0] | {"id": "", "is_open": None, "opens_at": None} == {
        "id": "",
        "name": "文三店",
        "merchant_name": "江南书店",
        "address": "杭州市西湖区文三路 1 号",
        "position": {"latitude_e6": 30_277_000, "longitude_e6": 120_155_100},
        "distance_metres": 322,
        "zone": "Asia/Shanghai",
        "hours": [{"day": "mon", "opens": "09:00", "closes": "21:00"}],
        "is_open": None,
        "opens_at": None,
    }
    assert items[0]["is_open"] in {True, False}
    assert (items[0]["opens_at"] is None) is items[0]["is_open"]
    assert (items[1]["is_open"], items[1]["opens_at"]) == (None, None)
    rest = await ming.call("GET", f"/stores?near={HERE}&limit=3&cursor={first.answer['next_cursor']}")
    assert [each["name"] for each in rest.answer["items"]] == ["天一店"]
    assert rest.answer["next_cursor"] is None


async def test_with_an_offer_only_stores_that_redeem_it(shops):
    ming = await shops.member("小明")
    await shops.desk.made("/merchants", {"code": "cafe", "name": "咖啡馆"})
    await shops.desk.made("/stores", {"merchant": "cafe", "code": "Z", "name": "咖啡馆店"} | PLACE)
    offer = await shops.offer("洗车")
    whole = (await ming.call("GET", f"/stores?near={HERE}")).answer["items"]
    of_it = (await ming.call("GET", f"/stores?near={HERE}&offer_id={offer}")).answer["items"]
    assert whole[0]["name"] == "咖啡馆店"
    assert of_it == whole[1:]
    unknown = await ming.call("GET", f"/stores?near={HERE}&offer_id=01970000-0000-7000-8000-000000000000")
    assert (unknown.status, unknown.fact("code")) == (404, "offer.unknown")


PLACE = {"position": {"latitude_e6": 30_274_100, "longitude_e6": 120_155_100}}


@pytest.mark.parametrize(
    "query",
    [
        "",
        "near=",
        "near=30.27",
        "near=30.27,",
        "near=30.27,120.15,5",
        "near=91,120",
        "near=30,180.1",
        "near=nan,120",
        "near=inf,120",
        "near=1e1,120",
        "near=%EF%BC%93%EF%BC%90,120",
        "near=30,120%0A",
        "near=30,120%00",
        "near=30,120&near=30,120",
        "near=30,120&radius=5",
        "near=30,120&offer_id=x",
        "near=30,120&limit=0",
        "near=30,120&limit=101",
        "near=30,120&cursor=WyJhIl0",
        "near=30,120&cursor=WzEsIngiXQ",
    ],
)
async def test_a_place_or_page_of_a_wrong_shape_is_refused(town, query):
    screen = town.person("小明").open_mini_program(town.mp)
    await screen.login()
    refused = await screen.call("GET", f"/stores?{query}")
    assert refused.status == 400, refused.answer


async def test_nobody_asks_without_a_session(town):
    screen = town.person("小明").open_mini_program(town.mp)
    assert (await screen.call("GET", f"/stores?near={HERE}")).status == 401
