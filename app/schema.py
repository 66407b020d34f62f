"""All settings: names, defaults, shapes.

Every setting's description is the sentence an operator reads when its value is refused, so it says what to fill in.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from app import shapes

PREFIX = "FANPIAO_"

AppId = Annotated[str, shapes.matching(shapes.APP_ID)]
AppSecret = Annotated[SecretStr, shapes.secret_matching(shapes.APP_SECRET, different=6)]
PushToken = Annotated[SecretStr, shapes.secret_matching(shapes.PUSH_TOKEN, different=3)]
AesKey = Annotated[SecretStr, AfterValidator(shapes.aes_key)]

_SAY_APP_ID = "请填公众平台“开发设置”里的 AppID（wx 开头，共 18 位）。"
_SAY_APP_SECRET = "请填公众平台“开发设置”里的 AppSecret（32 位）。"  # noqa: S105 - a sentence
_SAY_TOKEN = "请填 3 到 32 位字母或数字，和公众平台“服务器配置”里的一致，不要用容易猜到的词。"  # noqa: S105 - a sentence
_SAY_AES_KEY = "请填公众平台“服务器配置”里的 EncodingAESKey（43 位字母和数字）。"
_SAY_LIMIT = "请填每分钟次数，0 到 1000000 的整数，0 表示不限。"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Brand(_Section):
    """What consumers read; per account once operators add accounts."""

    name: str = Field("", max_length=64, description="请填品牌名称（最多 64 个字），顾客会看到它。")
    service_phone: str = Field("", pattern=r"^[0-9+ -]{0,32}$", description="请填客服电话，只用数字、空格、+ 和 -。")
    service_hours: str = Field("", max_length=64, description="请填客服时间（最多 64 个字），例如 9:00-21:00。")


class WeChat(_Section):
    """The first official account (`oa`) and the first mini-program (`mp`)."""

    api_url: Annotated[str, AfterValidator(shapes.api_url)] = Field(
        "https://api.weixin.qq.com", description="请填微信接口地址，以 https:// 开头（本机模拟平台可用 http://）。"
    )
    oa_app_id: AppId | None = Field(None, description=_SAY_APP_ID)
    oa_secret: AppSecret | None = Field(None, description=_SAY_APP_SECRET)
    oa_token: PushToken | None = Field(None, description=_SAY_TOKEN)
    oa_aes_key: AesKey | None = Field(None, description=_SAY_AES_KEY)
    oa_previous_aes_key: AesKey | None = Field(None, description="请填更换之前的 EncodingAESKey（43 位字母和数字）。")
    oa_original_id: Annotated[str, shapes.matching(shapes.ORIGINAL_ID)] | None = Field(
        None, description="请填公众平台“账号详情”里的原始 ID（gh_ 开头）。"
    )
    mp_app_id: AppId | None = Field(None, description=_SAY_APP_ID)
    mp_secret: AppSecret | None = Field(None, description=_SAY_APP_SECRET)
    mp_token: PushToken | None = Field(None, description=_SAY_TOKEN)
    mp_aes_key: AesKey | None = Field(None, description=_SAY_AES_KEY)


class Pay(_Section):
    """WeChat Pay v3. All of it, or none: then nothing can be sold for money."""

    api_url: Annotated[str, AfterValidator(shapes.api_url)] = Field(
        "https://api.mch.weixin.qq.com",
        description="请填微信支付接口地址，以 https:// 开头（本机模拟平台可用 http://）。",
    )
    mch_id: Annotated[str, shapes.matching(re.compile(r"[0-9]{8,32}"))] | None = Field(
        None, description="请填商户平台的商户号（数字）。"
    )
    serial_no: Annotated[str, shapes.matching(re.compile(r"[0-9A-Fa-f]{8,64}"))] | None = Field(
        None, description="请填商户 API 证书的序列号。"
    )
    private_key_file: str | None = Field(None, description="请填商户 API 私钥文件（apiclient_key.pem）的路径。")
    api_v3_key: Annotated[SecretStr, shapes.secret_matching(re.compile(r"[\x21-\x7e]{32}"), different=8)] | None = (
        Field(None, description="请填商户平台“API 安全”里设置的 APIv3 密钥（32 位）。")
    )
    public_key_file: str | None = Field(None, description="请填微信支付公钥文件（pub_key.pem）的路径。")
    public_key_id: Annotated[str, shapes.matching(re.compile(r"[0-9A-Za-z_]{8,64}"))] | None = Field(
        None, description="请填微信支付公钥 ID（PUB_KEY_ID_ 开头）。"
    )

    @property
    def is_set(self) -> bool:
        """Whether everything is there."""
        return not self.missing and bool(self.mch_id)

    @property
    def missing(self) -> list[str]:
        """What is not there although something is."""
        needed = [name for name in type(self).model_fields if name != "api_url"]
        absent = [name for name in needed if not getattr(self, name)]
        return [] if len(absent) == len(needed) else absent


class Carrier(_Section):
    """The telecom operator whose phone bill takes payments. All of it, or none: then nothing can be put on a bill."""

    api_url: Annotated[str, AfterValidator(shapes.api_url)] | None = Field(
        None, description="请填运营商接口地址，以 https:// 开头（本机模拟平台可用 http://）。"
    )
    code: Annotated[str, shapes.matching(re.compile(r"[a-z][a-z0-9_-]{1,31}"))] | None = Field(
        None, description="请填运营商给您的代码（小写字母、数字、- 和 _，2 到 32 位），账单和订单用它。"
    )
    secret: Annotated[SecretStr, shapes.secret_matching(re.compile(r"[\x21-\x7e]{16,128}"), different=8)] | None = (
        Field(None, description="请填和运营商约定的签名密钥（至少 16 位随机字符，不含空格）。")
    )

    @property
    def is_set(self) -> bool:
        """Whether everything is there."""
        return not self.missing and bool(self.code)

    @property
    def missing(self) -> list[str]:
        """What is not there although something is."""
        absent = [name for name in type(self).model_fields if not getattr(self, name)]
        return [] if len(absent) == len(type(self).model_fields) else absent


class Worker(_Section):
    """Where jobs are done."""

    embedded: bool | None = Field(None, description="请填 true 或 false：是否在服务进程里处理后台任务。")


class Metrics(_Section):
    """Who may read `/metrics`: this machine, and whoever shows the token."""

    token: Annotated[SecretStr, shapes.secret_matching(re.compile(r"[\x21-\x7e]{16,255}"), different=8)] | None = Field(
        None, description="请填至少 16 位的随机字符，不含空格。"
    )


class Operator(_Section):
    """The operators' door."""

    bootstrap_token: (
        Annotated[SecretStr, shapes.secret_matching(re.compile(r"[\x21-\x7e]{16,255}"), different=8)] | None
    ) = Field(None, description="请填至少 16 位的随机字符，不含空格；创建第一位操作员后即可删除。")


