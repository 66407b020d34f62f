"""Phones, bound numbers, links and withdrawn authorizations, through the doors that people use."""

import itertools

import pytest

ABSENT = "01890000-0000-7000-8000-000000000000"
_keys = itertools.count()


class Visitor:
    """Somebody in the mini-program, as its client speaks for them."""

    def __init__(self, town, person) -> None:
        self.town, self.person = town, person
        self.screen = person.open_mini_program(town.mp)

    async def ask(self, method, path, body=None, *, key=None):
        call = await self.screen.call(method, path, body, key=key or f"story-{next(_keys)}")
        return call.status, call.answer

    async def join(self):
        await self.screen.login()
        _, terms = await self.ask("GET", "/consents")
        versions = {each["purpose"]: each["version"] for each in terms["items"]}
        agreed = [{"purpose": purpose, "version": versions[purpose]} for purpose in ("membership", "phone")]
        status, joined = await self.ask("POST", "/members", {"consents": agreed})
        assert status == 201, joined
        return joined["member"]

    async def show_phone(self, path="/me/phone", method="PUT"):
        return await self.ask(method, path, {"phone_code": self.screen.phone_code()})


@pytest.fixture
def visitor(town):
    return lambda name, phone: Visitor(town, town.person(name, phone=phone))


async def test_a_reissued_number_goes_to_its_new_holder_and_the_former_one_keeps_the_membership(visitor):
    old, new = visitor("小明", "13912345670"), visitor("小红", "13912345671")
    number = (await old.join())["number"]
    await new.join()
    assert (await old.show_phone())[1]["outcome"] == "attached"
    new.person.phone = "13912345670"  # the carrier has given it to her
    status, moved = await new.show_phone()
    assert (status, moved["outcome"], moved["phone"]) == (200, "transferred", "*******5670")
    assert moved["held_until"] is not None
    mine = (await old.ask("GET", "/me"))[1]
    assert (mine["number"], mine["phone"]) == (number, None)


async def test_bound_numbers_are_listed_and_given_up_and_those_of_others_do_not_exist(visitor):
    ming, hong = visitor("小明", "13912345670"), visitor("小红", "13912345671")
    await ming.join()
    await hong.join()
    status, bound = await ming.show_phone("/me/numbers", "POST")
    assert (status, bound["number"]) == (201, "*******5670")
    stranger = await hong.ask("DELETE", f"/me/numbers/{bound['id']}")
    assert stranger == await hong.ask("DELETE", f"/me/numbers/{ABSENT}")
    assert stranger[0] == 404
    assert (await ming.ask("DELETE", f"/me/numbers/{bound['id']}"))[0] == 204
    assert (await ming.ask("GET", "/me/numbers"))[1] == {"items": [], "next_cursor": None}


async def test_a_ticket_forwarded_to_another_user_of_the_mini_program_is_refused(visitor):
    ming, hong = visitor("小明", "13912345670"), visitor("小红", "13912345671")
    await ming.join()
    await hong.join()
    status, made = await ming.ask("POST", "/me/link-tickets", key="ticket")
    assert status == 201
    assert (await ming.ask("POST", "/me/link-tickets", key="ticket"))[1] == made
    status, asked = await hong.ask("POST", "/me/links", {"ticket": made["ticket"]})
    assert (status, asked["code"]) == (409, "link.confirmation_needed")
    status, refused = await hong.ask("POST", "/me/links", {"ticket": made["ticket"], "confirm": True})
    assert (status, refused["code"]) == (409, "link.refused")
    status, used = await ming.ask("POST", "/me/links", {"ticket": made["ticket"]})
    assert (status, used["code"]) == (409, "ticket.used")


async def test_a_phone_that_was_taken_back_in_wechat_is_gone_here(town, visitor):
    ming = visitor("小明", "13912345670")
    await ming.join()
    await ming.show_phone()
    fields = {"MsgType": "event", "Event": "user_authorization_revoke", "OpenID": ming.person.openid(town.mp)}
    await ming.person.raw(town.mp, {**fields, "AppID": town.mp.app_id, "RevokeInfo": "8"})
    assert (await ming.ask("GET", "/me"))[1]["phone"] is None
