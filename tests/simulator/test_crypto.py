import json

import pytest

from simulator.crypto import (
    CipherError,
    decrypt_data,
    decrypt_message,
    encrypt_data,
    encrypt_message,
    js_signature,
    signature,
)

AES_KEY = "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR"
APP_ID = "wx49f0ab532d5d035a"
MESSAGE = "<xml><Content>你好</Content></xml>".encode()
ENCRYPTED = (
    "9s4gMv99m88kKTh/H8IdkNYz81q2a9TZ7FWkNWrZQa9WGBLdTHAjTq/iOsCfaKUt1bSVRO8nmFdMQaZDvdLXQBuJs4bZs8d0HJ7xua3WuTm"
    "NV7LD1UWIMU2XcZ8k+SRN"
)
SESSION_KEY, IV = "tiihtNczf5v6AKRyjwEUhQ==", "r7BXXKkLb8qrSNn05n0qiA=="
DATA = (
    "CiyLU1Aw2KjvrjMdj8YKliAjtP4gsMZMQmRzooG2xrDcvSnxIMXFufNstNGTyaGS9uT5geRa0W4oTOb1WT7fJlAC+oNPdbB+3hVbJSRgv+4l"
    "GOETKUQz6OYStslQ142dNCuabNPGBzlooOmB231qMM85d2/fV6ChevvXvQP8Hkue1poOFtnEtpyxVLW1zAo6/1Xx1COxFvrc2d7UL/lmHInN"
    "lxuacJXwu0fjpXfz/YqYzBIBzD6WUfTIF9GRHpOn/Hz7saL8xz+W//FRAUid1OksQaQx4CMs8LOddcQhULW4ucetDf96JcR3g0gfRK4PC7E/"
    "r7Z6xNrXd2UIeorGj5Ef7b1pJAYB6Y5anaHqZ9J6nKEBvB4DnNLIVWSgARns/8wR2SiRS7MNACwTyrGvt9ts8p12PKFdlqYTopNHR1Vf7Xjf"
    "hQlVsAJdNiKdYmYVoKlaRv85IfVunYzO0IKXsyl7JCUjCpoG20f0a04COwfneQAGGwd5oa+T8yO5hzuyDb/XcxxmK01EpqOyuxINew=="
)


def test_signatures_are_those_of_the_platforms_documents():
    assert signature("AAAAA", "1714036504", "1514711492") == "f464b24fc39322e44b38aa78f5edd27bd1441696"
    assert signature("AAAAA", "1714037059", "486452656") == "899cf89e464efb63f54ddac96b0a0a235f53aa78"
    assert signature("AAAAA", "1714036504", "1514711492", ENCRYPTED) == "0bd2e7eabcadacc18961a657ff34b3413d1745c1"


def test_a_message_encrypts_to_the_known_text_and_back():
    assert encrypt_message(AES_KEY, APP_ID, MESSAGE, b"1234567890123456") == ENCRYPTED
    assert decrypt_message(AES_KEY, APP_ID, ENCRYPTED) == MESSAGE


def test_a_page_signature_is_that_of_the_platforms_documents():
    ticket = "sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFy1AOcHKP7qg"
    signed = js_signature(ticket, "Wm3WZYTPz0wzccnW", 1414587457, "http://mp.weixin.qq.com?params=value")
    assert signed == "0f9de62fce790f9a083d5c99e95740ceb90c27ed"


def test_encrypted_data_of_the_documents_opens_and_closes_again():
    opened = decrypt_data(SESSION_KEY, IV, DATA)
    facts = json.loads(opened)
    assert facts["openId"] == "oGZUI0egBJY1zhBYw2KhdUfwVJJE"
    assert facts["watermark"] == {"timestamp": 1477314187, "appid": "wx4f4bc4dec97d474b"}
    assert encrypt_data(SESSION_KEY, IV, opened) == DATA


@pytest.mark.parametrize("size", range(70))
def test_messages_of_any_length_survive(size):
    assert decrypt_message(AES_KEY, APP_ID, encrypt_message(AES_KEY, APP_ID, b"x" * size)) == b"x" * size


@pytest.mark.parametrize("damaged", ["", "AAAA", "not base64!", ENCRYPTED[:-24], "A" * 128])
def test_damaged_text_is_refused(damaged):
    with pytest.raises(CipherError):
        decrypt_message(AES_KEY, APP_ID, damaged)


def test_a_message_for_another_app_is_refused():
    with pytest.raises(CipherError):
        decrypt_message(AES_KEY, "wx0000000000000000", ENCRYPTED)
