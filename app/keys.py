"""The keys of the embedded default: made at the first start, kept in `keys.json` beside the database, mode 0600."""

import base64
import contextlib
import json
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from app import shapes
from gateways.vault import generate_key


class KeysRefused(Exception):
    """The key file cannot be used; the text is a sentence for operators."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Both keys as the settings carry them: JSON of base64, and base64."""

    field_keys: str
    index_key: str

    def __repr__(self) -> str:
        return "Keys(…)"


def kept_keys(database: Path) -> Keys:
    """The keys beside this database, made when there are none yet. Raises KeysRefused.

    A database without its keys is refused: new keys would make everything encrypted in it unreadable, silently.
    """
    path = database.parent / "keys.json"
    try:
        if not path.exists():
            if database.exists() and database.stat().st_size:
                raise KeysRefused(
                    f"数据库 {database} 已存在，但旁边的 keys.json 不见了。"
                    "请从备份恢复 keys.json；没有它，已加密的资料读不出来。"
                )
            _make(path)
        return _read(path)
    except OSError as problem:
        raise KeysRefused(f"密钥文件 {path} 读写失败（{problem.strerror}）。请检查目录权限。") from None


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    keys = {
        "field_keys": {"k1": base64.b64encode(generate_key()).decode()},
        "index_key": base64.b64encode(generate_key()).decode(),
    }
    fresh = path.with_name(f".keys-{os.getpid()}-{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump(keys, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        # A link never replaces: of two processes that start at once, both end up with the first one's keys.
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    finally:
        fresh.unlink()


def _read(path: Path) -> Keys:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise KeysRefused(f"密钥文件 {path} 别人也能读。请执行 chmod 600 {path}。")
    try:
        stored = json.loads(path.read_text())
        keys = Keys(json.dumps(stored["field_keys"]), str(stored["index_key"]))
        shapes.decoded_field_keys(keys.field_keys)
        shapes.decoded_key(keys.index_key, "index key")
    except (ValueError, KeyError, TypeError):
        raise KeysRefused(f"密钥文件 {path} 已损坏。请从备份恢复，不要删除重建。") from None
    return keys
