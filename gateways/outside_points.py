"""Accounts of points outside over HTTP: the signed exchange of suppliers, with words of its own (`docs/suppliers.md`).

Every answer is one of five words, or it is unknown. Nothing here is ever sent twice by itself.
"""

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

_WORDS = {each.value: each for each in OutsideHeard if each is not OutsideHeard.UNKNOWN}


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
        body = orjson.dumps({"hold_no": hold_no, **more})
        content, reason = await exchange(self._session, self._clock, self._timeout, access, path, body)
        said = _read(content, hold_no) if content is not None else OutsideSays(OutsideHeard.UNKNOWN, reason=reason)
        CALLS.labels(act, said.heard.value).inc()
        return said


def _read(content: bytes, hold_no: str) -> OutsideSays:
    """What a body says of this hold; unknown where it says nothing that the protocol knows."""
    try:
        found: Any = orjson.loads(content)
    except orjson.JSONDecodeError:
        found = None
    heard = found.get("status") if isinstance(found, dict) else None
    if not isinstance(heard, str) or heard not in _WORDS or found.get("hold_no") != hold_no:
        return OutsideSays(OutsideHeard.UNKNOWN, reason="unreadable")
    points, reason = found.get("points"), found.get("reason")
    # That points are held or were taken is believed with their number alone.
    is_needed = _WORDS[heard] in {OutsideHeard.HELD, OutsideHeard.POSTED}
    if (points is not None or is_needed) and type(points) is not int:
        return OutsideSays(OutsideHeard.UNKNOWN, reason="unreadable")
    word = reason if isinstance(reason, str) and REASON.fullmatch(reason) else ""
    return OutsideSays(_WORDS[heard], points, word)
