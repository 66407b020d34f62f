"""A merchant of WeChat Pay for tests: its keys and the platform's, made once per run, and how both sides read them."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from app.schema import Pay
from gateways.wechat_pay_seals import PayKeys
from simulator import Merchant

MCH_ID, SERIAL_NO, PUBLIC_KEY_ID = (
    "1900009191",
    "5157F09EFDC096DE15EBE81A47057A7200000001",
    "PUB_KEY_ID_0119000091912026",
)
API_V3_KEY = "Th1rty-Two-Ascii-Bytes-0f-a-Town"
assert len(API_V3_KEY) == 32
_SHARED = ("merchant", "platform")


_keys: dict[str, rsa.RSAPrivateKey] = {}


def a_key(name: str) -> rsa.RSAPrivateKey:
    """The merchant's, the platform's, a stranger's."""
    if name not in _keys:
        _keys[name] = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    return _keys[name]


def keep_keys(folder: Path) -> None:
    """Write merchant's and platform's down for `take_keys` of another process."""
    for name in _SHARED:
        (folder / f"{name}-shared.pem").write_bytes(private_pem(name))


def take_keys(folder: Path) -> None:
    """Use those that another process kept there."""
    for name in _SHARED:
        kept = load_pem_private_key((folder / f"{name}-shared.pem").read_bytes(), None)
        assert isinstance(kept, rsa.RSAPrivateKey)
        _keys[name] = kept


def private_pem(name: str, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    return a_key(name).private_bytes(Encoding.PEM, form, NoEncryption())


def public_pem(name: str) -> bytes:
    return a_key(name).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def merchant() -> Merchant:
    """As the platform knows it."""
    return Merchant(
        mch_id=MCH_ID,
        serial_no=SERIAL_NO,
        public_key=a_key("merchant").public_key(),
        api_v3_key=API_V3_KEY,
        public_key_id=PUBLIC_KEY_ID,
        platform_key=a_key("platform"),
    )


def pay_keys() -> PayKeys:
    """As we know it."""
    theirs = {PUBLIC_KEY_ID: a_key("platform").public_key()}
    return PayKeys(MCH_ID, SERIAL_NO, a_key("merchant"), theirs, API_V3_KEY.encode())


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="fanpiao-pay-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "merchant.pem").write_bytes(private_pem("merchant"))
    (folder / "platform.pem").write_bytes(public_pem("platform"))
    return folder


def pay_settings(api_url: str) -> Pay:
    """As an operator would write them."""
    return Pay(
        api_url=api_url,
        mch_id=MCH_ID,
        serial_no=SERIAL_NO,
        private_key_file=str(_folder() / "merchant.pem"),
        api_v3_key=API_V3_KEY,
        public_key_file=str(_folder() / "platform.pem"),
        public_key_id=PUBLIC_KEY_ID,
    )


def pay_environment(api_url: str) -> dict[str, str]:
    """The same as variables of a process, without their prefix."""
    told = pay_settings(api_url).model_dump(exclude={"api_v3_key"})
    return {f"PAY__{name.upper()}": str(value) for name, value in told.items()} | {"PAY__API_V3_KEY": API_V3_KEY}
