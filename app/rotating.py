"""`fanpiao rotate-keys`: everything under the current key, while the house serves."""

import argparse
import sys

from app.schema import Settings
from gateways.vault import FieldVault
from handlers.key_rotation import Rotated, rotate_keys, stale_ciphers
from models import database

MORE_AFTER = 5_000  # re-encrypted values between two lines of progress


async def rotate(settings: Settings, _: argparse.Namespace) -> int:
    """Re-encrypt whatever is not under the first of FANPIAO_FIELD_KEYS; 1 when something is left.

    On PostgreSQL beside running servers and workers. SQLite has one writer: there the server must be stopped.
    """
    vault = FieldVault(settings.field_key_bytes(), settings.index_key_bytes())
    # Without the limits on statements: looking for what is left goes over whole tables.
    await database.connect(settings.database_url, pool=2, limited=False)
    try:
        await database.require_current()
        await _rotate(vault)
        left = await stale_ciphers(vault)
    finally:
        await database.disconnect()
    if not left:
        _say(f"全部密文已用密钥 {vault.key_ids[0]} 加密。请保留旧密钥 72 小时，之后可以从设置里移除。")
        return 0
    for use in left:
        lost = "" if use.key_id in vault.key_ids else "，这个密钥不在设置里"
        _say(f"{use.name}：还有 {use.number} 项在密钥 {use.key_id} 下{lost}")
    if all(use.key_id in vault.key_ids for use in left):
        sys.stderr.write("还有进程在用旧密钥加密。请把新密钥放在第一位，重启所有进程，再运行一次。\n")
    else:
        sys.stderr.write("有密文打不开。请从备份恢复当时的密钥，放进 FANPIAO_FIELD_KEYS，再运行一次。\n")
    return 1


async def _rotate(vault: FieldVault) -> None:
    shown: dict[str, int] = {}
    last: dict[str, Rotated] = {}
    async for progress in rotate_keys(vault):
        last[progress.name] = progress
        if progress.renewed - shown.get(progress.name, 0) >= MORE_AFTER:
            shown[progress.name] = progress.renewed
            _say(f"{progress.name}：已重新加密 {progress.renewed} 项……")
    for progress in last.values():
        _say(f"{progress.name}：重新加密 {progress.renewed} 项")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
