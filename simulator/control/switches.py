"""Control of everything else: what was said, what goes wrong, what time it is."""

from dataclasses import fields

from aiohttp import web

from simulator.accounts import Mode
from simulator.control import views
from simulator.control.given import Given, GivenError
from simulator.faults import FaultKind
from simulator.platform import Platform
from simulator.points_account import PointsConduct
from simulator.supplier import Conduct
from simulator.tampering import Tampering

_SHOWN = 60


class SwitchControl:
    """Views around the histories and switches of one platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def state(self, _request: web.Request) -> object:
        """Accounts, people, codes, switches."""
        return views.world(self._platform)

    async def pushes(self, _request: web.Request) -> object:
        """The latest pushes, newest first."""
        latest = list(self._platform.pusher.history)[-_SHOWN:]
        return {"items": [views.push_view(self._platform, push) for push in reversed(latest)]}

    async def replay(self, request: web.Request) -> object:
        """Send an earlier push again, byte for byte."""
        wanted = request.match_info["push"]
        for push in self._platform.pusher.history:
            if push.id == wanted:
                return views.push_view(self._platform, await self._platform.pusher.replay(push))
        raise web.HTTPNotFound

    async def verify(self, request: web.Request) -> object:
        """Whether our server echoes as the console wants it to."""
        account = self._platform.account(request.match_info["account"])
        return {"is_verified": await self._platform.pusher.verify(account)}

    async def calls(self, _request: web.Request) -> object:
        """The latest calls of our server to the platform, newest first, and how often each interface was called."""
        latest = list(self._platform.calls)[-_SHOWN:]
        return {
            "items": [views.api_call_view(call) for call in reversed(latest)],
            "counts": dict(self._platform.call_counts),
        }

    async def tamper(self, request: web.Request) -> object:
        """The switches of Tampering, for the next `times` pushes, or for all when `times` is not given."""
        given = await Given.of(request)
        tampering, times = _tampering(given), given.count("times")
        if times is None:
            self._platform.pusher.switches.always(tampering)
        else:
            self._platform.pusher.switches.once(tampering, times=times)
        return self._switched()

    async def behave(self, _request: web.Request) -> object:
        """No tampering, no faults, a supplier that behaves."""
        self._platform.pusher.switches.clear()
        self._platform.faults.clear()
        self._platform.supplier.behave()
        self._platform.points.behave()
        return self._switched()

    async def supplier(self, _request: web.Request) -> object:
        """The pretend supplier and its books."""
        return views.supplier_view(self._platform)

    async def conduct(self, request: web.Request) -> object:
        """The switches of Conduct, for the next `times` orders, or for all when `times` is not given."""
        given = await Given.of(request)
        conduct, times = _conduct(given), given.count("times")
        if times is None:
            self._platform.supplier.always(conduct)
        else:
            self._platform.supplier.once(conduct, times=times)
        return self._switched()

    async def points_conduct(self, request: web.Request) -> object:
        """The switches of PointsConduct, for the next `times` calls, or for all when `times` is not given."""
        given = await Given.of(request)
        conduct, times = _points_conduct(given), given.count("times")
        if times is None:
            self._platform.points.always(conduct)
        else:
            self._platform.points.once(conduct, times=times)
        return self._switched()

    async def break_interface(self, request: web.Request) -> object:
        """`{endpoint, kind, amount, times?}`: an interface fails; without `times` until everything behaves again."""
        given = await Given.of(request)
        kind = given.text("kind")
        if kind not in list(FaultKind):
            raise GivenError(f"kind must be one of {', '.join(FaultKind)}")
        self._platform.faults.order(
            given.text("endpoint"), FaultKind(kind), given.number("amount"), given.count("times")
        )
        return self._switched()

    async def kill_tokens(self, request: web.Request) -> object:
        """`{how: expire|revoke}`: every token is 42001, or 40001, from now on."""
        given = await Given.of(request)
        how = given.text("how")
        if how not in {"expire", "revoke"}:
            raise GivenError("how must be expire or revoke")
        (self._platform.tokens.expire_all if how == "expire" else self._platform.tokens.revoke_all)()
        return {}

    async def advance(self, request: web.Request) -> object:
        """`{seconds}`: the platform's clock moves on."""
        given = await Given.of(request)
        self._platform.clock.advance(given.number("seconds"))
        return self._switched()

    def _switched(self) -> object:
        self._platform.feed.publish("switches")
        return views.world(self._platform)


def _only(given: Given, switches: type[Tampering] | type[Conduct] | type[PointsConduct]) -> None:
    unknown = given.fields.keys() - {field.name for field in fields(switches)} - {"times"}
    if unknown:
        raise GivenError(f"unknown switches: {', '.join(sorted(unknown))}")


def _conduct(given: Given) -> Conduct:
    _only(given, Conduct)
    return Conduct(
        fails=given.flag("fails"),
        hangs=given.number("hangs", 0),
        loses=given.flag("loses"),
        is_garbage=given.flag("is_garbage"),
        duplicates=int(given.number("duplicates", 0)),
        late=given.number("late", 0),
        is_silent=given.flag("is_silent"),
        wrong_signature=given.flag("wrong_signature"),
    )


def _points_conduct(given: Given) -> PointsConduct:
    _only(given, PointsConduct)
    return PointsConduct(
        act=given.optional("act") or "",
        refuses=given.flag("refuses"),
        hangs=given.number("hangs", 0),
        loses=given.flag("loses"),
        duplicates=int(given.number("duplicates", 0)),
        is_garbage=given.flag("is_garbage"),
        wrong_signature=given.flag("wrong_signature"),
    )


def _tampering(given: Given) -> Tampering:
    _only(given, Tampering)
    mode = given.optional("mode")
    if mode is not None and mode not in list(Mode):
        raise GivenError(f"mode must be one of {', '.join(Mode)}")
    return Tampering(
        duplicates=int(given.number("duplicates", 0)),
        parallel=given.flag("parallel"),
        delay=given.number("delay", 0),
        lost_answers=int(given.number("lost_answers", 0)),
        wrong_signature=given.flag("wrong_signature"),
        stale_seconds=int(given.number("stale_seconds", 0)),
        wrong_app_id=given.flag("wrong_app_id"),
        truncated=given.flag("truncated"),
        old_aes_key=given.flag("old_aes_key"),
        same_second=given.flag("same_second"),
        mode=Mode(mode) if mode else None,
    )
