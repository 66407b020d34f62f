"""Official accounts and mini-programs as they are set up in the platform's console."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What an account is."""

    OFFICIAL_ACCOUNT = "oa"
    MINI_PROGRAM = "mp"


class Mode(StrEnum):
    """How pushes travel: 明文, 兼容, 安全."""

    PLAIN = "plain"
    COMPATIBLE = "compatible"
    SAFE = "safe"


class PushFormat(StrEnum):
    """Mini-programs choose; official accounts always get XML."""

    XML = "xml"
    JSON = "json"


@dataclass(frozen=True, kw_only=True)
class Account:
    """One account. `name` is the last word of its push address: `{backend}/wechat/{name}`.

    `group` is its open-platform group: people have one unionid per group, and none in an account without a group.
    `templates` maps a template id to the names of its fields; messages with other template ids are refused.
    """

    kind: Kind
    name: str
    app_id: str
    secret: str
    token: str
    original_id: str
    aes_key: str | None = None
    previous_aes_key: str | None = None
    mode: Mode = Mode.PLAIN
    push_format: PushFormat = PushFormat.XML
    group: str | None = "default"
    title: str = ""
    templates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.mode is not Mode.PLAIN and self.aes_key is None:
            raise ValueError(f"account {self.name}: mode {self.mode} needs an EncodingAESKey")
        if self.kind is Kind.OFFICIAL_ACCOUNT and self.push_format is PushFormat.JSON:
            raise ValueError(f"account {self.name}: official accounts are pushed XML only")

    @property
    def is_official_account(self) -> bool:
        """Whether people follow it and chat with it."""
        return self.kind is Kind.OFFICIAL_ACCOUNT
