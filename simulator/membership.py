"""The mini-program's page of paid membership: what is sold, what one has, buying, trying, and an activation code."""

import uuid
from typing import TYPE_CHECKING

from simulator.rest import RestCall

if TYPE_CHECKING:
    from simulator.mini_program import MiniProgram


class Membership:
    """`plans` are what is sold, each with what it would cost this person; `mine` is what they have."""

    def __init__(self, screen: "MiniProgram") -> None:
        self._screen = screen
        self.forget()

    def forget(self) -> None:
        """Nobody is logged in any more."""
        self.plans: object = None
        self.mine: object = None

    async def look(self) -> RestCall:
        """GET /me/membership and /plans."""
        call = await self._screen.call("GET", "/me/membership")
        self.mine = call.answer if call.is_fine else None
        sold = await self._screen.call("GET", "/plans")
        self.plans = sold.fact("items") if sold.is_fine else None
        return call

    async def buy(self, plan: str, amount_fen: int | None = None, *, key: str | None = None) -> RestCall:
        """POST /plans/{id}/orders at the price that was shown; the answer's order is paid as any other."""
        body: dict[str, object] = {"payment_method": "wechat"}
        if amount_fen is not None:
            body["amount_fen"] = amount_fen
        return await self._screen.call("POST", f"/plans/{plan}/orders", body, key=key or str(uuid.uuid4()))

    async def begin_trial(self, plan: str, *, key: str | None = None) -> RestCall:
        """POST /plans/{id}/trials; then the page anew."""
        return await self._do(f"/plans/{plan}/trials", None, key)

    async def use_code(self, code: str, *, key: str | None = None) -> RestCall:
        """POST /me/membership/codes; then the page anew."""
        return await self._do("/me/membership/codes", {"code": code}, key)

    async def _do(self, path: str, body: object, key: str | None) -> RestCall:
        call = await self._screen.call("POST", path, body, key=key or str(uuid.uuid4()))
        await self.look()
        return call