class Rate(_Section):
    """Per minute and process. An address may be a whole mobile network, so its limits are wide."""

    member_per_minute: int = Field(120, ge=0, le=1_000_000, description=_SAY_LIMIT)
    address_per_minute: int = Field(1_200, ge=0, le=1_000_000, description=_SAY_LIMIT)
    login_per_minute: int = Field(300, ge=0, le=1_000_000, description=_SAY_LIMIT)  # logins per address
    chat_per_minute: int = Field(60, ge=0, le=1_000_000, description=_SAY_LIMIT)  # messages and taps per person


class IdentityMeasure(_Section):
    """How much one person is, before people have to decide; and when a phone number no longer means its holder."""

    merges_per_day: int = Field(3, ge=1, le=100, description="请填 1 到 100 之间的整数。")
    identifiers_per_member: int = Field(20, ge=5, le=1_000, description="请填 5 到 1000 之间的整数。")
    phone_dormant_days: int = Field(180, ge=90, le=3_650, description="请填 90 到 3650 之间的天数。")


class Grant(_Section):
    """What one operator may give alone."""

    alone_fen: int = Field(5_000, ge=0, le=10_000_000, description="请填整数，单位分：补发不超过这个结算价时一人即可。")


class Draw(_Section):
    """What the law asks of lucky draws depends on it."""

    points_are_worth_money: bool = Field(default=False, description="请填 true 或 false：积分是否可以购买或兑现。")


class Simulator(_Section):
    """The pretend WeChat platform of the demo."""

    port: int = Field(8090, ge=1, le=65535, description="请填 1 到 65535 之间的端口号。")
    pay_key_file: str | None = Field(None, description="请填模拟微信支付所用私钥文件的路径；只用于演示。")


