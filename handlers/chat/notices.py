"""Notices: what is said to a person outside the answer to their own message."""

from contextlib import suppress
from dataclasses import asdict
from uuid import UUID

from handlers.accounts.accounts import Accounts
from handlers.actors import Person
from handlers.errors import AccountUnknown
from handlers.identity.following import Following
from handlers.identity.proofs import bound_to
from handlers.outbox import later
from handlers.ports import Clock, Vault, WeChat, WeChatUserRefused
from handlers.retrying import refusing
from handlers.rules.replies import SaidMiniProgram
from models.database import atomic
from models.identity import Identifier, Member
from models.words import AccountKind, IdentifierStatus, Namespace


@refusing
class Notices:
    """Sends what the outbox asks for; jobs may run more than once."""

    def __init__(self, clock: Clock, vault: Vault, wechat: WeChat, accounts: Accounts, following: Following) -> None:
        self._clock = clock
        self._vault = vault
        self._wechat = wechat
        self._accounts = accounts
        self._following = following

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
        """The same through the first official account; whoever has no window open, or none follows, is not told.

        Raises WeChatRetryLater, WeChatGaveUp.
        """
        with suppress(WeChatUserRefused, AccountUnknown):
            account = await self._accounts.only(AccountKind.OFFICIAL_ACCOUNT)
            await self.send_text(account=account.key, member_id=member_id, text=text)

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
