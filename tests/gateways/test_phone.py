import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from gateways.wechat_phone import decrypt_open_data, decrypt_phone
from handlers.ports import PhoneNumber, WeChatApp, WeChatUserRefused

APP = WeChatApp("wx4f4bc4dec97d474b", "secret")
KEY = "tiihtNczf5v6AKRyjwEUhQ=="
IV = "r7BXXKkLb8qrSNn05n0qiA=="
# The sample of WeChat's own documentation.
SAMPLE = (
    "CiyLU1Aw2KjvrjMdj8YKliAjtP4gsMZMQmRzooG2xrDcvSnxIMXFufNstNGTyaGS9uT5geRa0W4oTOb1WT7fJlAC+oNPdbB+3hVb"
    "JSRgv+4lGOETKUQz6OYStslQ142dNCuabNPGBzlooOmB231qMM85d2/fV6ChevvXvQP8Hkue1poOFtnEtpyxVLW1zAo6/1Xx1COx"
    "Fvrc2d7UL/lmHInNlxuacJXwu0fjpXfz/YqYzBIBzD6WUfTIF9GRHpOn/Hz7saL8xz+W//FRAUid1OksQaQx4CMs8LOddcQhULW4"
    "ucetDf96JcR3g0gfRK4PC7E/r7Z6xNrXd2UIeorGj5Ef7b1pJAYB6Y5anaHqZ9J6nKEBvB4DnNLIVWSgARns/8wR2SiRS7MNACwT"
    "yrGvt9ts8p12PKFdlqYTopNHR1Vf7XjfhQlVsAJdNiKdYmYVoKlaRv85IfVunYzO0IKXsyl7JCUjCpoG20f0a04COwfneQAGGwd5"
    "oa+T8yO5hzuyDb/XcxxmK01EpqOyuxINew=="
)
NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)


def sealed(facts: Any, *, key: str = KEY, iv: str = IV) -> str:
    plain = facts if isinstance(facts, bytes) else json.dumps(facts, ensure_ascii=False).encode()
    padding = 16 - len(plain) % 16
    encryptor = Cipher(AES(base64.b64decode(key)), CBC(base64.b64decode(iv))).encryptor()
    return base64.b64encode(encryptor.update(plain + bytes([padding]) * padding) + encryptor.finalize()).decode()


def phone(*, age: timedelta = timedelta(0), app_id: str = APP.app_id, **changed: Any) -> dict[str, Any]:
    watermark = {"timestamp": int((NOW - age).timestamp()), "appid": app_id}
    facts = {"phoneNumber": "+8613800138000", "purePhoneNumber": "13800138000", "countryCode": "86"}
    return {**facts, "watermark": watermark, **changed}


def test_wechats_own_sample_decrypts():
    facts = decrypt_open_data(APP, KEY, SAMPLE, IV)
    assert facts["openId"] == "oGZUI0egBJY1zhBYw2KhdUfwVJJE"
    assert facts["watermark"] == {"timestamp": 1477314187, "appid": APP.app_id}


def test_a_number_decrypts():
    assert decrypt_phone(APP, KEY, sealed(phone()), IV, now=NOW) == PhoneNumber("13800138000", "86")
    assert decrypt_phone(APP, KEY, sealed(phone(countryCode=852)), IV, now=NOW).country_code == "852"


@pytest.mark.parametrize(("age", "is_taken"), [(600, True), (601, False), (-300, True), (-301, False)])
def test_data_older_than_ten_minutes_is_refused(age, is_taken):
    data = sealed(phone(age=timedelta(seconds=age)))
    if is_taken:
        assert decrypt_phone(APP, KEY, data, IV, now=NOW)
    else:
        with pytest.raises(WeChatUserRefused):
            decrypt_phone(APP, KEY, data, IV, now=NOW)


@pytest.mark.parametrize(
    ("key", "data", "iv"),
    [
        pytest.param("AAAAAAAAAAAAAAAAAAAAAA==", sealed(phone()), IV, id="another key: not JSON"),
        pytest.param(KEY, "????", IV, id="not base64: nothing to decrypt"),
        pytest.param(KEY, "", IV, id="empty"),
        pytest.param(KEY, "密文", IV, id="not ASCII"),
        pytest.param(KEY, sealed(phone())[:-8], IV, id="cut off"),
        pytest.param(KEY, sealed(phone()), "AAAA", id="iv too short"),
        pytest.param(KEY, sealed(phone()), "!", id="iv not base64"),
        pytest.param("AAAA", sealed(phone()), IV, id="key too short"),
        pytest.param("", sealed(phone()), IV, id="no key"),
        pytest.param(KEY, sealed(b"\xff\xfe"), IV, id="not UTF-8"),
        pytest.param(KEY, sealed([1]), IV, id="a list"),
        pytest.param(KEY, sealed("text"), IV, id="a text"),
        pytest.param(KEY, sealed({}), IV, id="no watermark"),
        pytest.param(KEY, sealed(phone(watermark=None)), IV, id="empty watermark"),
        pytest.param(KEY, sealed(phone(watermark=[])), IV, id="odd watermark"),
        pytest.param(KEY, sealed(phone(watermark={"appid": APP.app_id})), IV, id="no time"),
        pytest.param(KEY, sealed(phone(watermark={"appid": APP.app_id, "timestamp": 10**30})), IV, id="absurd time"),
        pytest.param(KEY, sealed(phone(app_id="wx0")), IV, id="another mini-program"),
        pytest.param(KEY, sealed(phone(purePhoneNumber=None)), IV, id="no number"),
        pytest.param(KEY, sealed(phone(purePhoneNumber="1380013800a")), IV, id="not a number"),
        pytest.param(KEY, sealed(phone(purePhoneNumber="１３８００１３８０００")), IV, id="full-width digits"),
        pytest.param(KEY, sealed(phone(countryCode="")), IV, id="no country"),
        pytest.param(KEY, sealed(b"[" * 100_000), IV, id="deep"),
    ],
)
def test_whatever_does_not_decrypt_to_a_number_of_ours_is_refused(key, data, iv):
    with pytest.raises(WeChatUserRefused) as caught:
        decrypt_phone(APP, key, data, iv, now=NOW)
    assert caught.value.__cause__ is None