class Settings(BaseSettings):
    """All settings. Made by `app.settings.load_settings`; made directly, it reads no environment."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    host: Annotated[str, shapes.matching(shapes.HOST)] = Field(
        "127.0.0.1", description="请填要监听的地址，例如 127.0.0.1。"
    )
    port: int = Field(8080, ge=1, le=65535, description="请填 1 到 65535 之间的端口号。")
    database_url: Annotated[str, AfterValidator(shapes.database_url)] = Field(
        "sqlite://var/fanpiao.db",
        repr=False,
        description="请填 sqlite://路径，或 postgres://用户:密码@主机:5432/库名。",
    )
    database_pool: int = Field(10, ge=1, le=500, description="请填 1 到 500 之间的数据库连接数。")
    redis_url: Annotated[str, AfterValidator(shapes.redis_url)] = Field(
        "memory://", repr=False, description="请填 memory://、redis://主机:6379/0 或 rediss://主机:6379/0。"
    )
    field_keys: Annotated[SecretStr, AfterValidator(shapes.field_keys)] | None = Field(
        None, description='请填 JSON：{"键名": "32 字节随机数的 base64"}，第一个为当前键，不能用示例或有规律的值。'
    )
    index_key: Annotated[SecretStr, AfterValidator(shapes.index_key)] | None = Field(
        None, description="请填 32 字节随机数的 base64，不能用示例或有规律的值，设定后不再更换。"
    )
    public_url: Annotated[str, AfterValidator(shapes.web_url)] = Field(
        "", description="请填顾客能打开的网址，例如 https://m.example.com，不带参数。"
    )
    trusted_proxies: Annotated[tuple[shapes.Network, ...], NoDecode, BeforeValidator(shapes.networks)] = Field(
        (), description="请填反向代理的 IP 或网段，多个用英文逗号分开。"
    )
    brand: Brand = Brand()
    wechat: WeChat = WeChat()
    pay: Pay = Pay()
    carrier: Carrier = Carrier()
    worker: Worker = Worker()
    metrics: Metrics = Metrics()
    operator: Operator = Operator()
    rate: Rate = Rate()
    identity: IdentityMeasure = IdentityMeasure()
    draw: Draw = Draw()
    grant: Grant = Grant()
    simulator: Simulator = Simulator()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Values as given only: the loader reads the environment, because it must name every mistake, not the first."""
        return (init_settings,)

    def model_post_init(self, _context: object) -> None:
        """Derive the public address from host and port where it is not set."""
        if not self.public_url:
            host = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104 - compared, not bound
            shown = f"[{host}]" if ":" in host else host
            object.__setattr__(self, "public_url", f"http://{shown}:{self.port}")

    @property
    def dialect(self) -> Literal["sqlite", "postgres"]:
        """Which database it is."""
        return "sqlite" if self.database_url.startswith("sqlite") else "postgres"

    @property
    def is_embedded(self) -> bool:
        """SQLite and the in-process Redis: nothing else has to be installed, and keys are made at first start."""
        return self.dialect == "sqlite" and self.redis_url == "memory://"

    @property
    def is_worker_embedded(self) -> bool:
        """Whether the server does jobs itself: on SQLite yes, unless said otherwise."""
        return self.dialect == "sqlite" if self.worker.embedded is None else self.worker.embedded

    def field_key_bytes(self) -> dict[str, bytes]:
        """`{key id: 32 bytes}`, the first is current. Raises LookupError when the settings hold none."""
        if self.field_keys is None:
            raise LookupError("no field keys")
        return shapes.decoded_field_keys(self.field_keys.get_secret_value())

    def index_key_bytes(self) -> bytes:
        """32 bytes. Raises LookupError when the settings hold none."""
        if self.index_key is None:
            raise LookupError("no index key")
        return shapes.decoded_key(self.index_key.get_secret_value(), "index key")


def setting_sentences() -> Mapping[str, str]:
    """Every setting by its name in the environment, with the sentence that says what to fill in."""
    sentences: dict[str, str] = {}
    for name, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, _Section):
            for inner, inner_field in field.annotation.model_fields.items():
                sentences[f"{PREFIX}{name}__{inner}".upper()] = inner_field.description or ""
        else:
            sentences[f"{PREFIX}{name}".upper()] = field.description or ""
    return sentences
