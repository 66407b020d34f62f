"""The outside world as handlers see it. `gateways/` implements these; tests give fakes.

They raise only kinds of `handlers.errors.DomainError` or of the `WeChatError` below. All instants are aware UTC.
"""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from handlers.carrier_ports import *  # noqa: F403
from handlers.payment_ports import *  # noqa: F403 - they are ports like the others, and found where those are
from handlers.supplier_ports import *  # noqa: F403


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> datetime:
        """The present instant, aware, UTC."""


class Randomness(Protocol):
    """The only source of secrets; cryptographically strong."""

    def token(self) -> str:
        """43 URL-safe characters: 256 bits."""


class VaultError(Exception):
    """A value cannot be decrypted: wrong key, tampered, or moved to another row."""


class Vault(Protocol):
    """Field encryption and blind indexes. Keys live outside the database (architecture: Keys)."""

    def encrypt(self, plain: str, *, bound_to: str) -> str:
        """AES-256-GCM under the current key: `keyid.base64url(nonce | ciphertext | tag)`.

        `bound_to` names row and column (`identifier:{id}:value`) and is authenticated, so that a value
        copied into another row does not decrypt.
        """

    def decrypt(self, cipher: str, *, bound_to: str) -> str:
        """The plain value. Raises VaultError."""

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Ids of the keys that can decrypt; the first is the current one. A cipher begins with its key's id and `.`."""

    def blind_index(self, purpose: str, value: str) -> str:
        """64 hex characters: HMAC-SHA256 under a key derived from the index key for this purpose."""


@dataclass(frozen=True, slots=True)
class SigningPair:
    """A fresh key pair: the private half as text to encrypt, the public one as base64url of its bytes."""

    private: str = field(repr=False)
    public: str


class Signer(Protocol):
    """Signatures that a device can check with a public key alone."""

    def new_pair(self) -> SigningPair:
        """A key pair of Ed25519."""

    def sign(self, private: str, data: bytes) -> str:
        """The signature of `data`: base64url of 64 bytes, without padding. Raises VaultError for what is no key."""


@dataclass(frozen=True, slots=True)
class WeChatApp:
    """Credentials of one account at the platform; the secret stays out of every repr."""

    app_id: str
    secret: str = field(repr=False)


class WeChatError(Exception):
    """WeChat refused or could not be reached. `errcode` is WeChat's, 0 when there was no answer."""

    def __init__(self, errcode: int, errmsg: str = "", *, endpoint: str = "") -> None:
        super().__init__(f"{endpoint} errcode {errcode} {errmsg}".strip())
        self.errcode = errcode
        self.endpoint = endpoint


class WeChatRetryLater(WeChatError):
    """Busy, rate-limited, time-out: the same call may work later. `retry_after` in seconds when known."""

    retry_after: float | None = None


class WeChatOutcomeUnknown(WeChatRetryLater):
    """The call may have been done: the connection broke or timed out after it was sent."""


class WeChatGaveUp(WeChatError):
    """Configuration or request is wrong; trying again is useless, a person must look."""


class WeChatUserRefused(WeChatError):
    """The person made this impossible: unfollowed, blocked us, did not accept, code used or expired, window closed."""


@dataclass(frozen=True, slots=True)
class CodeSession:
    """What a wx.login code was exchanged for. The session key never leaves the server."""

    openid: str
    unionid: str | None
    session_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """A phone number that WeChat proved: digits only, and the country's calling code (`86`)."""

    number: str = field(repr=False)
    country_code: str


@dataclass(frozen=True, slots=True)
class FollowerInfo:
    """What an official account may know of a person; unionid only for followers of a joined-up account."""

    is_following: bool
    unionid: str | None


@dataclass(frozen=True, slots=True)
class SceneQr:
    """A QR code with a scene: `url` is what the code holds, `image_url` a picture of it."""

    url: str
    image_url: str
    expires_at: datetime | None


