"""Following an official account: who does, since when, and what first brought them."""

import logging
import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from handlers.accounts.accounts import AccountFacts
from handlers.actors import Person
from handlers.identity.identity import Identity, Resolution
from handlers.identity.proofs import wechat_proofs
from handlers.outbox import later
from handlers.ports import Clock, WeChat, WeChatError
from handlers.retrying import refusing
from handlers.standing import standing
from handlers.touches.touching import touch
from models.database import atomic, require_atomic, row
from models.identity import Identifier
from models.ids import new_id
from models.statements import identity as statements
from models.words import IdentifierStatus, Namespace, Touchpoint

log = logging.getLogger(__name__)
_SCENE = re.compile(r"[\x21-\x7e]{1,64}")  # WeChat's own limit for string scenes


@dataclass(frozen=True, slots=True)
class Followed:
    """The person follows now; `is_first` when they never did before."""

    is_first: bool


async def attribute(member_id: UUID, account_id: UUID, scene: str, *, at: datetime) -> bool:
    """Remember what first brought this person, inside the open transaction; only the first touch counts.

    A scene that no code of ours can carry is ignored: it comes from a client and proves nothing. A promoter's touches
    last for a time only, and are kept beside.
    """
    require_atomic()
    if not _SCENE.fullmatch(scene):
        return False
    await touch(member_id, account_id, scene, at=at)
    return await row(statements.ATTRIBUTE_ONCE, new_id(), at, member_id, account_id, scene) is not None


@refusing
class Following:
    """Recognises people who talk to an official account, and records follows."""

    def __init__(self, clock: Clock, wechat: WeChat, identity: Identity) -> None:
        self._clock = clock
        self._wechat = wechat
        self._identity = identity

    async def recognise(self, account: AccountFacts, openid: str) -> Person:
        """The person behind an openid; a new one is asked of WeChat once, for the unionid that joins the channels.

        When WeChat cannot say right now, the person is made known by openid alone and a job asks again.
        Raises MemberFrozen.
        """
        known = await self._identity.find(account.key, account.app.app_id, openid, through=Touchpoint.CHAT)
        if known is not None:
            return known
        unionid, is_settled = await self._unionid(account, openid)
        proofs = wechat_proofs(account.app.app_id, account.open_platform, openid, unionid)

        async def ask_again(resolution: Resolution) -> None:
            if not is_settled:
                await self._learn_later(account, resolution.member_id, "first")

        resolution = await self._identity.resolve(proofs, along=ask_again)
        return await self._identity.person(resolution.member_id, account.key, through=Touchpoint.CHAT)

    async def learn_unionid(self, account: AccountFacts, *, openid: str) -> None:
        """Ask WeChat again for the unionid behind an openid, and join the channels. Raises WeChatError."""
        follower = await self._wechat.follower(account.app, openid)
        proofs = wechat_proofs(account.app.app_id, account.open_platform, openid, follower.unionid)
        await self._identity.resolve(proofs)

    async def follow(self, person: Person, account: AccountFacts, *, scene: str = "") -> Followed:
        """Record a follow, and the scene that brought the person if they never followed before.

        Whoever comes back, or scans a code as a follower, was not brought by that code (WeChat: subscribe, SCAN).
        Somebody whose unionid is not known is asked for again: the account may have been joined up meanwhile.
        """
        now = self._clock.now()
        async with atomic():
            member_id = await standing(person.member_id)
            followed = await row(statements.FOLLOW, new_id(), now, account.id, member_id)
            is_first = bool(followed and followed["is_first"])
            if scene and is_first:
                await attribute(member_id, account.id, scene, at=now)
            elif scene:
                await touch(member_id, account.id, scene, at=now)
            if not is_first and not await self._has_unionid(member_id, account):
                await self._learn_later(account, member_id, str(int(now.timestamp())))
        return Followed(is_first)

    async def scan(self, person: Person, account: AccountFacts, *, scene: str = "") -> None:
        """Record that the person, who scanned a code as a follower, follows; a promoter's code touches them too."""
        now = self._clock.now()
        async with atomic():
            member_id = await standing(person.member_id)
            await row(statements.FOLLOW, new_id(), now, account.id, member_id)
            await touch(member_id, account.id, scene, at=now)

    async def unfollow(self, person: Person, account: AccountFacts) -> None:
        """Record that the person left; nothing they own changes."""
        async with atomic():
            member_id = await standing(person.member_id, even_frozen=True)
            await row(statements.UNFOLLOW, account.id, member_id, self._clock.now())

    async def _has_unionid(self, member_id: UUID, account: AccountFacts) -> bool:
        return not account.open_platform or await Identifier.exists(
            member_id=member_id,
            namespace=Namespace.WX_UNIONID,
            scope=account.open_platform,
            status=IdentifierStatus.ACTIVE,
        )

    async def _learn_later(self, account: AccountFacts, member_id: UUID, occasion: str) -> None:
        await later(
            "learn_unionid",
            key=f"unionid:{account.key}:{member_id}:{occasion}",
            at=self._clock.now(),
            account=account.key,
            member_id=str(member_id),
        )

    async def _unionid(self, account: AccountFacts, openid: str) -> tuple[str | None, bool]:
        if not account.open_platform:
            return None, True
        try:
            follower = await self._wechat.follower(account.app, openid)
        except WeChatError as trouble:
            log.warning("unionid_not_learnt", extra={"account": account.key, "errcode": trouble.errcode})
            return None, False
        # A follow that WeChat's own records do not show yet: they know nothing of the person, and will in a moment.
        return follower.unionid, follower.is_following or follower.unionid is not None
