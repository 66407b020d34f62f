"""发货信息: WeChat wants to be told, within two days, that what was paid for in a mini-program was given.

Everything here is given at once and has no parcel: it is reported as virtual, after the claims are there. WeChat knows
of a payment some seconds later than we do, so a report that finds none is tried again by the worker.
"""

import logging
from uuid import UUID

from handlers.accounts.accounts import Accounts
from handlers.errors import NotSignedIn, PaymentNotOpen
from handlers.orders.ordering import openid_of
from handlers.ports import Clock, Vault, WeChat, WeChatGaveUp, WeChatUserRefused
from handlers.retrying import refusing
from models.accounts import Account
from models.database import row
from models.sql import as_uuid
from models.statements import orders as statements
from models.words import OrderState

log = logging.getLogger(__name__)


@refusing
class OrderShipping:
    """Reports paid orders. A mini-program without this duty says so, and nothing more is done about it."""

    def __init__(self, clock: Clock, vault: Vault, wechat: WeChat, accounts: Accounts) -> None:
        self._clock = clock
        self._vault = vault
        self._wechat = wechat
        self._accounts = accounts

    async def report(self, order_id: UUID) -> None:
        """Of an order whose claims are there; again, it does no harm. Raises WeChatRetryLater."""
        found = await row(statements.ONE, order_id)
        if found is None or found["state"] not in {OrderState.PAID, OrderState.REFUNDED}:
            return
        account = await Account.get_or_none(app_id=found["app_id"]).only("key")
        if account is None:
            return
        app = (await self._accounts.get(account.key)).app
        try:
            openid = await openid_of(self._vault, as_uuid(found["member_id"]), app.app_id)
            await self._wechat.report_virtual_goods(
                app, transaction_id=found["transaction_id"], openid=openid, item=found["title"], at=self._clock.now()
            )
        except (NotSignedIn, PaymentNotOpen):
            return  # they left
        except (WeChatGaveUp, WeChatUserRefused) as refused:
            log.warning("shipping_not_reported", extra={"order_id": str(order_id), "errcode": refused.errcode})
