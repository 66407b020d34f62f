"""The mini-program's page for clerks: signed in apart from the member's pages, it scans what others show."""

import uuid
from collections import deque
from typing import TYPE_CHECKING

from simulator.accounts import Account
from simulator.rest import RestCall, Screen

if TYPE_CHECKING:
    from simulator.people import Profile
    from simulator.platform import Platform


class Counter(Screen):
    """A clerk's page; `clerk` is who our server says they are, `preview`, `receipt` and `refusal` what it said last."""

    def __init__(self, person: "Profile", account: Account, platform: "Platform", calls: deque[RestCall]) -> None:
        super().__init__(person, account, platform, calls)
        self.device = f"phone-{person.id}"
        self.clerk: object = None
        self.held: dict[str, object] | None = None  # the pass or typed code that is looked at
        self.preview: object = None
        self.receipt: object = None
        self.refusal: object = None
        self.entries: object = None
        self.seen: object = None  # the member who was identified, with what can be redeemed here
        self.shift: object = None  # the open one as it is, or the closed one with its totals

    async def accept(self, invitation: str, *, key: str | None = None) -> RestCall:
        """POST /clerk/invitations/{token}/accept."""
        body = {"code": self.login_code(), "account": self.account.name}
        path = f"/clerk/invitations/{invitation.strip()}/accept"
        return self._heard(await self.call("POST", path, body, key=key or str(uuid.uuid4())))

    async def sign_in(self) -> RestCall:
        """POST /clerk/sessions; keeps the token."""
        self.token = None
        call = await self.call("POST", "/clerk/sessions", {"code": self.login_code(), "account": self.account.name})
        if call.is_fine and isinstance(call.answer, dict):
            self.token = str(call.fact("token"))
            self.clerk = {name: value for name, value in call.answer.items() if name != "token"}
        return self._heard(call)

    async def look(self, *, token: str | None = None, code: str | None = None) -> RestCall:
        """POST /clerk/redemptions/preview of a scanned pass (`token`) or a typed `code`."""
        self.held = {"token": token} if token is not None else {"code": code}
        self.receipt = None
        call = await self.call("POST", "/clerk/redemptions/preview", {**self.held, "device_id": self.device})
        self.preview = call.answer if call.is_fine else None
        return self._heard(call)

    async def redeem(
        self,
        *,
        token: str | None = None,
        code: str | None = None,
        claim: str | None = None,
        uses: int = 1,
        bill_fen: int | None = None,
        store: str | None = None,
        key: str | None = None,
    ) -> RestCall:
        """POST /clerk/redemptions: a code, a claim of who was identified, or by default what was looked at."""
        confirmed = None
        if claim is not None:
            visit = self.seen.get("visit_token") if isinstance(self.seen, dict) else None
            self.held = {"claim_id": claim, "visit_token": visit}
        elif token is not None or code is not None:
            self.held = {"token": token} if token is not None else {"code": code}
        elif isinstance(self.preview, dict):
            confirmed = self.preview.get("confirm_token")
        body: dict[str, object] = {"codes": [{**(self.held or {}), "uses": uses}], "device_id": self.device}
        if confirmed is not None:
            body["confirm_token"] = confirmed
        if bill_fen is not None:
            body["bill_amount_fen"] = bill_fen
        if store is not None:
            body["store_id"] = store
        call = await self.call("POST", "/clerk/redemptions", body, key=key or str(uuid.uuid4()))
        if call.is_fine:
            self.receipt, self.preview = call.answer, None
        return self._heard(call)

    async def what_became_of(self, key: str) -> RestCall:
        """GET /clerk/redemptions/by-key: of a scan whose answer was lost."""
        return await self.call("GET", f"/clerk/redemptions/by-key/{self.device}/{key}")

    async def reverse(self, redemption: str, reason: str, *, key: str | None = None) -> RestCall:
        """POST /clerk/redemptions/{id}/reversal."""
        body = {"reason": reason, "device_id": self.device}
        path = f"/clerk/redemptions/{redemption}/reversal"
        call = await self.call("POST", path, body, key=key or str(uuid.uuid4()))
        if call.is_fine:
            self.receipt = None
        return self._heard(call)

    async def history(self) -> RestCall:
        """GET /clerk/redemptions: the latest, reversals among them."""
        call = await self.call("GET", "/clerk/redemptions?limit=20")
        self.entries = call.fact("items") if call.is_fine else None
        return call

    async def identify(self, token: str) -> RestCall:
        """POST /clerk/members/identify of a scanned 会员码."""
        self.preview = self.receipt = None
        call = await self.call("POST", "/clerk/members/identify", {"token": token, "device_id": self.device})
        self.seen = call.answer if call.is_fine else None
        return self._heard(call)

    async def open_shift(self, *, key: str | None = None) -> RestCall:
        """POST /clerk/shifts."""
        return await self._shift("/clerk/shifts", key)

    async def close_shift(self, *, key: str | None = None) -> RestCall:
        """POST /clerk/shifts/current/close: the totals that stand."""
        return await self._shift("/clerk/shifts/current/close", key)

    async def look_at_shift(self) -> RestCall:
        """GET /clerk/shifts/current: what is new since it was opened; none is open: nothing to see."""
        call = await self.call("GET", f"/clerk/shifts/current?device_id={self.device}")
        self.shift = call.answer if call.is_fine else None
        return call

    async def _shift(self, path: str, key: str | None) -> RestCall:
        call = await self.call("POST", path, {"device_id": self.device}, key=key or str(uuid.uuid4()))
        if call.is_fine:
            self.shift = call.answer
        return self._heard(call)

    async def leave(self) -> RestCall:
        """DELETE /clerk/sessions/current; forgets the token whatever the answer."""
        call = await self.call("DELETE", "/clerk/sessions/current")
        self.token = self.clerk = self.held = self.preview = self.receipt = self.refusal = self.entries = None
        self.seen = self.shift = None
        return call

    def _heard(self, call: RestCall) -> RestCall:
        self.refusal = None if call.is_fine else call.answer
        return call