class WeChat(Protocol):
    """WeChat's API. Every call has a time-out and raises WeChatError kinds, never anything else."""

    async def exchange_login_code(self, app: WeChatApp, code: str) -> CodeSession:
        """`sns/jscode2session`. Raises WeChatUserRefused with 40029 or 40163 (code), 40226 (blocked person)."""

    async def phone_number(self, app: WeChatApp, code: str) -> PhoneNumber:
        """`wxa/business/getuserphonenumber`; checks the watermark's app id. Raises WeChatUserRefused 40029, 40013."""

    def decrypt_phone(self, app: WeChatApp, session_key: str, data: str, iv: str, *, now: datetime) -> PhoneNumber:
        """The older encryptedData path; watermark app id and age (10 minutes) are checked. Raises WeChatUserRefused."""

    async def follower(self, app: WeChatApp, openid: str) -> FollowerInfo:
        """`cgi-bin/user/info`."""

    async def send_text(self, app: WeChatApp, openid: str, text: str) -> None:
        """`cgi-bin/message/custom/send`. Raises WeChatUserRefused 45015, 45047, 48002 when no window is open."""

    async def send_mini_program_card(
        self, app: WeChatApp, openid: str, *, app_id: str, path: str, title: str, thumb_media_id: str
    ) -> None:
        """`cgi-bin/message/custom/send`, `miniprogrampage`. Raises WeChatUserRefused as `send_text` does."""

    async def send_template(
        self,
        app: WeChatApp,
        openid: str,
        template_id: str,
        values: Mapping[str, str],
        *,
        page: str = "",
        dedupe_id: str,
    ) -> None:
        """`cgi-bin/message/template/send`; `dedupe_id` (<= 32) lets WeChat drop repeats within 10 minutes."""

    async def send_subscribe_message(
        self, app: WeChatApp, openid: str, template_id: str, values: Mapping[str, str], *, page: str = ""
    ) -> None:
        """`cgi-bin/message/subscribe/send`: one accepted request is one message. Raises WeChatUserRefused 43101."""

    async def scene_qr(self, app: WeChatApp, scene: str, *, expires_in: timedelta | None) -> SceneQr:
        """`cgi-bin/qrcode/create`; None makes a permanent code. Scene: 1-64 of `[A-Za-z0-9_-]`."""

    async def mini_program_code(self, app: WeChatApp, scene: str, *, page: str) -> bytes:
        """`wxa/getwxacodeunlimit`: picture bytes. Scene at most 32 characters."""

    async def url_link(self, app: WeChatApp, path: str, query: str, *, expires_in: timedelta) -> str:
        """`wxa/generate_urllink`: a link that opens the mini-program."""

    async def report_virtual_goods(
        self, app: WeChatApp, *, transaction_id: str, openid: str, item: str, at: datetime
    ) -> None: ...

    async def current_menu(self, app: WeChatApp) -> list[dict[str, Any]]:
        """`cgi-bin/menu/get`: the buttons; an empty list when there is no menu (46003)."""

    async def publish_menu(self, app: WeChatApp, buttons: Sequence[Mapping[str, Any]]) -> None:
        """`cgi-bin/menu/create`."""

    async def js_ticket(self, app: WeChatApp) -> str:
        """`cgi-bin/ticket/getticket?type=jsapi`, cached like the access token."""


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """One login of one person in one mini-program. Kept under the hash of its token, never under the token."""

    member_id: str
    account: str
    session_key_cipher: str  # for encryptedData only; encrypted, bound to the token's hash
    opened_at: datetime
    expires_at: datetime  # absolute end; the idle end is the store's time to live


class SessionStore(Protocol):
    """Live sessions. Losing them costs a silent re-login, nothing else."""

    async def save(self, token_hash: str, record: SessionRecord) -> None: ...

    async def find(self, token_hash: str) -> SessionRecord | None:
        """The live session, its idle time renewed; may be up to one second stale."""

    async def drop(self, token_hash: str, member_id: str) -> None: ...

    async def drop_all(self, member_id: str, *, keep: str | None = None) -> int:
        """Log out everywhere, but for `keep`; how many sessions ended."""

    async def of(self, member_id: str) -> Sequence[SessionRecord]:
        """The live sessions of a member, for their own eyes; their idle time is not renewed."""


PENDING = "\x00pending"  # stands for a value that somebody is working on


