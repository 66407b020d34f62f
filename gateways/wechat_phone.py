"""Phone numbers that WeChat proves: the answer of its API, and the older encrypted data of the mini-program."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from wechatpy.crypto import WeChatWxaCrypto
from wechatpy.exceptions import InvalidAppIdException

from handlers.ports import PhoneNumber, WeChatApp, WeChatUserRefused

ENDPOINT = "encryptedData"
# The codes of WeChat's own sample programs for data that does not decrypt, and for another mini-program's data.
ILLEGAL_BUFFER = -41003
OTHER_APP = 40013
OLDEST = timedelta(minutes=10)
CLOCKS_DIFFER = timedelta(minutes=5)
_DIGITS = re.compile(r"[0-9]{4,20}")
_CALLING_CODE = re.compile(r"[0-9]{1,4}")


def decrypt_phone(app: WeChatApp, session_key: str, data: str, iv: str, *, now: datetime) -> PhoneNumber:
    """The number in `encryptedData` (AES-128-CBC under the session key; all base64).

    Raises WeChatUserRefused for whatever does not decrypt, is of another mini-program, or older than 10 minutes.
    """
    facts = decrypt_open_data(app, session_key, data, iv)
    made_at = _watermark_time(facts)
    if made_at is None or not -CLOCKS_DIFFER <= now - made_at <= OLDEST:
        raise WeChatUserRefused(ILLEGAL_BUFFER, "too old", endpoint=ENDPOINT)
    return phone_of(app, facts, ENDPOINT)


def decrypt_open_data(app: WeChatApp, session_key: str, data: str, iv: str) -> dict[str, Any]:
    """The facts in any `encryptedData` of this mini-program, of whatever age. Raises WeChatUserRefused."""
    try:
        facts = WeChatWxaCrypto(session_key, iv, app.app_id).decrypt_message(data)
    except InvalidAppIdException:
        raise WeChatUserRefused(OTHER_APP, "of another mini-program", endpoint=ENDPOINT) from None
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError):
        # A wrong key comes as JSONDecodeError, bad base64 as IndexError, a bad iv as ValueError.
        raise WeChatUserRefused(ILLEGAL_BUFFER, "does not decrypt", endpoint=ENDPOINT) from None
    return dict(facts)


def phone_of(app: WeChatApp, facts: Mapping[str, Any], endpoint: str) -> PhoneNumber:
    """Number and calling code from WeChat's facts; the watermark must name this mini-program.

    Raises WeChatUserRefused.
    """
    watermark = facts.get("watermark")
    if not isinstance(watermark, Mapping) or watermark.get("appid") != app.app_id:
        raise WeChatUserRefused(OTHER_APP, "of another mini-program", endpoint=endpoint)
    # WeChat writes the calling code as a number or as a string.
    number, country_code = str(facts.get("purePhoneNumber") or ""), str(facts.get("countryCode") or "")
    if not _DIGITS.fullmatch(number) or not _CALLING_CODE.fullmatch(country_code):
        raise WeChatUserRefused(ILLEGAL_BUFFER, "no phone number", endpoint=endpoint)
    return PhoneNumber(number, country_code)


def _watermark_time(facts: Mapping[str, Any]) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(facts["watermark"]["timestamp"]), UTC)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return None
