"""Notices: what is said to a person outside the answer to their own message."""

import hashlib
from contextlib import suppress
from dataclasses import asdict
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.accounts.accounts import AccountFacts, Accounts, NoticeTemplate
from handlers.actors import Person
from handlers.identity.following import Following
from handlers.identity.proofs import bound_to
from handlers.outbox import later
from handlers.ports import Clock, Vault, WeChat, WeChatUserRefused
from handlers.recurring import BUSINESS_ZONE
from handlers.retrying import refusing
from handlers.rules.replies import SaidMiniProgram
from handlers.standing import canonicals
from models.database import atomic, rows
from models.identity import Identifier, Member
from models.sql import as_uuid
from models.statements import identity as statements
from models.words import IdentifierStatus, Namespace


@refusing
class Notices:
    """Sends what the outbox asks for; jobs may run more than once."""

    def __init__(
        self,
        clock: Clock,
        vault: Vault,
        wechat: WeChat,
        accounts: Accounts,
        following: Following,
        zone: ZoneInfo = BUSINESS_ZONE,
    ) -> None:
        self._clock = clock
        self._vault = vault
        self._wechat = wechat
        self._accounts = accounts
        self._following = following
        self._zone = zone

    async def answer_late(self, person: Person, *, text: str, key: str) -> None:
        """Have an answer that took too long sent as a message of its own; one per key."""
        async with atomic():
            await later(
                "send_text",
                key=f"late:{key}",
                at=self._clock.now(),
                order_key=f"chat:{person.member_id}",
                account=person.account,
                member_id=str(person.member_id),
                text=text,
            )

    async def answer_with_card(self, person: Person, card: SaidMiniProgram, *, key: str) -> None:
        """Have a mini-program card sent, which the answer to a push cannot carry; one per key."""
        async with atomic():
            await later(
                "send_mini_program_card",
                key=f"card:{key}",
                at=self._clock.now(),
                order_key=f"chat:{person.member_id}",
                account=person.account,
                member_id=str(person.member_id),
                card=asdict(card),
            )

    async def send_mini_program_card(self, *, account: str, member_id: str, card: SaidMiniProgram) -> None:
        """A customer-service message with a card. Raises as `send_text` does."""
        facts = await self._accounts.get(account)
        openid = await self._openid(UUID(member_id), facts.app.app_id)
        if openid is not None:
            await self._wechat.send_mini_program_card(
                facts.app,
                openid,
                app_id=card.app_id,
                path=card.path,
                title=card.title,
                thumb_media_id=card.thumb_media_id,
            )

    async def tell(self, *, member_id: str, text: str) -> None:
        """Through an official account that they follow, the one at which they were seen last before the others.

        As a message while a window is open there, else as the account's template for notices; whom neither reaches is
        not told. Raises WeChatRetryLater, WeChatGaveUp.
        """
        for facts, openid in await self._chats(UUID(member_id)):
            with suppress(WeChatUserRefused):
                await self._wechat.send_text(facts.app, openid, text)
                return
            if facts.notice is not None:
                with suppress(WeChatUserRefused):
                    await self._send_template(facts, facts.notice, openid, text)
                    return

    async def _send_template(self, facts: AccountFacts, notice: NoticeTemplate, openid: str, text: str) -> None:
        now = self._clock.now().astimezone(self._zone)
        minute = f"{now:%Y-%m-%d %H:%M}"
        values = {notice.text: text} | ({notice.time: minute} if notice.time else {})
        # A job that runs again says it again at once; the same words later are another notice.
        again = hashlib.sha256(f"{openid}|{text}|{minute}".encode()).hexdigest()[:32]
        await self._wechat.send_template(facts.app, openid, notice.id, values, dedupe_id=again)

    async def _chats(self, member_id: UUID) -> list[tuple[AccountFacts, str]]:
        """Each official account that they follow, with who they are there."""
        owner_id = (await canonicals([member_id])).get(member_id)
        found = await rows(statements.CHATS, owner_id) if owner_id is not None else []
        return [
            (
                await self._accounts.get(each["key"]),
                self._vault.decrypt(each["value_cipher"], bound_to=bound_to(as_uuid(each["id"]))),
            )
            for each in found
        ]

    async def send_text(self, *, account: str, member_id: str, text: str) -> None:
        """A customer-service message. Raises WeChatUserRefused when no window is open, other WeChatError kinds."""
        facts = await self._accounts.get(account)
        openid = await self._openid(UUID(member_id), facts.app.app_id)
        if openid is not None:
            await self._wechat.send_text(facts.app, openid, text)

    async def learn_unionid(self, *, account: str, member_id: str) -> None:
        """Ask WeChat again who this follower is on the other channels. Raises WeChatError kinds."""
        facts = await self._accounts.get(account)
        openid = await self._openid(UUID(member_id), facts.app.app_id)
        if openid is not None:
            await self._following.learn_unionid(facts, openid=openid)

    async def _openid(self, member_id: UUID, app_id: str) -> str | None:
        member = await Member.get_or_none(id=member_id)
        owner_id = member.canonical_id or member.id if member else member_id  # type: ignore[attr-defined]
        identifier = await Identifier.get_or_none(
            member_id=owner_id, namespace=Namespace.WX_OPENID, scope=app_id, status=IdentifierStatus.ACTIVE
        )
        if identifier is None:
            return None
        return self._vault.decrypt(identifier.value_cipher, bound_to=bound_to(identifier.id))
