"""The WeChat accounts that the settings name, as drafts of rows."""

from collections.abc import Iterator

from pydantic import SecretStr

from app.settings import Settings
from handlers.accounts.accounts import AccountDraft
from models.words import AccountKind


def first_accounts(settings: Settings) -> Iterator[AccountDraft]:
    """The official account `oa` and the mini-program `mp`, as far as the settings name them."""
    wechat, brand = settings.wechat, settings.brand
    if wechat.oa_app_id:
        yield AccountDraft(
            key="oa",
            kind=AccountKind.OFFICIAL_ACCOUNT,
            app_id=wechat.oa_app_id,
            secret=plain(wechat.oa_secret),
            token=plain(wechat.oa_token),
            aes_key=plain(wechat.oa_aes_key),
            previous_aes_key=plain(wechat.oa_previous_aes_key),
            original_id=wechat.oa_original_id or "",
            brand_name=brand.name,
            service_phone=brand.service_phone,
            service_hours=brand.service_hours,
        )
    if wechat.mp_app_id:
        yield AccountDraft(
            key="mp",
            kind=AccountKind.MINI_PROGRAM,
            app_id=wechat.mp_app_id,
            secret=plain(wechat.mp_secret),
            token=plain(wechat.mp_token),
            aes_key=plain(wechat.mp_aes_key),
            brand_name=brand.name,
            service_phone=brand.service_phone,
            service_hours=brand.service_hours,
        )


def plain(secret: SecretStr | None) -> str:
    """The secret itself; empty where there is none."""
    return secret.get_secret_value() if secret else ""
