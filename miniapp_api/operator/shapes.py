"""What operators send and see: themselves, accounts, jobs, the record."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints

from miniapp_api.errors import CursorInvalid
from miniapp_api.shapes import Body, Id, Out, decode_cursor, encode_cursor
from models.words import AccountKind, AccountMode, OperatorRole

LAST_NUMBER = 2**31 - 1  # of versions: the columns hold no larger one

Login = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._@-]{2,63}$")]
Password = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


def after(cursor: str | None) -> UUID | None:
    """The id after which the next page starts. Raises CursorInvalid."""
    if cursor is None:
        return None
    try:
        return UUID(decode_cursor(cursor, str)[0])
    except ValueError as trouble:
        raise CursorInvalid from trouble


def below(cursor: str | None) -> int | None:
    """The number below which the next page of numbered versions starts. Raises CursorInvalid."""
    return min(max(decode_cursor(cursor, int)[0], 0), LAST_NUMBER) if cursor else None


def after_code(cursor: str | None) -> str | None:
    """The code after which the next page of a list by code starts. Raises CursorInvalid."""
    if cursor is None:
        return None
    code: str = decode_cursor(cursor, str)[0]
    if "\x00" in code:  # no text of PostgreSQL
        raise CursorInvalid
    return code


def next_place(places: Sequence[str | int], limit: int) -> str | None:
    """The same as `next_cursor` for lists in the order of codes or numbers."""
    return encode_cursor([places[limit - 1]]) if len(places) > limit else None


def next_cursor(ids: list[UUID], limit: int) -> str | None:
    """Where the next page starts, when `limit + 1` rows were asked for and came."""
    return encode_cursor([str(ids[limit - 1])]) if len(ids) > limit else None


class BootstrapBody(Body):
    """The installation's bootstrap token, and who the first operator is."""

    token: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    login: Login
    password: Password


class SignInBody(Body):
    """Login, password, and the six digits that the authenticator shows now."""

    login: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    password: Password
    otp: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]


class NewOperatorBody(Body):
    """One more operator; of the own organization unless one below is named."""

    login: Login
    password: Password
    role: OperatorRole
    organization_id: Id | None = None


class OperatorChangeBody(Body):
    """What to change; absent leaves. Whatever changes ends the operator's sessions."""

    role: OperatorRole | None = None
    is_active: bool | None = None
    organization_id: Id | None = None
    password: Password | None = None
    reset_factor: bool = False


class OperatorOut(Out):
    id: Id
    organization_id: Id
    login: str
    role: OperatorRole
    is_active: bool
    is_enrolled: bool
    locked_until: datetime | None
    created_at: datetime


class OperatorKeptOut(Out):
    """`otpauth_uri` is there until the second factor was used once: scan it with an authenticator."""

    operator: OperatorOut
    otpauth_uri: str | None


class OperatorSessionOut(Out):
    """The token is shown once."""

    token: str
    expires_at: datetime
    operator_id: Id
    role: OperatorRole


AppSecret = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{32}$")]
PushToken = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{3,32}$")]
AesKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{43}$")]
OriginalId = Annotated[str, StringConstraints(pattern=r"^(gh_[0-9A-Za-z]{6,32})?$")]
OpenPlatform = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{0,64}$")]
BrandName = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)]
ServicePhone = Annotated[str, StringConstraints(pattern=r"^[0-9+ -]{0,32}$")]
ServiceHours = Annotated[str, StringConstraints(max_length=64)]


Keyword = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,24}[0-9]{0,2}$")]


class NoticeTemplateBody(Body):
    """A template message (模板消息) of the account for its notices, and which of its keywords hold text and time.

    An empty `id` takes it away.
    """

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{0,64}$")]
    text: Keyword
    time: Keyword | None = None


class AccountChangeBody(Body):
    """What to change; absent leaves. Secrets are written and never read back."""

    mode: AccountMode | None = None
    original_id: OriginalId | None = None
    open_platform: OpenPlatform | None = None
    brand_name: BrandName | None = None
    service_phone: ServicePhone | None = None
    service_hours: ServiceHours | None = None
    secret: AppSecret | None = None
    token: PushToken | None = None
    aes_key: AesKey | None = None
    notice_template: NoticeTemplateBody | None = None


class NewAccountBody(AccountChangeBody):
    """One more account. Without a mode: safe when an AES key is given, plain otherwise."""

    key: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,32}$")]
    kind: AccountKind
    app_id: Annotated[str, StringConstraints(pattern=r"^wx[0-9a-f]{16}$")]
    organization_id: Id | None = None
    secret: AppSecret
    token: PushToken


class NoticeTemplateOut(Out):
    """What carries notices to whom no message can be sent at the moment."""

    id: str
    text: str
    time: str


class AccountOut(Out):
    """`push_url` is what belongs into the platform's server settings."""

    id: Id
    organization_id: Id
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
    notice_template: NoticeTemplateOut | None
    push_url: str
    updated_at: datetime


class DeadJobOut(Out):
    """A job that was given up. Its payload may hold personal data and is not shown."""

    id: Id
    kind: str
    key: str
    attempt_count: int
    last_error: str
    died_at: datetime


class DiscardBody(Body):
    """Why the job's effect is not wanted any more."""

    reason: Reason


class JobSettledOut(Out):
    id: Id
    outcome: str


class AuditEntryOut(Out):
    id: Id
    actor_kind: str
    actor_id: str
    organization_id: Id | None
    action: str
    subject_kind: str
    subject_id: str
    facts: dict[str, Any]
    happened_at: datetime
    sequence: int | None = Field(description="place in the sealed chain; null for the last few seconds")
