"""A mini-program opened on a person's phone: the client side of our REST door."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import orjson

from simulator.accounts import Account
from simulator.billing import Billing
from simulator.codes import Purpose
from simulator.counter import Counter
from simulator.crypto import encrypt_data
from simulator.draws import Draws
from simulator.errors import ImpossibleError
from simulator.identifiers import session_key
from simulator.membership import Membership
from simulator.orders import Orders
from simulator.pay_desk import until_told
from simulator.pay_transfers import TransferBill
from simulator.promoting import Promoting
from simulator.rest import RestCall, Screen, numbers
from simulator.wechat_pay import Trade

if TYPE_CHECKING:
    from simulator.people import Profile
    from simulator.platform import Platform


class MiniProgram(Screen):
    """One opened mini-program; `token` and `member` are what our server gave it, `calls` everything that was said.

    `counter` is its page for those who serve in a store, `draws` are its pages of lucky draws, `orders` is that of
    what was bought, `promoting` that of what promoting brings, `membership` that of plans.
    """

    def __init__(
        self, person: "Profile", account: Account, platform: "Platform", scene: str | None, ticket: str | None = None
    ) -> None:
        super().__init__(person, account, platform)
        self.id = f"screen-{next(numbers)}"
        self.counter = Counter(person, account, platform, self.calls)
        self.draws = Draws(self)
        self.orders = Orders(self)
        self.billing = Billing(self)
        self.promoting = Promoting(self)
        self.membership = Membership(self)
        self.scene = scene
        self.ticket = ticket  # of the link that opened it: a card whose proof is still to be given
        self.cards: object = None
        self.kinds: object = None
        self.code: object = None
        self.member: object = None
        self.cities: object = None  # to choose from
        self.standing: Mapping[str, object] | None = None  # points and level, as rows of the page
        self.catalogue: object = None
        self.held: object = None
        self.calendar: object = None  # the month of check-ins
        self.opened: object = None  # the claim that is looked at
        self.shown: Mapping[str, object] | None = None  # its pass

    def phone_code(self) -> str:
        """getPhoneNumber, the person agreeing; raises ImpossibleError for a person without a phone."""
        if self.person.phone is None:
            raise ImpossibleError("这个人没有手机号")
        return self._platform.codes.issue(Purpose.PHONE, self.account.app_id, self.person.id)

    def encrypted_phone(self) -> dict[str, str]:
        """The old way of handing over a number: {data, iv} under the session key of the last login."""
        key = self.person.session_keys.get(self.account.app_id)
        if key is None or self.person.phone is None:
            raise ImpossibleError("还没有登录，或没有手机号")
        iv = session_key()
        data = orjson.dumps(phone_info(self.person, self.account, self.now))
        return {"data": encrypt_data(key, iv, data), "iv": iv}

    async def login(self) -> RestCall:
        """POST /sessions; keeps the token."""
        body: dict[str, object] = {"code": self.login_code(), "account": self.account.name}
        if self.scene is not None:
            body["scene"] = self.scene
        call = await self.call("POST", "/sessions", body)
        if call.is_fine:
            self.token = str(call.fact("token"))
            self.member = call.fact("member")
        return call

    async def join(self, *, with_phone: bool, key: str | None = None) -> RestCall:
        """一键入会: log in if need be, read the terms, agree to those required and, giving the phone, to its use."""
        if self.token is None:
            login = await self.login()
            if not login.is_fine:
                return login
        terms = await self.call("GET", "/consents")
        if not terms.is_fine:
            return terms
        items = terms.fact("items")
        agreed = [
            {"purpose": item["purpose"], "version": item["version"]}
            for item in (items if isinstance(items, list) else [])
            if item.get("required") or (with_phone and item.get("purpose") == "phone")
        ]
        body: dict[str, object] = {"consents": agreed}
        if with_phone:
            body["phone_code"] = self.phone_code()
        if self.scene is not None:
            body["scene"] = self.scene
        call = await self.call("POST", "/members", body, key=key or str(uuid.uuid4()))
        if call.is_fine:
            self.member = call.fact("member")
        return call

    async def me(self) -> RestCall:
        """GET /me."""
        call = await self.call("GET", "/me")
        if call.is_fine:
            self.member = call.answer
        return call

    async def look_at_cities(self) -> RestCall:
        """GET /organizations."""
        call = await self.call("GET", "/organizations?limit=100")
        self.cities = call.fact("items") if call.is_fine else None
        return call

    async def choose_city(self, city: str | None) -> RestCall:
        """PATCH /me: live there, or nowhere in particular."""
        call = await self.call("PATCH", "/me", {"organization_id": city})
        if call.is_fine:
            self.member = call.answer
        return call

    async def look_at_standing(self) -> RestCall:
        """GET /me/points and /me/level: what a member has, and where they stand."""
        points, level = await self.call("GET", "/me/points"), await self.call("GET", "/me/level")
        if points.is_fine and level.is_fine:
            named = {name: level.fact(name) for name in ("name", "growth", "next", "keep")}
            self.standing = {"points": points.fact("available"), "level": named}
        return level

    async def look_at_cards(self) -> RestCall:
        """GET /me/cards, and /card-kinds for the form that binds another."""
        kinds = await self.call("GET", "/card-kinds")
        self.kinds = kinds.fact("items") if kinds.is_fine else None
        call = await self.call("GET", "/me/cards")
        if call.is_fine:
            self.cards = call.fact("items")
        return call

    async def bind(
        self,
        *,
        card: Mapping[str, object] | None = None,
        proof: Mapping[str, object] | None = None,
        with_phone: bool = False,
        key: str | None = None,
    ) -> RestCall:
        """POST /me/cards: `card` is {kind, number}; without it the ticket the mini-program was opened with."""
        shown = {**(proof or {}), **({"phone_code": self.phone_code()} if with_phone else {})}
        body = {**(card or {"ticket": self.ticket}), "proof": shown}
        call = await self.call("POST", "/me/cards", body, key=key or str(uuid.uuid4()))
        if call.is_fine:
            self.ticket = None
            await self.look_at_cards()
        return call

    async def show_code(self) -> RestCall:
        """POST /me/code: 会员码."""
        call = await self.call("POST", "/me/code")
        self.code = call.answer if call.is_fine else None
        return call

    async def offers(self) -> RestCall:
        """GET /offers: what can be had, and if not, why."""
        call = await self.call("GET", "/offers?limit=100")
        self.catalogue = call.fact("items") if call.is_fine else None
        return call

    async def claim(
        self, offer: str, *, choices: Sequence[str] = (), recharge_to: str | None = None, key: str | None = None
    ) -> RestCall:
        """POST /offers/{id}/claims; then the offers anew, as they are after it. `recharge_to`: for a top-up."""
        body: dict[str, object] = {"choices": list(choices)} if choices else {}
        if recharge_to:
            body["recharge_to"] = recharge_to
        call = await self.call("POST", f"/offers/{offer}/claims", body, key=key or str(uuid.uuid4()))
        if self.catalogue is not None:
            await self.offers()
        return call

    async def buy(self, offer: str, *, quantity: int = 1, key: str | None = None, **more: object) -> RestCall:
        """POST /offers/{id}/orders: an order that waits for its money; the answer's `payment` is for `pay`."""
        body: dict[str, object] = {"payment_method": "wechat", "quantity": quantity, **more}
        call = await self.call("POST", f"/offers/{offer}/orders", body, key=key or str(uuid.uuid4()))
        if self.catalogue is not None:
            await self.offers()
        return call

    def pay(self, payment: object) -> Trade:
        """wx.requestPayment, the person entering the password; raises ImpossibleError as the sheet would refuse."""
        if not isinstance(payment, dict):
            raise ImpossibleError("没有可以付的款")
        return self._platform.pay.pay(self.account.app_id, self.person.openid(self.account), payment)

    def take_money(self, confirmation: object) -> TransferBill:
        """wx.requestMerchantTransfer, the person taking the money; raises ImpossibleError as the page would refuse."""
        return self._platform.pay.take_money(*self._payee(), _page(confirmation))

    def refuse_money(self, confirmation: object) -> TransferBill:
        """The same, the person refusing it for good."""
        return self._platform.pay.refuse_money(*self._payee(), _page(confirmation))

    def _payee(self) -> tuple[str, str]:
        return self.account.app_id, self.person.openid(self.account)

    async def pay_for(self, order: str) -> RestCall:
        """Pay an order as it stands on the page; then GET /orders/{id}, as it is once our server was told."""
        trade = self.pay((await self.call("GET", f"/orders/{order}")).fact("payment"))
        await until_told(trade)
        return await self.call("GET", f"/orders/{order}")

    async def cancel_order(self, order: str, *, key: str | None = None) -> RestCall:
        """POST /orders/{id}/cancel."""
        return await self.call("POST", f"/orders/{order}/cancel", key=key or str(uuid.uuid4()))

    async def wallet(self) -> RestCall:
        """GET /me/wallet: every section of it."""
        call = await self.call("GET", "/me/wallet?limit=100")
        self.held = call.answer if call.is_fine else None
        return call

    async def check_ins(self) -> RestCall:
        """GET /check-ins: this month."""
        call = await self.call("GET", "/check-ins")
        self.calendar = call.answer if call.is_fine else None
        return call

    async def check_in(self, *, key: str | None = None) -> RestCall:
        """POST /check-ins; then the month anew."""
        call = await self.call("POST", "/check-ins", key=key or str(uuid.uuid4()))
        await self.check_ins()
        return call

    async def make_up(self, day: str, *, key: str | None = None) -> RestCall:
        """POST /check-ins/make-ups: a missed day (2026-11-27) for a card; then the month anew."""
        call = await self.call("POST", "/check-ins/make-ups", {"business_on": day}, key=key or str(uuid.uuid4()))
        await self.check_ins()
        return call

    async def look_at(self, claim: str) -> RestCall:
        """GET /me/claims/{id}: one claim with its codes; a pass of another is put away."""
        call = await self.call("GET", f"/me/claims/{claim}")
        self.put_away()
        self.opened = call.answer if call.is_fine else None
        return call

    async def claim_of_ticket(self, ticket: str) -> RestCall:
        """POST /me/claims/by-ticket: the claim that a link of the chat leads to, with its codes."""
        call = await self.call("POST", "/me/claims/by-ticket", {"ticket": ticket})
        self.put_away()
        self.opened = call.answer if call.is_fine else None
        return call

    async def pass_of(self, claim: str) -> RestCall:
        """POST /me/claims/{id}/pass: from now on others can scan it from this phone, until it is over."""
        call = await self.call("POST", f"/me/claims/{claim}/pass")
        self.shown = {**call.answer, "claim_id": claim} if call.is_fine and isinstance(call.answer, dict) else None
        return call

    @property
    def code_until(self) -> float:
        """When the 会员码 on this screen is over, in seconds since the epoch; 0 when none is shown."""
        if not isinstance(self.code, Mapping) or self.token is None:
            return 0.0
        return datetime.fromisoformat(str(self.code["expires_at"])).timestamp()

    @property
    def shows_until(self) -> float:
        """When the pass on this screen is over, in seconds since the epoch; 0 when none is shown."""
        if self.shown is None or self.token is None:
            return 0.0
        return datetime.fromisoformat(str(self.shown["expires_at"])).timestamp()

    def put_away(self) -> None:
        """Close the claim that is looked at."""
        self.opened = self.shown = None

    async def withdraw(self, purpose: str) -> RestCall:
        """DELETE /me/consents/{purpose}, then GET /me."""
        call = await self.call("DELETE", f"/me/consents/{purpose}")
        if call.is_fine:
            await self.me()
        return call

    async def logout(self) -> RestCall:
        """DELETE /sessions/current; forgets the token whatever the answer."""
        call = await self.call("DELETE", "/sessions/current")
        self.token = self.member = self.standing = self.cards = self.code = None
        self.catalogue = self.held = self.calendar = None
        self.draws.forget()
        self.orders.forget()
        self.promoting.forget()
        self.membership.forget()
        self.put_away()
        return call


def _page(confirmation: object) -> Mapping[str, str]:
    if not isinstance(confirmation, dict):
        raise ImpossibleError("没有待确认的收款")
    return confirmation


def phone_info(person: "Profile", account: Account, now: float) -> dict[str, object]:
    """A number as the platform hands it out; only foreign ones carry their country code."""
    pure = person.phone or ""
    return {
        "phoneNumber": pure if person.country_code == "86" else f"+{person.country_code}{pure}",
        "purePhoneNumber": pure,
        "countryCode": person.country_code,
        "watermark": {"timestamp": int(now), "appid": account.app_id},
    }
