"""A promoter's links: one opaque code per page, and what WeChat makes of it: a mini-program code, a QR code, a link.

The code is kept first, by itself; then WeChat is asked, outside of any transaction, for what is missing or about to
end. What it did not give is asked for again next time.
"""

import asyncio
import base64
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from handlers.accounts.accounts import Accounts
from handlers.actors import Person
from handlers.errors import AccountUnknown, NotAPromoter, OfferUnknown, PromoterLinkUnknown
from handlers.ports import Clock, Randomness, WeChat, WeChatError
from handlers.requests import Answer, once
from handlers.retrying import again, refusing
from handlers.standing import standing
from handlers.touches.touching import PREFIX
from models.database import atomic, row, rows
from models.ids import new_id
from models.sql import Both, as_instant, as_uuid
from models.statements import distribution as statements
from models.words import AccountKind, PromoterState

LENGTH = 20  # characters of a code behind its prefix: 120 bits, and a scene takes 32
FRONT_PAGE, OFFER_PAGE = "pages/index/index", "pages/offer/index"
LASTS = timedelta(days=30)  # as long as WeChat lets a temporary code or a link live
ANEW_BEFORE = timedelta(days=7)  # of its end, so that what was passed on last still lives a week
PATIENCE = 3.0  # seconds for each of WeChat's answers

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LinkSeen:
    """A code with everything that carries it. `offer_id` None: the front page. Empty: WeChat gave none yet.

    `picture`: a mini-program code in base64, for good; the QR code of the official account and the link end.
    """

    id: UUID
    code: str
    offer_id: UUID | None
    page: str
    picture: str = ""
    qr_url: str = ""
    qr_image_url: str = ""
    qr_ends_at: datetime | None = None
    url: str = ""
    url_ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """The code's row, as it is remembered for whoever asks again."""

    promoter_id: UUID
    target: str


@refusing
class PromoterLinks:
    """Makes links, and says where a code leads."""

    def __init__(self, clock: Clock, randomness: Randomness, wechat: WeChat, accounts: Accounts) -> None:
        self._clock = clock
        self._randomness = randomness
        self._wechat = wechat
        self._accounts = accounts

    async def make(self, person: Person, offer_id: UUID | None, *, request_id: str) -> Answer[LinkSeen]:
        """Their code for a page, the same one whenever they ask, with pictures and links that are not about to end.

        Raises NotAPromoter, OfferUnknown, NotSignedIn, MemberFrozen, KeyReused.
        """

        async def effect() -> Made:
            found = await row(statements.MINE, await standing(person.member_id))
            if found is None or found["state"] != PromoterState.ACTIVE:
                raise NotAPromoter
            if offer_id is not None and await row(statements.OFFER_ON_SALE, offer_id) is None:
                raise OfferUnknown
            made = Made(as_uuid(found["id"]), str(offer_id) if offer_id else "")
            code = PREFIX + self._randomness.token()[:LENGTH]
            await rows(statements.KEEP_LINK, new_id(), self._clock.now(), made.promoter_id, made.target, code)
            return made

        answer = await once(person, "promoter.link", request_id, facts=offer_id, result=Made, effect=effect)
        return Answer(await self._complete(answer.value), answer.replayed)

    async def target(self, code: str) -> UUID | None:
        """The offer that a code leads to; None: the front page. Raises PromoterLinkUnknown."""
        found = await row(statements.LINK, code)
        if found is None or found["state"] != PromoterState.ACTIVE:
            raise PromoterLinkUnknown
        return UUID(found["target"]) if found["target"] else None

    async def _complete(self, made: Made) -> LinkSeen:
        found = await row(statements.LINK_OF, made.promoter_id, made.target)
        assert found is not None  # noqa: S101 - kept a moment ago, and only leaving drops it
        link, now = _seen(found), self._clock.now()
        wanted: list[Callable[[LinkSeen], Awaitable[None]]] = []
        if not link.picture:
            wanted.append(self._picture)
        if link.qr_ends_at is None or link.qr_ends_at < now + ANEW_BEFORE:
            wanted.append(self._qr)
        if link.url_ends_at is None or link.url_ends_at < now + ANEW_BEFORE:
            wanted.append(self._url)
        if not wanted:
            return link
        await asyncio.gather(*(self._tried(each, link) for each in wanted))
        found = await row(statements.LINK_OF, made.promoter_id, made.target)
        return _seen(found) if found else link

    async def _tried(self, ask: Callable[[LinkSeen], Awaitable[None]], link: LinkSeen) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await ask(link)
        except (WeChatError, TimeoutError, AccountUnknown) as trouble:
            log.warning("no_promoter_link", extra={"link": str(link.id), "errcode": getattr(trouble, "errcode", 0)})

    async def _picture(self, link: LinkSeen) -> None:
        account = await self._accounts.only(AccountKind.MINI_PROGRAM)
        picture = await self._wechat.mini_program_code(account.app, link.code, page=link.page)
        await _keep(statements.KEEP_PICTURE, link.id, base64.b64encode(picture).decode())

    async def _qr(self, link: LinkSeen) -> None:
        """Temporary: of permanent ones an account has 100,000 for ever."""
        account = await self._accounts.only(AccountKind.OFFICIAL_ACCOUNT)
        made = await self._wechat.scene_qr(account.app, link.code, expires_in=LASTS)
        await _keep(statements.KEEP_QR, link.id, made.url, made.image_url, made.expires_at)

    async def _url(self, link: LinkSeen) -> None:
        account, ends_at = await self._accounts.only(AccountKind.MINI_PROGRAM), self._clock.now() + LASTS
        query = f"scene={link.code}"
        url = await self._wechat.url_link(account.app, link.page, query, expires_in=LASTS)
        await _keep(statements.KEEP_URL, link.id, url, ends_at)


async def _keep(statement: str | Both, *values: object) -> None:
    async def attempt() -> None:
        async with atomic():
            await rows(statement, *values)

    await again(attempt)


def _seen(found: Mapping[str, Any]) -> LinkSeen:
    offer_id = UUID(found["target"]) if found["target"] else None
    return LinkSeen(
        id=as_uuid(found["id"]),
        code=found["code"],
        offer_id=offer_id,
        page=OFFER_PAGE if offer_id else FRONT_PAGE,
        picture=found["picture"],
        qr_url=found["qr_url"],
        qr_image_url=found["qr_image_url"],
        qr_ends_at=as_instant(found["qr_ends_at"]) if found["qr_ends_at"] else None,
        url=found["url"],
        url_ends_at=as_instant(found["url_ends_at"]) if found["url_ends_at"] else None,
    )
