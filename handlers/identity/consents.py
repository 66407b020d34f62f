"""Consents: the texts people agree to, and what each person agreed to.

Source: PIPL (个人信息保护法) art. 14-16: consent is informed, specific, as easy to withdraw as to give, and no service
may be refused for want of a consent it does not need.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from handlers.accounts.accounts import Accounts
from handlers.actors import Person
from handlers.errors import ConsentMissing, ConsentNeeded, ConsentOutdated, ConsentUnknown, NotAMember
from handlers.ports import Clock, Vault
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.standing import standing
from models.consents import Consent
from models.database import require_atomic, row
from models.identity import Identifier, IdentityEvent, Member
from models.ids import new_id
from models.linking import BoundNumber
from models.statements import identity as statements
from models.words import ConsentPurpose, IdentifierStatus, IdentityAct, Namespace, Touchpoint


@dataclass(frozen=True, slots=True)
class Terms:
    """The current text of one purpose."""

    purpose: ConsentPurpose
    version: str
    required: bool  # without it there is no membership
    consequence: str  # of withdrawing it; to be read before the person does


CURRENT = (
    Terms(
        ConsentPurpose.MEMBERSHIP,
        "2026-11",
        required=True,
        consequence="会员协议不能单独撤回。如需退出请注销会员：会员号、会员卡、手机号和个人资料都会删除，不能恢复。",
    ),
    Terms(
        ConsentPurpose.MARKETING,
        "2026-11",
        required=False,
        consequence="撤回后不再收到活动和优惠消息，会员卡和权益照常使用。",
    ),
    Terms(
        ConsentPurpose.PHONE,
        "2026-11",
        required=False,
        consequence="撤回后登录手机号和绑定号码会删除，需要手机号核实的服务暂不能用；会员卡和权益照常使用。",
    ),
    Terms(
        ConsentPurpose.SHARING,
        "2026-11",
        required=False,
        consequence="撤回后不再向合作方提供您的资料，合作方的专属权益可能不能领取；会员卡照常使用。",
    ),
    Terms(
        ConsentPurpose.PROFILES,
        "2026-11",
        required=False,
        consequence="撤回后不再使用您添加的从属档案，会员卡和权益照常使用。",
    ),
)
_CURRENT_BY_PURPOSE = {terms.purpose: terms for terms in CURRENT}


@dataclass(frozen=True, slots=True)
class Agreed:
    """One purpose and the version of its text that the person agreed to."""

    purpose: ConsentPurpose
    version: str


@dataclass(frozen=True, slots=True)
class ConsentChanged:
    """What became of one consent; `changed` is False when it already stood so."""

    purpose: ConsentPurpose
    is_given: bool
    changed: bool
    consequence: str = ""  # what follows from withdrawing it


def current_terms(purpose: ConsentPurpose) -> Agreed:
    """The text of a purpose as it is agreed to today."""
    return Agreed(purpose, _CURRENT_BY_PURPOSE[purpose].version)


def check(agreed: Sequence[Agreed], *, with_phone: bool) -> None:
    """Refuse agreements that are unknown, outdated or not enough to join.

    Raises ConsentUnknown, ConsentOutdated, ConsentMissing.
    """
    for agreement in agreed:
        if agreement.purpose not in _CURRENT_BY_PURPOSE:
            raise ConsentUnknown
        if agreement.version != _CURRENT_BY_PURPOSE[agreement.purpose].version:
            current = _CURRENT_BY_PURPOSE[agreement.purpose].version
            raise ConsentOutdated(purpose=agreement.purpose.value, version=current)
    needed = {terms.purpose for terms in CURRENT if terms.required} | ({ConsentPurpose.PHONE} if with_phone else set())
    missing = needed - {agreement.purpose for agreement in agreed}
    if missing:
        raise ConsentMissing(purposes=sorted(purpose.value for purpose in missing))


async def give(
    member_id: UUID, agreed: Sequence[Agreed], *, account_id: UUID, through: Touchpoint, at: datetime
) -> list[ConsentPurpose]:
    """Record agreements inside the open transaction; the purposes that were not open before in this version."""
    require_atomic()
    given = []
    for agreement in agreed:
        values = (member_id, agreement.purpose, agreement.version, account_id, through)
        won = await row(statements.GIVE_CONSENT, new_id(), at, *values)
        if won is None and await row(statements.SUPERSEDE_CONSENT, *values[:3], at):
            won = await row(statements.GIVE_CONSENT, new_id(), at, *values)
        if won:
            given.append(agreement.purpose)
    return given


async def forget_phones(member_id: UUID, *, at: datetime, vault: Vault) -> None:
    """Revoke the login phone and the bound numbers inside the open transaction, and keep no value of either.

    The rows stay without their numbers: that there was one, since when, and how it was proven.
    """
    require_atomic()
    phones = Identifier.filter(member_id=member_id, namespace=Namespace.PHONE)
    for phone in await phones.filter(status=IdentifierStatus.ACTIVE):
        await IdentityEvent.create(
            member_id=member_id,
            act=IdentityAct.UNBIND,
            namespace=phone.namespace,
            scope=phone.scope,
            value_mark=vault.blind_index("identity_event", f"{member_id}:{phone.value_hash}")[:16],
            evidence={"reason": "consent_withdrawn"},
            happened_at=at,
        )
    await phones.update(status=IdentifierStatus.REVOKED, value_hash="", value_cipher="")
    numbers = BoundNumber.filter(member_id=member_id)
    await numbers.filter(status=IdentifierStatus.ACTIVE).update(revoked_at=at)
    await numbers.update(status=IdentifierStatus.REVOKED, number_hash="", number_cipher="", tail="")
    await Member.filter(id=member_id).update(phone_tail="")


@refusing
class Consents:
    """Shows, gives and withdraws consents."""

    def __init__(self, clock: Clock, accounts: Accounts, vault: Vault) -> None:
        self._clock = clock
        self._accounts = accounts
        self._vault = vault

    def terms(self) -> Sequence[Terms]:
        """The current texts of every purpose."""
        return CURRENT

    async def give(self, person: Person, *, agreed: Agreed, request_id: str | None = None) -> Answer[ConsentChanged]:
        """Agree to one more purpose. Raises NotAMember, ConsentUnknown, ConsentOutdated, KeyReused."""
        if not person.is_member:
            raise NotAMember
        check([agreed, current_terms(ConsentPurpose.MEMBERSHIP)], with_phone=False)
        account = await self._accounts.get(person.account)

        async def effect() -> ConsentChanged:
            member_id, now = await standing(person.member_id), self._clock.now()
            given = await give(member_id, [agreed], account_id=account.id, through=person.through, at=now)
            return ConsentChanged(agreed.purpose, is_given=True, changed=bool(given))

        return await once(person, "give_consent", request_id, facts=agreed, result=ConsentChanged, effect=effect)

    async def withdraw(
        self, person: Person, *, purpose: ConsentPurpose, request_id: str | None = None
    ) -> Answer[ConsentChanged]:
        """Take a consent back, at once; what rested on it alone is deleted with it (PIPL art. 15 and 47).

        A frozen person may, too. Raises ConsentNeeded for membership: that is leaving the programme; KeyReused.
        """
        if purpose not in _CURRENT_BY_PURPOSE:
            raise ConsentUnknown
        if _CURRENT_BY_PURPOSE[purpose].required:
            raise ConsentNeeded

        async def effect() -> ConsentChanged:
            member_id, now = await standing(person.member_id, even_frozen=True), self._clock.now()
            open_rows = Consent.filter(member_id=member_id, purpose=purpose, withdrawn_at=None)
            changed = await open_rows.update(withdrawn_at=now)
            if purpose is ConsentPurpose.PHONE:
                await forget_phones(member_id, at=now, vault=self._vault)
            consequence = _CURRENT_BY_PURPOSE[purpose].consequence
            return ConsentChanged(purpose, is_given=False, changed=bool(changed), consequence=consequence)

        return await once(person, "withdraw_consent", request_id, facts=purpose, result=ConsentChanged, effect=effect)
