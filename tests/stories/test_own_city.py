"""A member chooses a city: what they see, who sees them, and what stays when they move."""

import pytest

from models.identity import Member
from models.organizations import Organization
from tests.operating import PASSWORD
from tests.stories.draw_rows import draw_of
from tests.stories.market import Market, desk

__all__ = ["desk"]

CODES = {"宁波": "ningbo", "杭州": "hangzhou"}  # of the cities, and the logins of their operators
ONCE = [{"period": "ever", "count": 1}]


class Country(Market):
    """A market with two cities below the operator, each with an operator of its own and an offer."""

    async def open(self) -> None:
        await super().open()
        self.cities, self.offers = {}, {"总部": await self.offer("茶", limits=ONCE)}
        for name, code in CODES.items():
            made = await self.desk.made("/organizations", {"code": code, "name": name, "kind": "city"})
            self.cities[name] = made["id"]
            body = {"login": code, "password": PASSWORD, "role": "admin", "organization_id": made["id"]}
            await self.desk.operator(code, (await self.desk.made("/operators", body))["otpauth_uri"])
            self.offers[name] = await self.offer(f"{name}券", limits=ONCE, organization_id=made["id"])

    async def seen(self, screen) -> set[str]:
        """The offers of the catalogue, by whose they are."""
        self.town.house.handlers.offer_catalogue.forget()
        listed = {each["id"] for each in (await screen.offers()).fact("items")}
        return {name for name, offer in self.offers.items() if offer in listed}

    async def draws(self, screen) -> list[str]:
        return [each["id"] for each in (await screen.draws.look()).fact("items")]

    async def finds(self, operator: str, number: str) -> int:
        status, found = await self.desk.tell(
            "POST", "/operator/members/search", {"number": number}, who=CODES.get(operator, operator)
        )
        assert status == 200, found
        return len(found["items"])


@pytest.fixture
async def country(town, desk):
    country = Country(town, desk)
    await country.open()
    return country


async def test_who_chooses_a_city_sees_what_is_its_and_is_seen_there(country):
    ming = await country.member("小明")
    number = str((await ming.me()).fact("number"))
    member, ningbo = await Member.get(number=number), await Organization.get(name="宁波")
    draw = str((await draw_of(member, ningbo.id, country.offers["宁波"]))["draw_id"])
    assert (await ming.me()).fact("organization") is None
    assert (await country.seen(ming), await country.draws(ming)) == ({"总部"}, [])
    assert [await country.finds(who, number) for who in ("root", "宁波", "杭州")] == [1, 0, 0]

    listed = (await ming.look_at_cities()).fact("items")
    assert [(each["name"], each["kind"], each["parent"]) for each in listed] == [
        ("宁波", "city", None),
        ("杭州", "city", None),
    ]
    home = {"id": country.cities["宁波"], "name": "宁波"}
    assert (await ming.choose_city(home["id"])).fact("organization") == home
    assert (await ming.me()).fact("organization") == home
    assert (await country.seen(ming), await country.draws(ming)) == ({"总部", "宁波"}, [draw])
    assert (await ming.call("GET", f"/draws/{draw}")).status == 200
    assert [await country.finds(who, number) for who in ("root", "宁波", "杭州")] == [1, 1, 0]
    assert (await ming.call("GET", "/me/export")).answer["member"]["organization"] == "宁波"

    await ming.choose_city(country.cities["杭州"])
    assert (await country.seen(ming), await country.draws(ming)) == ({"总部", "杭州"}, [])
    assert [await country.finds(who, number) for who in ("root", "宁波", "杭州")] == [1, 0, 1]

    assert (await ming.choose_city(None)).fact("organization") is None
    assert (await country.seen(ming), await country.draws(ming)) == ({"总部"}, [])
    assert (await ming.call("GET", f"/offers/{country.offers['宁波']}")).status == 404
    assert [await country.finds(who, number) for who in ("root", "宁波", "杭州")] == [1, 0, 0]


