"""The mini-program's page for those who promote: how they stand, their link and commissions, and taking money out."""

import uuid
from typing import TYPE_CHECKING

from simulator.pay_desk import until_told
from simulator.pay_transfers import TransferBill
from simulator.rest import RestCall

if TYPE_CHECKING:
    from simulator.mini_program import MiniProgram

FRONT = {"target": {"kind": "front"}}
LAST = 20  # commissions and withdrawals that are shown


class Promoting:
    """`seen` is how the person stands, `link` the last one made; then their money and where it went."""

    def __init__(self, screen: "MiniProgram") -> None:
        self._screen = screen
        self.forget()

    def forget(self) -> None:
        """Nobody is logged in any more."""
        self.seen: object = None
        self.link: object = None
        self.commissions: object = None
        self.balance: object = None
        self.withdrawals: object = None

    async def look(self) -> RestCall:
        """GET /me/promoter, /me/commissions, /me/balance and /me/withdrawals."""
        call = await self._screen.call("GET", "/me/promoter")
        self.seen = call.answer if call.is_fine else None
        earned = await self._screen.call("GET", f"/me/commissions?limit={LAST}")
        self.commissions = earned.answer if earned.is_fine else None
        balance = await self._screen.call("GET", "/me/balance")
        self.balance = balance.answer if balance.is_fine else None
        listed = await self._screen.call("GET", f"/me/withdrawals?limit={LAST}")
        self.withdrawals = listed.fact("items") if listed.is_fine else None
        return call

    async def apply(self, *, key: str | None = None) -> RestCall:
        """POST /me/promoter; then the page anew."""
        return await self._do("/me/promoter", None, key)

    async def make_link(self, *, key: str | None = None) -> RestCall:
        """POST /me/promoter/links to the front page: a code, its pictures and a link."""
        call = await self._screen.call("POST", "/me/promoter/links", FRONT, key=key or str(uuid.uuid4()))
        self.link = call.answer if call.is_fine else None
        return call

    async def take_out(self, amount_fen: int, *, name: str = "", key: str | None = None) -> RestCall:
        """POST /me/withdrawals; then the page anew."""
        return await self._do("/me/withdrawals", {"amount_fen": amount_fen, "name": name}, key)

    async def withdrawal(self, withdrawal: str) -> RestCall:
        """GET /me/withdrawals/{id}: how it stands, and what its page is opened with."""
        return await self._screen.call("GET", f"/me/withdrawals/{withdrawal}")

    async def confirm(self, withdrawal: str) -> RestCall:
        """确认收款 on the page of a withdrawal; then how it stands once our server was told, and the page anew."""
        return await self._told(withdrawal, self._screen.take_money(await self._page(withdrawal)))

    async def refuse(self, withdrawal: str) -> RestCall:
        """The same, its person refusing."""
        return await self._told(withdrawal, self._screen.refuse_money(await self._page(withdrawal)))

    async def give_up(self, withdrawal: str, *, key: str | None = None) -> RestCall:
        """POST /me/withdrawals/{id}/cancel; then the page anew."""
        return await self._do(f"/me/withdrawals/{withdrawal}/cancel", None, key)

    async def _do(self, path: str, body: object, key: str | None) -> RestCall:
        call = await self._screen.call("POST", path, body, key=key or str(uuid.uuid4()))
        await self.look()
        return call

    async def _page(self, withdrawal: str) -> object:
        return (await self.withdrawal(withdrawal)).fact("confirmation")

    async def _told(self, withdrawal: str, bill: TransferBill) -> RestCall:
        await until_told(bill)
        await self.look()
        return await self.withdrawal(withdrawal)
