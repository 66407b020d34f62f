"""The closed lists of words that rows may hold. Importable by everyone; never renamed, because migrations name them."""

from enum import StrEnum


class AccountKind(StrEnum):
    """What kind of WeChat account a row is."""

    OFFICIAL_ACCOUNT = "official_account"
    MINI_PROGRAM = "mini_program"


class AccountMode(StrEnum):
    """How the platform pushes messages to this account: 明文, 兼容, 安全."""

    PLAIN = "plain"
    COMPATIBLE = "compatible"
    SAFE = "safe"


class MemberStatus(StrEnum):
    """Where a known person stands. Only `active` rows act; `merged` ones point to their canonical member."""

    ACTIVE = "active"
    MERGED = "merged"
    FROZEN = "frozen"
    ERASED = "erased"


class Namespace(StrEnum):
    """What kind of identifier a value is; the rules of each stand in `handlers/rules/namespaces.py`."""

    WX_UNIONID = "wx_unionid"
    WX_OPENID = "wx_openid"
    PHONE = "phone"


class IdentifierStatus(StrEnum):
    """Active identifiers identify; revoked ones are history."""

    ACTIVE = "active"
    REVOKED = "revoked"


class IdentityAct(StrEnum):
    """What happened to the identity of a person."""

    CREATE = "create"
    BIND = "bind"
    MERGE = "merge"
    CONFLICT = "conflict"
    BLOCK = "block"


class ConsentPurpose(StrEnum):
    """What a person agrees to. `membership` is needed to join, all others are free."""

    MEMBERSHIP = "membership"
    MARKETING = "marketing"
    PHONE = "phone"
    SHARING = "sharing"
    PROFILES = "profiles"


class Touchpoint(StrEnum):
    """Through which door something was said or done."""

    CHAT = "chat"
    MINI_PROGRAM = "mini_program"


class JobState(StrEnum):
    """Life of a job: ready -> running -> done, or dead after its last try."""

    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"
