"""WeChat accounts as the doors and the other handlers need them: found by key, secrets opened, briefly remembered."""

import time
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

from tortoise.exceptions import IntegrityError

from handlers.errors import AccountUnknown
from handlers.ports import Vault, WeChatApp
from handlers.retrying import refusing
from models.accounts import Account
from models.database import atomic, in_atomic
from models.failures import DatabaseUnavailable, LockTimeout, StatementTimeout
from models.ids import new_id
from models.organizations import Organization
from models.words import AccountKind, AccountMode

REMEMBERED_SECONDS = 2.0  # a changed key or switch is seen everywhere within this time


@dataclass(frozen=True, slots=True)
class NoticeTemplate:
    """The template message (模板消息) that carries an account's notices: which of its keywords hold what.

    `text`: such as `thing1`, of which WeChat shows 20 characters; `time`: such as `time2`, or none.
    """

    id: str
    text: str
    time: str = ""


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """One account with its secrets in the open; never logged, never sent."""

    id: UUID
    key: str
    kind: AccountKind
    mode: AccountMode
    app: WeChatApp
    original_id: str
    open_platform: str
    token: str = field(repr=False)
    aes_key: str = field(repr=False)
    previous_aes_key: str = field(repr=False)
    brand_name: str
    service_phone: str
    service_hours: str
    menu: list[dict[str, object]] | None
    notice: NoticeTemplate | None = None


@dataclass(frozen=True, slots=True)
class AccountDraft:
    """What it takes to make an account known here; the settings give two of these."""

    key: str
    kind: AccountKind
    app_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    aes_key: str = field(default="", repr=False)
    previous_aes_key: str = field(default="", repr=False)
    original_id: str = ""
    open_platform: str = "main"
    brand_name: str = ""
    service_phone: str = ""
    service_hours: str = ""

    @property
    def mode(self) -> AccountMode:
        """Safe when a key is set; plain pushes are refused then."""
        return AccountMode.SAFE if self.aes_key else AccountMode.PLAIN


@refusing
class Accounts:
    """Finds accounts, and keeps the ones that the settings name."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._remembered: dict[str, tuple[float, AccountFacts]] = {}
        self._of_settings: set[str] = set()

    async def get(self, key: str) -> AccountFacts:
        """The account with this key. Raises AccountUnknown.

        While the database is away, what was remembered goes on: the doors must open to say that they are busy.
        """
        hit = self._remembered.get(key)
        if hit is not None and hit[0] > time.monotonic():
            return hit[1]
        try:
            row = await Account.get_or_none(key=key)
        except (DatabaseUnavailable, LockTimeout, StatementTimeout):
            if hit is None or in_atomic():
                raise
            return hit[1]
        if row is None:
            self._remembered.pop(key, None)
            raise AccountUnknown
        facts = self._open(row)
        self._remembered[key] = (time.monotonic() + REMEMBERED_SECONDS, facts)
        return facts

    async def only(self, kind: AccountKind) -> AccountFacts:
        """The account of this kind that was added first: what a request means that names none."""
        row = await Account.filter(kind=kind).order_by("created_at", "id").first().values_list("key", flat=True)
        if row is None:
            raise AccountUnknown
        return await self.get(str(row))

    def forget(self, key: str) -> None:
        """The account changed: read it again at the next request."""
        self._remembered.pop(key, None)

    def is_of_settings(self, key: str) -> bool:
        """Whether the settings name this account, so that they overwrite it at every start."""
        return key in self._of_settings

    async def keep(self, draft: AccountDraft) -> None:
        """Make the account of a draft known, or bring its row up to date; operators' own fields stay untouched."""
        try:
            await self._keep(draft)
        except IntegrityError:  # another process, starting at this very moment, made it known first
            await self._keep(draft)
        self._of_settings.add(draft.key)
        self.forget(draft.key)

    async def _keep(self, draft: AccountDraft) -> None:
        async with atomic():
            row = await Account.get_or_none(key=draft.key)
            if row is None:
                root = await Organization.get(parent=None)
                row = Account(id=new_id(), key=draft.key, organization=root, kind=draft.kind)
            secrets = {
                "secret": draft.secret,
                "token": draft.token,
                "aes_key": draft.aes_key,
                "previous_aes_key": draft.previous_aes_key,
            }
            for name, value in secrets.items():
                if self._decrypt(row, name) != value or not getattr(row, f"{name}_cipher"):
                    setattr(
                        row,
                        f"{name}_cipher",
                        self._vault.encrypt(value, bound_to=secret_bound_to(row.id, name)) if value else "",
                    )
            row.mode, row.app_id, row.original_id = draft.mode, draft.app_id, draft.original_id
            row.open_platform, row.brand_name = draft.open_platform, draft.brand_name
            row.service_phone, row.service_hours = draft.service_phone, draft.service_hours
            await row.save()

    def _open(self, row: Account) -> AccountFacts:
        return AccountFacts(
            id=row.id,
            key=row.key,
            kind=row.kind,
            mode=row.mode,
            app=WeChatApp(row.app_id, self._decrypt(row, "secret")),
            original_id=row.original_id,
            open_platform=row.open_platform,
            token=self._decrypt(row, "token"),
            aes_key=self._decrypt(row, "aes_key"),
            previous_aes_key=self._decrypt(row, "previous_aes_key"),
            brand_name=row.brand_name,
            service_phone=row.service_phone,
            service_hours=row.service_hours,
            menu=row.menu,
            notice=notice_of(row),
        )

    def _decrypt(self, row: Account, name: str) -> str:
        cipher: str | None = getattr(row, f"{name}_cipher", None)
        return self._vault.decrypt(cipher, bound_to=secret_bound_to(row.id, name)) if cipher else ""


def notice_of(row: Account) -> NoticeTemplate | None:
    """What carries the notices of an account, if anything does."""
    told = row.template_ids.get("notice")
    return NoticeTemplate(**told) if told else None


def secret_bound_to(account_id: UUID, name: str) -> str:
    """What the cipher of an account's secret (`secret`, `token`, `aes_key`, `previous_aes_key`) is bound to."""
    return f"account:{account_id}:{name}"


async def ensure_root(name: str) -> None:
    """The root organization exists from the first start on."""
    with suppress(IntegrityError):  # another process, starting at this very moment, made it
        async with atomic():
            if not await Organization.exists(parent=None):
                await Organization.create(code="root", name=name)
