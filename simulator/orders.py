"""The mini-program's page of orders: what was bought, and what of it goes back."""

import uuid
from typing import TYPE_CHECKING

from simulator.rest import RestCall

if TYPE_CHECKING:
    from simulator.mini_program import MiniProgram

LAST = 20  # orders that are shown


class Orders:
    """`listed` are the person's last orders."""

    def __init__(self, screen: "MiniProgram") -> None:
        self._screen = screen
        self.listed: object = None

    def forget(self) -> None:
        """Nobody is logged in any more."""
        self.listed = None

    async def look(self) -> RestCall:
        """GET /orders."""
        call = await self._screen.call("GET", f"/orders?limit={LAST}")
        self.listed = call.fact("items") if call.is_fine else None
        return call

    async def quote(self, order: str) -> RestCall:
        """GET /orders/{id}/refund-quote: what would come back, and why not."""
        return await self._screen.call("GET", f"/orders/{order}/refund-quote")

    async def refund(self, order: str, amount_fen: int, *, reason: str = "", key: str | None = None) -> RestCall:
        """POST /orders/{id}/refunds of what the quote said; then the orders anew."""
        body: dict[str, object] = {"amount_fen": amount_fen, "reason": reason}
        call = await self._screen.call("POST", f"/orders/{order}/refunds", body, key=key or str(uuid.uuid4()))
        await self.look()
        return call
