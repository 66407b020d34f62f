"""A pretend account of points that a supplier keeps (a carrier's own 积分), which misbehaves as it is told to.

It keeps to the protocol as our server's documents describe it: a number is one hold, whatever comes twice.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import orjson
from aiohttp import web

from simulator.feed import Feed
from simulator.supplier_signing import answer_to, asked_in

OPENING = 1_000  # points that everybody has to begin with
_ACTS = ("hold", "post", "void", "query")
_RETURNS = ("return", "query_return")


@dataclass(frozen=True, kw_only=True)
class PointsConduct:
    """Switches for what it does with a call; the defaults are those of an account that behaves.

    act: of this kind of call alone (hold, post, void, query, return, query_return); empty: of every kind.
    refuses: does not hold, or give back, for reasons of its own.
    hangs: does the work, but answers so many seconds late: whoever asked has given up.
    loses: the call is lost on the way in, and nothing is answered for `hangs` seconds.
    duplicates: the network brings the same call so many times more.
    is_garbage: answers what nobody can read. wrong_signature: the answer does not carry the right one.
    """

    act: str = ""
    refuses: bool = False
    hangs: float = 0.0
    loses: bool = False
    duplicates: int = 0
    is_garbage: bool = False
    wrong_signature: bool = False


@dataclass
class PointsHold:
    """One number: whose points, how many, and where they stand: held, posted, voided, refused."""

    hold_no: str
    account: str
    points: int
    status: str
    reason: str = ""
    came_in: int = 0  # calls about it of every kind
    posted_in: int = 0  # of them, to take it

    @property
    def shown(self) -> dict[str, object]:
        """For whoever watches; the number of the person stays in its books."""
        return {
            "hold_no": self.hold_no,
            "tail": self.account[-4:],
            "points": self.points,
            "status": self.status,
            "came_in": self.came_in,
        }


@dataclass
class PointsReturn:
    """One number under which points of a hold that was posted go back: returned, refused."""

    return_no: str
    hold_no: str
    points: int
    status: str
    came_in: int = 0  # calls to give them back


class PretendPointsAccount:
    """The account of one supplier, under its path and its secret."""

    def __init__(self, feed: Feed, secret: str, path: str) -> None:
        self.balances: defaultdict[str, int] = defaultdict(lambda: OPENING)
        self.holds: dict[str, PointsHold] = {}
        self.returns: dict[str, PointsReturn] = {}
        self.standing = PointsConduct()
        self._feed = feed
        self._secret = secret
        self._path = path
        self._queue: deque[PointsConduct] = deque()

    def once(self, conduct: PointsConduct, *, times: int = 1) -> None:
        """Behave so with the next `times` calls that it is about."""
        self._queue.extend([conduct] * times)

    def always(self, conduct: PointsConduct) -> None:
        """Behave so until told otherwise."""
        self.standing = conduct

    def behave(self) -> None:
        """Back to an account that does what it should."""
        self._queue.clear()
        self.standing = PointsConduct()

    def routes(self) -> list[web.RouteDef]:
        """Its interface."""
        holds = f"{self._path}/points/holds"
        return [
            web.post(holds if act == "hold" else f"{holds}/{act}", self._view(act))  # one address per act
            for act in _ACTS
        ] + [
            web.post(f"{self._path}/points/returns", self._view("return")),
            web.post(f"{self._path}/points/returns/query", self._view("query_return")),
        ]

    def _view(self, act: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def view(request: web.Request) -> web.Response:
            return await self._asked(act, request)

        return view

    async def _asked(self, act: str, request: web.Request) -> web.Response:
        number = "return_no" if act in _RETURNS else "hold_no"
        asked = await asked_in(request, self._secret, number)
        conduct = self._conduct(act)
        if conduct.loses:
            await asyncio.sleep(conduct.hangs)
            raise web.HTTPGatewayTimeout
        for _ in range(1 + conduct.duplicates):
            (self._give_back if act in _RETURNS else self._do)(act, asked, conduct)
        self._feed.publish("supplier")
        if conduct.hangs:
            await asyncio.sleep(conduct.hangs)
        body = b'{"status": "hel\xff' if conduct.is_garbage else orjson.dumps(self._told(act, str(asked[number])))
        return answer_to(request, self._secret, body, is_wrong=conduct.wrong_signature)

    def _conduct(self, act: str) -> PointsConduct:
        if self._queue and self._queue[0].act in {"", act}:
            return self._queue.popleft()
        return self.standing if self.standing.act in {"", act} else PointsConduct()

    def _do(self, act: str, asked: dict[str, object], conduct: PointsConduct) -> None:
        number = str(asked["hold_no"])
        hold = self.holds.get(number)
        if act == "hold" and hold is None:
            hold = self._hold(number, str(asked["account"]), int(str(asked["points"])), is_refused=conduct.refuses)
        elif act == "void" and hold is None:  # a call that is still on its way finds it over
            hold = self.holds[number] = PointsHold(number, "", 0, "voided")
        elif act == "post" and hold is not None and hold.status == "held":
            hold.status = "posted"
        elif act == "void" and hold is not None and hold.status == "held":
            hold.status = "voided"
            self.balances[hold.account] += hold.points
        if hold is not None:
            hold.came_in += 1
            hold.posted_in += act == "post"

    def _hold(self, number: str, account: str, points: int, *, is_refused: bool) -> PointsHold:
        hold = self.holds[number] = PointsHold(number, account, points, "held")
        if is_refused or self.balances[account] < points:
            hold.status, hold.reason = "refused", "not_served" if is_refused else "short"
        else:
            self.balances[account] -= points
        return hold

    def _give_back(self, act: str, asked: dict[str, object], conduct: PointsConduct) -> None:
        number, found = str(asked["return_no"]), self.returns.get(str(asked["return_no"]))
        if act != "return":
            return
        if found is None:
            hold, points = self.holds.get(str(asked["hold_no"])), int(str(asked["points"]))
            gone = [each for each in self.returns.values() if each.status == "returned"]
            back = sum(each.points for each in gone if hold and each.hold_no == hold.hold_no)
            is_fine = hold is not None and hold.status == "posted" and back + points <= hold.points
            status = "returned" if is_fine and not conduct.refuses else "refused"
            found = self.returns[number] = PointsReturn(number, str(asked["hold_no"]), points, status)
            if hold is not None and status == "returned":
                self.balances[hold.account] += points
        found.came_in += 1

    def _told(self, act: str, number: str) -> dict[str, object]:
        if act not in _RETURNS:
            return self._said(number)
        found = self.returns.get(number)
        if found is None:
            return {"return_no": number, "status": "absent"}
        return {"return_no": number, "status": found.status, "points": found.points}

    def _said(self, number: str) -> dict[str, object]:
        hold = self.holds.get(number)
        if hold is None:
            return {"hold_no": number, "status": "absent"}
        points = {"points": hold.points} if hold.account else {}
        return {"hold_no": number, "status": hold.status, "reason": hold.reason, **points}