async def test_what_is_held_stays_and_moving_to_and_fro_gives_nothing_twice(country):
    ming, clerk = await country.member("小明"), await country.clerk()
    city, everybodys = country.offers["宁波"], country.offers["总部"]
    assert (await ming.claim(city)).fact("code") == "offer.unknown"
    await ming.choose_city(country.cities["宁波"])
    claimed = await ming.claim(city)
    assert claimed.status == 201, claimed.answer
    assert (await ming.claim(everybodys)).status == 201

    await ming.choose_city(country.cities["杭州"])
    assert (await ming.claim(city)).fact("code") == "offer.unknown"
    assert (await ming.claim(everybodys)).fact("code") == "offer.limit_reached"
    await ming.choose_city(country.cities["宁波"])
    assert (await ming.claim(city)).fact("code") == "offer.limit_reached"

    await ming.choose_city(None)
    held = (await ming.wallet()).answer["held"]["items"]
    assert {each["name"] for each in held} == {"宁波券", "茶"}
    token = str((await ming.pass_of(claimed.answer["claims"][0]["id"])).fact("token"))
    assert (await clerk.counter.redeem(token=token)).status == 201


async def test_what_was_won_in_a_draw_of_the_city_that_was_left_can_still_be_had(country):
    ming, hong = await country.member("小明"), await country.member("小红")
    ningbo = await Organization.get(name="宁波")
    member = await Member.get(number=str((await ming.me()).fact("number")))
    for one in (ming, hong):
        await one.choose_city(str(ningbo.id))
    won = await draw_of(member, ningbo.id, country.offers["宁波"])
    draw = str(won["draw_id"])
    for one in (ming, hong):
        assert (await one.call("GET", f"/draws/{draw}")).status == 200
        await one.choose_city(country.cities["杭州"])
    for path in ("", "/spins", "/fairness", "/chances", "/winners"):
        assert (await ming.call("GET", f"/draws/{draw}{path}")).status == 200, path
        assert (await hong.call("GET", f"/draws/{draw}{path}")).status == 404, path
    spins = (await ming.call("GET", f"/draws/{draw}/spins")).answer["items"]
    (parcel,) = [each["parcel_id"] for each in spins if each["parcel_id"]]
    assert parcel == str(won["parcel_id"])
    assert (await ming.draws.address(parcel, "小明 138 江南路1号")).status == 200
    again = await ming.draws.spin(draw, times=1)
    assert (again.status, again.fact("code")) == (404, "draw.unknown")  # what is not their city's is not for them


async def test_what_is_no_city_is_refused_and_nothing_is_changed(country):
    ming = await country.member("小明")
    await ming.choose_city(country.cities["宁波"])
    root = await Organization.get(parent=None)
    for wrong in (str(root.id), "01970000-0000-7000-8000-000000000000"):
        body = {"nickname": "小明", "organization_id": wrong}
        refused = await ming.call("PATCH", "/me", body)
        assert (refused.status, refused.fact("code")) == (404, "organization.unknown")
    for malformed in (7, "", "ningbo", [country.cities["宁波"]]):
        assert (await ming.call("PATCH", "/me", {"organization_id": malformed})).status == 400
    seen = await ming.call("PATCH", "/me", {"nickname": "小明"})  # what is not named is left
    assert (seen.fact("profile")["nickname"], seen.fact("organization")["name"]) == ("小明", "宁波")
    page = await ming.call("GET", "/organizations?limit=1")
    rest = await ming.call("GET", f"/organizations?limit=1&cursor={page.fact('next_cursor')}")
    assert [each["name"] for each in page.answer["items"] + rest.answer["items"]] == ["宁波", "杭州"]
    assert rest.fact("next_cursor") is None
    stranger = country.town.person("小红").open_mini_program(country.town.mp)
    assert (await stranger.call("GET", "/organizations")).status == 401
