"""The entries of an agreement as its sides put them up: the code of each, and the mini-program code that carries it.

WeChat is asked outside of any transaction for what is missing, and the picture is kept; what it did not give is asked
for again next time.
"""

import asyncio
import base64
import logging
from dataclasses import dataclass
from uuid import UUID

from handlers.accounts.accounts import Accounts
from handlers.actors import Operator
from handlers.co_brands.agreements import sees
from handlers.errors import AccountUnknown, CoBrandUnknown
from handlers.ports import WeChat, WeChatError
from handlers.retrying import again, refusing
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.database import atomic, row, rows
from models.sql import as_uuid
from models.statements import co_brands as statements
from models.words import AccountKind, CoBrandParty

PAGE = "pages/index/index"
PATIENCE = 3.0  # seconds for each of WeChat's answers

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EntrySeen:
    """One side's entry: the scene, the page that it opens, and the picture in base64 (empty: WeChat gave none yet)."""

    party: CoBrandParty
    code: str
    page: str
    picture: str


@refusing
class CoBrandEntries:
    """For operators of either side."""

    def __init__(self, wechat: WeChat, accounts: Accounts) -> None:
        self._wechat = wechat
        self._accounts = accounts

    async def of(self, operator: Operator, co_brand_id: UUID) -> tuple[EntrySeen, ...]:
        """Both. Raises RoleMissing, CoBrandUnknown."""
        scope, found = await allowed(operator, Capability.PLANS_SEEN), await row(statements.ONE, co_brand_id)
        if found is None or not sees(scope, found):
            raise CoBrandUnknown
        missing = [each for each in await rows(statements.ENTRIES, co_brand_id) if not each["picture"]]
        await asyncio.gather(*(self._draw(as_uuid(each["id"]), each["code"]) for each in missing))
        return tuple(
            EntrySeen(CoBrandParty(each["party"]), each["code"], PAGE, each["picture"])
            for each in await rows(statements.ENTRIES, co_brand_id)
        )

    async def _draw(self, side_id: UUID, code: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                account = await self._accounts.only(AccountKind.MINI_PROGRAM)
                picture = await self._wechat.mini_program_code(account.app, code, page=PAGE)
        except (WeChatError, TimeoutError, AccountUnknown) as trouble:
            log.warning("no_entry_code", extra={"side": str(side_id), "errcode": getattr(trouble, "errcode", 0)})
            return
        await again(lambda: _keep(side_id, base64.b64encode(picture).decode()))


async def _keep(side_id: UUID, picture: str) -> None:
    async with atomic():
        await rows(statements.KEEP_PICTURE, side_id, picture)