class ExchangedCodes(Protocol):
    """WeChat codes that were exchanged, remembered 10 minutes by hash with their encrypted result.

    WeChat takes a code once; a call that is retried after a lost answer must not fail on a used code.
    """

    async def take(self, code_hash: str) -> str | None:
        """None: the caller is the one that exchanges this code, for 10 s at most, and remembers or releases it.

        Otherwise the encrypted result of an exchange, or `PENDING` while somebody else is at it.
        """

    def remember(self, code_hash: str, result_cipher: str) -> None:
        """Keep the result for 10 minutes."""

    async def release(self, code_hash: str) -> None:
        """The exchange failed: let others try."""


@dataclass(frozen=True, slots=True)
class DialogueState:
    """Where a person stands in a dialogue: which, at which step, and what was said so far. No secrets."""

    name: str
    step: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    member_id: str = ""  # who it was that was asked: whoever is behind the openid later starts anew


class Dialogues(Protocol):
    """Open dialogues by account and openid. A lost one is a polite restart, never a lost value."""

    def look(self, account: str, openid: str) -> Awaitable[DialogueState | None]:
        """Asked for at once, to be awaited when it is needed; never raises."""

    async def keep(self, account: str, openid: str, state: DialogueState, *, lasting: timedelta) -> None: ...

    async def drop(self, account: str, openid: str) -> None: ...


class Answers(Protocol):
    """Answers to platform pushes, shared by all processes, so that a repeated delivery gets the same answer."""

    async def claim(self, key: str) -> str | None:
        """None: this process is the first and must answer. Otherwise the stored answer, or `PENDING`."""

    def give(self, key: str, answer: str, *, lasting: timedelta) -> None:
        """Keep the answer for further deliveries of this push, for as long as they may come."""

    async def wait(self, key: str, seconds: float) -> str | None:
        """The answer once another delivery's work has given it; None when it did not come in time, or will not come."""

    async def release(self, key: str) -> None:
        """Give the claim back: the work failed before it had any effect."""


class MemberCodeStore(Protocol):
    """Whose a member code is, by its hash, for a minute and one scan. Losing them costs one more tap."""

    async def keep(self, code_hash: str, member_id: str, *, lasting: timedelta) -> None: ...

    async def take(self, code_hash: str) -> str | None:
        """The member, the first time; None when it was scanned, ran out, or never was."""


@dataclass(frozen=True, slots=True)
class PassFound:
    """A pass that was given out: for which claim, until when, and whether the scan that asks is the one that has it."""

    claim_id: str
    expires_at: datetime
    is_taken: bool  # by another scan


class PassStore(Protocol):
    """Which claim a pass shows, by its hash, for a minute and one redemption. Losing them costs one more tap."""

    async def keep(self, pass_hash: str, claim_id: str, *, expires_at: datetime, lasting: timedelta) -> None: ...

    async def look(self, pass_hash: str) -> PassFound | None:
        """What it shows, without taking it; None when it ran out or never was."""

    async def take(self, pass_hash: str, holder: str) -> PassFound | None:
        """The same, and from now on it is `holder`'s: of two who take it at once one has it, and may take it again."""

    async def give_back(self, pass_hash: str, holder: str) -> None:
        """Nothing was redeemed by it; it can be taken anew."""


class RateLimiter(Protocol):
    """Counts per member or address. Counted in the process: with N processes the limit is at most N-fold."""

    def hit(self, name: str, who: str) -> int:
        """0 when allowed, otherwise whole seconds until it is again."""


class Passwords(Protocol):
    """Operators' passwords: slow on purpose, and off the event loop."""

    async def hash(self, password: str) -> str:
        """Argon2id with its parameters, at most 255 characters."""

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether the password is the one; None (nobody has this login) costs the same time and is never."""

    def is_outdated(self, password_hash: str) -> bool:
        """Whether it was made with other parameters than today's."""


class SecondFactor(Protocol):
    """Time-based one-time passwords (RFC 6238): six digits, 30 seconds."""

    def new_secret(self) -> str:
        """A secret of 160 bits, base32."""

    def uri(self, secret: str, *, login: str) -> str:
        """`otpauth://totp/...`: what an authenticator scans."""

    def step(self, secret: str, code: str, now: datetime) -> int | None:
        """Which 30-second step this code is of: the present one, the one before or after; None when of none."""
