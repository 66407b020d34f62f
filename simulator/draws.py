"""The mini-program's pages of lucky draws: what there is, one draw with its odds, spins, and what anybody may check."""

import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from simulator.rest import RestCall

if TYPE_CHECKING:
    from simulator.mini_program import MiniProgram

LAST = 20  # results and winners that are shown


class Draws:
    """`listed` are the draws of the person's city, `opened` the one that is looked at, `spun` its last answer.

    `prizes` is what was won and asks something. `receipts` are kept by draw, as whoever wants to check a draw keeps
    them; `log` is the last day that was downloaded.
    """

    def __init__(self, screen: "MiniProgram") -> None:
        self._screen = screen
        self.receipts: dict[str, list[object]] = {}
        self.forget()

    def forget(self) -> None:
        """Nobody is logged in any more; receipts stay on the phone."""
        self.listed: object = None
        self.prizes: object = None
        self.close()

    def close(self) -> None:
        """Back to the list."""
        self.opened: object = None
        self.results: object = None
        self.winners: object = None
        self.spun: object = None
        self.fairness: object = None
        self.log: Mapping[str, str] | None = None

    async def look(self) -> RestCall:
        """GET /draws, and what waits for a word of the person's."""
        self.close()
        call = await self._screen.call("GET", "/draws")
        self.listed = call.fact("items") if call.is_fine else None
        await self._look_at_prizes()
        return call

    async def open(self, draw: str) -> RestCall:
        """GET /draws/{id}, its newest winners, and the person's own results."""
        self.close()
        return await self._look_at(draw)

    async def spin(
        self, draw: str, *, times: int = 1, most_points: int | None = None, key: str | None = None
    ) -> RestCall:
        """POST /draws/{id}/spins with a nonce of the phone's own; then the draw as it is after it."""
        body: dict[str, object] = {"times": times, "client_nonce": uuid.uuid4().hex}
        if most_points is not None:
            body["most_points"] = most_points
        call = await self._screen.call("POST", f"/draws/{draw}/spins", body, key=key or str(uuid.uuid4()))
        if call.is_fine:
            self.spun = call.answer
            self.receipts.setdefault(draw, []).append(call.fact("receipt"))
        await self._look_at(draw)
        return call

    async def address(self, parcel: str, address: str) -> RestCall:
        """PUT /me/parcels/{id}/address, then the results anew."""
        call = await self._screen.call("PUT", f"/me/parcels/{parcel}/address", {"address": address})
        if isinstance(self.opened, Mapping):
            await self._look_at(str(self.opened["summary"]["id"]))
        return call

    async def take(
        self, prize: str, *, recharge_to: str | None = None, choices: Sequence[str] = (), key: str | None = None
    ) -> RestCall:
        """POST /me/prizes/{id}/claims with what the prize asks, then the page anew."""
        body: dict[str, object] = {"choices": list(choices)} if choices else {}
        if recharge_to:
            body["recharge_to"] = recharge_to
        call = await self._screen.call("POST", f"/me/prizes/{prize}/claims", body, key=key or str(uuid.uuid4()))
        if isinstance(self.opened, Mapping):
            await self._look_at(str(self.opened["summary"]["id"]))
        else:
            await self._look_at_prizes()
        return call

    async def look_at_fairness(self, draw: str) -> RestCall:
        """GET /draws/{id}/fairness: seeds, promises, keys."""
        call = await self._screen.call("GET", f"/draws/{draw}/fairness")
        self.fairness = call.answer if call.is_fine else None
        return call

    async def download(self, draw: str, day: str) -> RestCall:
        """GET /draws/{id}/fairness/log of a day whose seed is public: what `verify_draw.py` reads."""
        call = await self._screen.call("GET", f"/draws/{draw}/fairness/log?day={day}")
        self.log = {"day": day, "text": str(call.answer)} if call.is_fine else None
        return call

    async def _look_at(self, draw: str) -> RestCall:
        call = await self._screen.call("GET", f"/draws/{draw}")
        self.opened = call.answer if call.is_fine else None
        results = await self._screen.call("GET", f"/draws/{draw}/spins?limit={LAST}")
        self.results = results.fact("items") if results.is_fine else None
        winners = await self._screen.call("GET", f"/draws/{draw}/winners?limit={LAST}")
        self.winners = winners.fact("items") if winners.is_fine else None
        await self._look_at_prizes()
        return call

    async def _look_at_prizes(self) -> None:
        found = await self._screen.call("GET", f"/me/prizes?limit={LAST}")
        self.prizes = found.fact("items") if found.is_fine else None
