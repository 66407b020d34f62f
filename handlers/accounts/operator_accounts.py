"""Operators' hands on WeChat accounts: see them, add a city's own, change mode, secrets, brand and hours."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from uuid import UUID

from tortoise.exceptions import IntegrityError

from handlers.accounts.accounts import Accounts, NoticeTemplate, notice_of, secret_bound_to
from handlers.actors import Operator
from handlers.audit import record
from handlers.errors import AccountOfSettings, AccountTaken, AccountUnknown, AesKeyMissing, OrganizationUnknown
from handlers.ports import Clock, Vault
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.accounts import Account
from models.database import atomic
from models.ids import new_id
from models.words import AccountKind, AccountMode

SECRETS = ("secret", "token", "aes_key")
OPEN_FIELDS = ("mode", "original_id", "open_platform", "brand_name", "service_phone", "service_hours")


@dataclass(frozen=True, slots=True)
class OperatedAccount:
    """An account as operators see it: which secrets it has, never what they are."""

    id: UUID
    organization_id: UUID
    key: str
    kind: AccountKind
    mode: AccountMode
    app_id: str
    original_id: str
    open_platform: str
    brand_name: str
    service_phone: str
    service_hours: str
    has_aes_key: bool
    has_previous_aes_key: bool
    notice: NoticeTemplate | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class AccountChange:
    """What to change; None leaves it. Secrets go in and never come out. A `notice` without an id takes it away."""

    mode: AccountMode | None = None
    original_id: str | None = None
    open_platform: str | None = None
    brand_name: str | None = None
    service_phone: str | None = None
    service_hours: str | None = None
    secret: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    aes_key: str | None = field(default=None, repr=False)
    notice: NoticeTemplate | None = None

    @property
    def told(self) -> dict[str, object]:
        """The open fields that were given."""
        told: dict[str, object] = {name: value for name in OPEN_FIELDS if (value := getattr(self, name)) is not None}
        if self.notice is None:
            return told
        return told | {"template_ids": {"notice": asdict(self.notice)} if self.notice.id else {}}

    @property
    def is_of_operators(self) -> bool:
        """Nothing that the settings say."""
        return not self.secrets and not self.told.keys() - {"template_ids"}

    @property
    def secrets(self) -> dict[str, str]:
        """The secrets that were given."""
        return {name: value for name in SECRETS if (value := getattr(self, name)) is not None}


@refusing
class OperatorAccounts:
    """Lists, adds and changes accounts within the operator's subtree."""

    def __init__(self, clock: Clock, vault: Vault, accounts: Accounts) -> None:
        self._clock = clock
        self._vault = vault
        self._accounts = accounts

    async def listing(self, operator: Operator, *, after: UUID | None, limit: int) -> tuple[OperatedAccount, ...]:
        """Accounts of the subtree, in the order they were added. Raises RoleMissing."""
        scope = await allowed(operator, Capability.ACCOUNTS)
        found = Account.filter(organization_id__in=list(scope.organization_ids)).order_by("id").limit(limit)
        return tuple(_view(each) for each in await (found.filter(id__gt=after) if after else found))

    async def add(
        self,
        operator: Operator,
        *,
        key: str,
        kind: AccountKind,
        app_id: str,
        organization_id: UUID | None,
        facts: AccountChange,
        request_id: str,
    ) -> Answer[OperatedAccount]:
        """One more account; its pushes are answered from the commit on.

        Raises RoleMissing, OrganizationUnknown, AccountTaken, AesKeyMissing, KeyReused.
        """
        scope = await allowed(operator, Capability.ACCOUNTS)
        place = organization_id or operator.organization_id
        if not scope.sees(place):
            raise OrganizationUnknown

        async def effect() -> OperatedAccount:
            now = self._clock.now()
            account = Account(id=new_id(), key=key, kind=kind, app_id=app_id, organization_id=place)
            account.mode = AccountMode.SAFE if facts.aes_key else AccountMode.PLAIN
            self._apply(account, facts)
            await self._insert(account)
            told = {"key": key, "kind": kind, "app_id": app_id, **facts.told}
            await record(operator, "account.added", "account", account.id, at=now, organization_id=place, **told)
            return _view(account)

        asked = {"key": key, "kind": kind, "app_id": app_id, "organization_id": place, **self._marks(facts)}
        answer = await once(operator, "account.add", request_id, facts=asked, result=OperatedAccount, effect=effect)
        self._accounts.forget(key)
        return answer

    async def change(
        self, operator: Operator, account_id: UUID, change: AccountChange, *, request_id: str | None
    ) -> Answer[OperatedAccount]:
        """Change an account; a new AES key leaves the old one valid for what the platform still sends with it.

        Raises RoleMissing, AccountUnknown, AccountOfSettings, AesKeyMissing, KeyReused.
        """
        scope = await allowed(operator, Capability.ACCOUNTS)
        found = await Account.get_or_none(id=account_id)
        if found is None or not scope.sees(found.organization_id):  # type: ignore[attr-defined]
            raise AccountUnknown
        if self._accounts.is_of_settings(found.key) and not change.is_of_operators:
            raise AccountOfSettings

        async def effect() -> OperatedAccount:
            # Taking the row's lock by a write first, so that two changes of different fields both stay.
            await Account.filter(id=account_id).update(updated_at=self._clock.now())
            account = await Account.get(id=account_id)
            before = {name: getattr(account, name) for name in change.told}
            self._apply(account, change)
            await account.save()
            place: UUID = account.organization_id  # type: ignore[attr-defined]
            await record(
                operator,
                "account.changed",
                "account",
                account_id,
                at=self._clock.now(),
                organization_id=place,
                before=before,
                after=change.told,
                secrets=sorted(change.secrets),
            )
            return _view(account)

        asked = {"id": account_id, **self._marks(change)}
        answer = await once(operator, "account.change", request_id, facts=asked, result=OperatedAccount, effect=effect)
        self._accounts.forget(found.key)
        return answer

    def _apply(self, account: Account, change: AccountChange) -> None:
        for name, value in change.told.items():
            setattr(account, name, value)
        for name, value in change.secrets.items():
            cipher = self._vault.encrypt(value, bound_to=secret_bound_to(account.id, name)) if value else ""
            if name == "aes_key" and account.aes_key_cipher:
                old = self._vault.decrypt(account.aes_key_cipher, bound_to=secret_bound_to(account.id, name))
                if old == value:
                    continue
                bound = secret_bound_to(account.id, "previous_aes_key")
                account.previous_aes_key_cipher = self._vault.encrypt(old, bound_to=bound)
            setattr(account, f"{name}_cipher", cipher)
        if account.mode is not AccountMode.PLAIN and not account.aes_key_cipher:
            raise AesKeyMissing

    async def _insert(self, account: Account) -> None:
        try:
            async with atomic():  # a savepoint: PostgreSQL gives up the whole transaction otherwise
                await account.save()
        except IntegrityError as error:
            if await Account.exists(key=account.key) or await Account.exists(app_id=account.app_id):
                raise AccountTaken from error
            raise

    def _marks(self, change: AccountChange) -> Mapping[str, object]:
        """What a repeated request is recognised by: secrets by keyed marks, because fingerprints are stored."""
        marks = {name: self._vault.blind_index("account_secret", value) for name, value in change.secrets.items()}
        return {**change.told, **marks}


def _view(stored: Account) -> OperatedAccount:
    return OperatedAccount(
        id=stored.id,
        organization_id=stored.organization_id,  # type: ignore[attr-defined]
        key=stored.key,
        kind=stored.kind,
        mode=stored.mode,
        app_id=stored.app_id,
        original_id=stored.original_id,
        open_platform=stored.open_platform,
        brand_name=stored.brand_name,
        service_phone=stored.service_phone,
        service_hours=stored.service_hours,
        has_aes_key=bool(stored.aes_key_cipher),
        has_previous_aes_key=bool(stored.previous_aes_key_cipher),
        notice=notice_of(stored),
        updated_at=stored.updated_at,
    )
