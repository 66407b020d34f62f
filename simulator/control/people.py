"""Control of people: create, look, move."""

from aiohttp import web

from simulator.accounts import Account
from simulator.control import views
from simulator.control.gestures import move, touch
from simulator.control.given import Given
from simulator.mini_program import MiniProgram
from simulator.person import Person
from simulator.platform import Platform


class PeopleControl:
    """Views around the people of one platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def add_person(self, request: web.Request) -> object:
        """A new person."""
        given = await Given.of(request)
        country_code = given.optional("country_code") or "86"
        person = self._platform.person(
            given.text("name"), phone=given.optional("phone") or None, country_code=country_code
        )
        return views.person_view(self._platform, person)

    async def person(self, request: web.Request) -> object:
        """One person."""
        return views.person_view(self._platform, self._person(request))

    async def change_person(self, request: web.Request) -> object:
        """Change `phone`, `is_risky`, or with `account` and `refuses` whether its messages are refused."""
        person, given = self._person(request), await Given.of(request)
        person.phone = given.optional("phone") if "phone" in given.fields else person.phone
        person.is_risky = given.flag("is_risky", default=person.is_risky)
        if "refuses" in given.fields:
            app_id = self._platform.account(given.text("account")).app_id
            (person.refuses.add if given.flag("refuses") else person.refuses.discard)(app_id)
        self._platform.feed.publish("people")
        return views.person_view(self._platform, person)

    async def chat(self, request: web.Request) -> object:
        """The conversation of a person with an account."""
        return {"bubbles": [views.bubble_view(one) for one in self._person(request).chat(self._account(request))]}

    async def gesture(self, request: web.Request) -> object:
        """`{gesture, ...}`: the person does something towards the account; answers when it is over."""
        push = await move(self._person(request), self._account(request), await Given.of(request))
        self._platform.feed.publish("people")
        return views.push_view(self._platform, push)

    async def open_screen(self, request: web.Request) -> object:
        """`{scene?, ticket?}`: the person opens the mini-program."""
        given = await Given.of(request)
        screen = self._person(request).open_mini_program(
            self._account(request), given.optional("scene"), ticket=given.optional("ticket")
        )
        return views.screen_view(screen)

    async def touch_screen(self, request: web.Request) -> object:
        """`{gesture, ...}`: the person does something in an opened mini-program."""
        call = await touch(self._screen(request), await Given.of(request))
        return views.call_view(call)

    async def put_away(self, request: web.Request) -> object:
        """The person closes the claim that is looked at; nobody else can scan its pass any more."""
        screen = self._screen(request)
        screen.put_away()
        self._platform.feed.publish("mini_program", person=screen.person.id)
        return {}

    async def passes(self, _request: web.Request) -> object:
        """What can be scanned from other people's phones now."""
        return {"items": [views.pass_view(screen) for screen in self._platform.passes()]}

    async def codes(self, _request: web.Request) -> object:
        """The 会员码 that can be scanned from other people's phones now."""
        return {"items": [views.member_code_view(screen) for screen in self._platform.codes_shown()]}

    async def link(self, request: web.Request) -> object:
        """Where a link into a mini-program leads."""
        link = self._platform.links.find(request.match_info["link"])
        if link is None:
            raise web.HTTPNotFound
        return {"app_id": link.account.app_id, "path": link.path}

    def _person(self, request: web.Request) -> Person:
        person = self._platform.people.get(request.match_info["person"])
        if person is None:
            raise web.HTTPNotFound
        return person

    def _account(self, request: web.Request) -> Account:
        account = self._platform.accounts.get(request.match_info["account"])
        if account is None:
            raise web.HTTPNotFound
        return account

    def _screen(self, request: web.Request) -> MiniProgram:
        wanted = request.match_info["screen"]
        for screen in self._person(request).mini_programs:
            if screen.id == wanted:
                return screen
        raise web.HTTPNotFound
