"""Accounts of points outside over HTTP: the signed exchange of suppliers, with words of its own (`docs/suppliers.md`).

Every answer is one of a few words, or it is unknown. Nothing here is ever sent twice by itself.
"""

from collections.abc import Mapping
from typing import Any

import aiohttp
import orjson
from prometheus_client import Counter

from gateways.suppliers import REASON, exchange, timeout_of
from handlers.ports import Clock, OutsideSays, SupplierAccess
from models.words import OutsideHeard

CALLS = Counter(
    "fanpiao_outside_points_calls", "Calls to accounts of points outside by what was heard.", ["act", "heard"]
)

_RETURNS = {each.value: each for each in (OutsideHeard.RETURNED, OutsideHeard.REFUSED, OutsideHeard.ABSENT)}
_HOLDS = {each.value: each for each in OutsideHeard if each not in {OutsideHeard.UNKNOWN, OutsideHeard.RETURNED}}


class OutsidePointsApi:
    """Implements `handlers.ports.OutsidePoints`."""

    def __init__(self, session: aiohttp.ClientSession, clock: Clock, *, total_seconds: float | None = None) -> None:
        """The session is the caller's to close."""
        self._session = session
        self._clock = clock
        self._timeout = timeout_of(total_seconds)

    async def hold(self, access: SupplierAccess, hold_no: str, *, account: str, points: int) -> OutsideSays:
        """`POST {api_url}/points/holds`."""
        said = await self._ask("hold", access, hold_no, account=account, points=points)
        # One that was just asked for is not absent: that word belongs to questions.
        misplaced = said.heard is OutsideHeard.ABSENT
        return OutsideSays(OutsideHeard.UNKNOWN, reason="misplaced") if misplaced else said

    async def post(self, access: SupplierAccess, hold_no: str) -> OutsideSays:
        """`POST {api_url}/points/holds/post`."""
        return await self._ask("post", access, hold_no)

    async def void(self, access: SupplierAccess, hold_no: str) -> OutsideSays:
        """`POST {api_url}/points/holds/void`."""
        return await self._ask("void", access, hold_no)

    async def query(self, access: SupplierAccess, hold_no: str) -> OutsideSays:
        """`POST {api_url}/points/holds/query`."""
        return await self._ask("query", access, hold_no)

    async def _ask(self, act: str, access: SupplierAccess, hold_no: str, **more: object) -> OutsideSays:
        path = "points/holds" if act == "hold" else f"points/holds/{act}"
        return await self._exchange(act, access, path, {"hold_no": hold_no}, more, _HOLDS)

    async def give_back(self, access: SupplierAccess, return_no: str, *, hold_no: str, points: int) -> OutsideSays:
        """`POST {api_url}/points/returns`."""
        more: dict[str, object] = {"hold_no": hold_no, "points": points}
        said = await self._exchange("return", access, "points/returns", {"return_no": return_no}, more, _RETURNS)
        misplaced = said.heard is OutsideHeard.ABSENT
        return OutsideSays(OutsideHeard.UNKNOWN, reason="misplaced") if misplaced else said

    async def query_return(self, access: SupplierAccess, return_no: str) -> OutsideSays:
        """`POST {api_url}/points/returns/query`."""
        number = {"return_no": return_no}
        return await self._exchange("query_return", access, "points/returns/query", number, {}, _RETURNS)

    async def _exchange(
        self,
        act: str,
        access: SupplierAccess,
        path: str,
        number: Mapping[str, str],
        more: Mapping[str, object],
        words: Mapping[str, OutsideHeard],
    ) -> OutsideSays:
        body = orjson.dumps({**number, **more})
        content, reason = await exchange(self._session, self._clock, self._timeout, access, path, body)
        said = OutsideSays(OutsideHeard.UNKNOWN, reason=reason) if content is None else _read(content, number, words)
        CALLS.labels(act, said.heard.value).inc()
        return said


def _read(content: bytes, number: Mapping[str, str], words: Mapping[str, OutsideHeard]) -> OutsideSays:
    """What a body says of this number; unknown where it says nothing that the protocol knows."""
    try:
        found: Any = orjson.loads(content)
    except orjson.JSONDecodeError:
        found = None
    heard = found.get("status") if isinstance(found, dict) else None
    is_theirs = isinstance(found, dict) and all(found.get(name) == value for name, value in number.items())
    if not isinstance(heard, str) or heard not in words or not is_theirs:
        return OutsideSays(OutsideHeard.UNKNOWN, reason="unreadable")
    points, reason = found.get("points"), found.get("reason")
    # That points are held, were taken or went back is believed with their number alone.
    is_needed = words[heard] in {OutsideHeard.HELD, OutsideHeard.POSTED, OutsideHeard.RETURNED}
    if (points is not None or is_needed) and type(points) is not int:
        return OutsideSays(OutsideHeard.UNKNOWN, reason="unreadable")
    word = reason if isinstance(reason, str) and REASON.fullmatch(reason) else ""
    return OutsideSays(words[heard], points, word)
