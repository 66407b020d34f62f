"""Reads the settings from the environment and `.env`; whatever is missing or wrong is told in one message."""

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource, SettingsError

from app.keys import KeysRefused, kept_keys
from app.paying import PayKeysRefused, pay_keys
from app.schema import PREFIX, Settings, setting_sentences

__all__ = ["Settings", "SettingsRefused", "load_settings"]

_TESTS = "FANPIAO_TEST_"  # the test-suite's own variables


class SettingsRefused(Exception):
    """The settings cannot be used. `problems` maps a setting's name to what to do about it; the text names them all."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        lines = (f"  {name}：{sentence}" for name, sentence in problems.items())
        super().__init__("\n".join(("设置有误，没有启动。请改正以下各项（环境变量或 .env 文件）：", *lines)))
        self.problems = dict(problems)


def load_settings(env_file: Path | None = None) -> Settings:
    """Settings from the environment, then from `env_file` (`.env` in the working directory), then the defaults.

    In the embedded default the keys are read from `keys.json` beside the database, and made there at the first start.
    Raises SettingsRefused, which names every setting that is wrong, missing or unknown, and never shows a value.
    """
    values, names = _read(env_file or Path(".env"))
    problems = dict(_unknown(names))
    settings, wrong = _validated(values)
    problems |= wrong
    problems |= {name: sentence for name, sentence in _conflicts(settings) if name not in problems}
    if settings.field_keys is None and settings.index_key is None and not problems and settings.is_embedded:
        try:
            keys = kept_keys(Path(settings.database_url.removeprefix("sqlite://")))
        except KeysRefused as refusal:
            raise SettingsRefused({f"{PREFIX}FIELD_KEYS": str(refusal)}) from None
        made = {"field_keys": SecretStr(keys.field_keys), "index_key": SecretStr(keys.index_key)}
        return settings.model_copy(update=made)
    if problems:
        raise SettingsRefused(problems)
    return settings


def _read(env_file: Path) -> tuple[dict[str, Any], set[str]]:
    """Values by field, and the names of all variables that carry our prefix."""
    sources = (
        DotEnvSettingsSource(Settings, env_file=env_file, env_file_encoding="utf-8"),
        EnvSettingsSource(Settings),
    )
    values: dict[str, Any] = {}
    names: set[str] = set()
    for source in sources:
        names |= {name.upper() for name, value in source.env_vars.items() if value and name.upper().startswith(PREFIX)}
        try:
            _merge(values, source())
        except SettingsError:
            # A whole section in one variable that is not JSON: its name is unknown to us, and is told as such.
            continue
    return values, names


def _merge(into: dict[str, Any], further: Mapping[str, Any]) -> None:
    for name, value in further.items():
        before = into.get(name)
        if isinstance(before, dict) and isinstance(value, Mapping):
            into[name] = before | dict(value)
        else:
            into[name] = value


def _unknown(names: set[str]) -> Iterator[tuple[str, str]]:
    known = setting_sentences()
    for name in sorted(names - set(known)):
        if name.startswith(_TESTS):
            continue
        similar = difflib.get_close_matches(name, known, n=1)
        yield name, f"没有这项设置，是不是 {similar[0]}？" if similar else "没有这项设置，请删除。"


def _validated(values: dict[str, Any]) -> tuple[Settings, dict[str, str]]:
    """The settings without those that are wrong, and these with their sentences."""
    try:
        return Settings.model_validate(values), {}
    except ValidationError as error:
        wrong = {tuple(str(part) for part in detail["loc"][:2]) for detail in error.errors(include_input=False)}
    sentences = setting_sentences()
    problems: dict[str, str] = {}
    remaining = {name: dict(value) if isinstance(value, dict) else value for name, value in values.items()}
    for section, *rest in sorted(wrong):
        name = f"{PREFIX}{'__'.join((section, *rest))}".upper()
        inner = remaining.get(section)
        if name in sentences and rest and isinstance(inner, dict):
            problems[name] = sentences[name]
            inner.pop(rest[0], None)
        else:
            name = f"{PREFIX}{section}".upper()
            problems[name] = sentences.get(name) or f"请按单项填写，例如 {_example(name, sentences)}。"
            remaining.pop(section, None)
    return Settings.model_validate(remaining), problems


def _example(section: str, sentences: Mapping[str, str]) -> str:
    return next(name for name in sentences if name.startswith(f"{section}__"))


def _conflicts(settings: Settings) -> Iterator[tuple[str, str]]:
    """What is missing, given the rest; and what cannot stand beside the rest."""
    sentences = setting_sentences()
    if not settings.is_embedded or (settings.field_keys is None) != (settings.index_key is None):
        for name in ("FIELD_KEYS", "INDEX_KEY"):
            if getattr(settings, name.lower()) is None:
                yield f"{PREFIX}{name}", "没有设置。" + sentences[f"{PREFIX}{name}"]
    if (
        settings.field_keys is not None
        and settings.index_key is not None
        and settings.index_key_bytes() in settings.field_key_bytes().values()
    ):
        yield f"{PREFIX}INDEX_KEY", "不能和 FANPIAO_FIELD_KEYS 里的密钥相同，请另外生成。"
    if settings.dialect == "sqlite" and settings.worker.embedded is False:
        yield (
            f"{PREFIX}WORKER__EMBEDDED",
            "SQLite 同时只能有一个进程写，后台任务只能在服务进程里做。请删除这项，或改用 PostgreSQL。",
        )
    wechat = settings.wechat
    for account, needed in (("oa", ("app_id", "secret", "token")), ("mp", ("app_id", "secret"))):
        given = {name for name in type(wechat).model_fields if name.startswith(account) and getattr(wechat, name)}
        if not given:
            continue
        missing = [f"{account}_{name}" for name in needed if f"{account}_{name}" not in given]
        if f"{account}_aes_key" in given and f"{account}_token" not in given:
            missing.append(f"{account}_token")
        if "oa_previous_aes_key" in given and "oa_aes_key" not in given and account == "oa":
            missing.append("oa_aes_key")
        for name in dict.fromkeys(missing):
            full = f"{PREFIX}WECHAT__{name}".upper()
            yield full, "没有设置。" + sentences[full]
        if not settings.brand.name:
            yield f"{PREFIX}BRAND__NAME", "没有设置。" + sentences[f"{PREFIX}BRAND__NAME"]
    for section, absent in (("PAY", settings.pay.missing), ("CARRIER", settings.carrier.missing)):
        for name in absent:
            full = f"{PREFIX}{section}__{name}".upper()
            yield full, "没有设置。" + sentences[full]
    if settings.pay.is_set:
        try:
            pay_keys(settings.pay)
        except PayKeysRefused as refused:
            full = f"{PREFIX}PAY__{refused.setting}".upper()
            yield full, "打不开。" + sentences[full]
    if wechat.oa_app_id is not None and wechat.oa_app_id == wechat.mp_app_id:
        yield f"{PREFIX}WECHAT__MP_APP_ID", "和公众号的 AppID 相同，请填小程序自己的 AppID。"
