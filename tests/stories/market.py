"""A market as operators set it up by their door: a merchant with a store, benefits decided by four eyes, offers."""

import itertools

import pytest

from simulator import MiniProgram
from tests.operating import PASSWORD
from tests.stories.test_service_desk import Desk, desk

__all__ = ["Market", "desk", "market"]


_numbers = itertools.count(1)


class Market:
    """The town with two operators at their desk and the bookshop's store on the lake."""

    def __init__(self, town, desk: Desk) -> None:
        self.town = town
        self.desk = desk

    async def open(self) -> None:
        second = await self.desk.made("/operators", {"login": "second", "password": PASSWORD, "role": "admin"})
        await self.desk.operator("second", second["otpauth_uri"])
        await self.desk.made("/merchants", {"code": "books", "name": "江南书店"})
        await self.desk.made("/stores", {"merchant": "books", "code": "S1", "name": "湖滨店"})

    async def offer(self, name: str, *, uses: int = 1, organization_id: str | None = None, **terms: object) -> str:
        """A voucher from draft to published, the root's or a city's; the id of its offer."""
        code = f"benefit-{next(_numbers)}"
        body = {"code": code, "name": name, "kind": "voucher", "terms": {"uses": uses}, "merchant": "books"}
        whose = {"organization_id": organization_id} if organization_id else {}
        benefit = (await self.desk.made("/benefits", body | whose))["id"]
        for step, who in (("submit", "root"), ("accept", "second")):
            status, told = await self.desk.tell("POST", f"/operator/benefits/{benefit}/{step}", who=who)
            assert status == 200, told
        draft = {"benefit_id": benefit, "code": code, "keyword": name, "terms": terms}
        made = await self.desk.made("/offers", draft | whose)
        status, told = await self.desk.tell("POST", f"/operator/offers/{made['id']}/publish")
        assert status == 200, told
        return str(made["id"])

    async def member(self, name: str) -> MiniProgram:
        """Somebody who follows the account, has joined, and holds the mini-program in hand."""
        person = self.town.person(name)
        await person.follow(self.town.oa)
        screen = person.open_mini_program(self.town.mp)
        assert (await screen.join(with_phone=False)).status == 201
        return screen

    async def clerk(self, name: str = "小林") -> MiniProgram:
        """A member who was invited, accepted and signed in at the counter."""
        body = {"merchant": "books", "store": "S1", "name": name}
        invited = await self.desk.made("/clerks/invitations", body)
        screen = await self.member(name)
        assert (await screen.counter.accept(invited["token"])).status == 201
        assert (await screen.counter.sign_in()).status == 201
        return screen


@pytest.fixture
async def market(town, desk):
    market = Market(town, desk)
    await market.open()
    return market
