"""WeChat Pay from the settings: its keys read from their files, and the client, or what stands in for it."""

from pathlib import Path

import aiohttp

from app.schema import Pay, Settings
from gateways.wechat_pay import NoPayments, WeChatPayApi
from gateways.wechat_pay_seals import KeyUnusable, PayKeys
from handlers.ports import Clock, Payments

_OF_KEY = {"private": "private_key_file", "public": "public_key_file", "api_v3": "api_v3_key"}


class PayKeysRefused(Exception):
    """A key cannot be used; `setting` is the field of the section that names it."""

    def __init__(self, setting: str) -> None:
        super().__init__(setting)
        self.setting = setting


def pay_keys(pay: Pay) -> PayKeys | None:
    """None where WeChat Pay is not set up. Raises PayKeysRefused."""
    if not pay.is_set or pay.api_v3_key is None:
        return None
    private_key, public_key = (_content(pay, name) for name in ("private_key_file", "public_key_file"))
    try:
        return PayKeys.read(
            mch_id=pay.mch_id or "",
            serial_no=pay.serial_no or "",
            private_key=private_key,
            public_key_id=pay.public_key_id or "",
            public_key=public_key,
            api_v3_key=pay.api_v3_key.get_secret_value(),
        )
    except KeyUnusable as unusable:
        raise PayKeysRefused(_OF_KEY[str(unusable)]) from None


def payments_of(settings: Settings, session: aiohttp.ClientSession, clock: Clock) -> Payments:
    """The client of WeChat Pay, or nothing that takes money. Raises PayKeysRefused."""
    keys = pay_keys(settings.pay)
    if keys is None:
        return NoPayments()
    return WeChatPayApi(settings.pay.api_url, keys, session, clock, notify_url=f"{settings.public_url}/pay/notify")


def _content(pay: Pay, name: str) -> bytes:
    try:
        return Path(getattr(pay, name)).read_bytes()
    except OSError:
        raise PayKeysRefused(name) from None
