"""The mini-program's page for paying on the phone bill: a bound number, the order, and the code that came by SMS."""

import uuid
from typing import TYPE_CHECKING

from simulator.rest import RestCall

if TYPE_CHECKING:
    from simulator.mini_program import MiniProgram


class Billing:
    """Buys on the bill of the person's own phone."""

    def __init__(self, screen: "MiniProgram") -> None:
        self._screen = screen

    async def bind(self, *, key: str | None = None) -> RestCall:
        """PUT /me/consents/phone, then POST /me/numbers with the number of this phone; 200 when it was theirs."""
        terms = (await self._screen.call("GET", "/consents")).answer
        listed = terms["items"] if isinstance(terms, dict) else []
        version = next((each["version"] for each in listed if each["purpose"] == "phone"), "")
        await self._screen.call("PUT", "/me/consents/phone", {"version": version})
        body: dict[str, object] = {"phone_code": self._screen.phone_code()}
        return await self._screen.call("POST", "/me/numbers", body, key=key or str(uuid.uuid4()))

    async def buy(self, offer: str, *, quantity: int = 1, key: str | None = None) -> RestCall:
        """The number is bound where it is not yet; then POST /offers/{id}/orders. A code comes by SMS."""
        bound = await self.bind()
        if not bound.is_fine:
            return bound
        more: dict[str, object] = {"payment_method": "carrier", "number_id": bound.fact("id")}
        return await self._screen.buy(offer, quantity=quantity, key=key, **more)

    async def confirm(self, order: str, code: str, *, key: str | None = None) -> RestCall:
        """POST /orders/{id}/confirmation."""
        path = f"/orders/{order}/confirmation"
        return await self._screen.call("POST", path, {"code": code}, key=key or str(uuid.uuid4()))
