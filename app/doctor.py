"""`fanpiao doctor`: what an operator wants to know before the telephone rings. Reads, never writes."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from tortoise.exceptions import OperationalError

from app.schema import Settings
from gateways.clock import SystemClock
from gateways.stores.commands import BatchedRedis, RedisUnavailable
from gateways.stores.connection import connected
from gateways.vault import FieldVault
from handlers.accounts.accounts import Accounts
from handlers.draws.draw_proofs import differing_draws
from handlers.key_rotation import unreadable_ciphers
from handlers.operators.audit_chain import AuditChain
from handlers.ports import VaultError
from handlers.settlement.statement_proofs import differing_statements
from models import database
from models.catalogue import catalogue_differences
from models.failures import DatabaseInUse, DatabaseUnavailable
from models.statements import invariants

SHOWN = 10  # differences of the structure


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    is_fine: bool
    detail: str = ""


async def examine(settings: Settings) -> Sequence[Finding]:
    """Everything that can be checked without changing anything. Settings were checked when they were read."""
    findings = [Finding("设置", is_fine=True), await _redis(settings)]
    try:
        # Without the limits on statements: the rules are checked over whole tables.
        await database.connect(settings.database_url, pool=2, read_only=True, limited=False)
    except (DatabaseUnavailable, DatabaseInUse, OSError):
        return [*findings, _unreachable()]
    try:
        return [*findings, *await _inside(settings)]
    except DatabaseUnavailable:
        return [*findings, _unreachable()]
    finally:
        await database.disconnect()


def _unreachable() -> Finding:
    return Finding("数据库", is_fine=False, detail="连不上，请检查 FANPIAO_DATABASE_URL，以及数据库是否在运行")


async def _redis(settings: Settings) -> Finding:
    try:
        async with connected(settings.redis_url) as redis:
            commands = BatchedRedis(redis)
            try:
                await commands.ping()
            finally:
                await commands.aclose()
    except RedisUnavailable:
        return Finding("Redis", is_fine=False, detail="连不上，请检查 FANPIAO_REDIS_URL，以及 Redis 是否在运行")
    return Finding("Redis", is_fine=True)


async def _inside(settings: Settings) -> list[Finding]:
    pending = await database.pending_migrations()
    findings = [Finding("数据库", is_fine=True)]
    if pending:
        detail = f"还差 {'、'.join(pending)}，请运行 fanpiao migrate"
        return [*findings, Finding("数据库结构", is_fine=False, detail=detail)]
    checks: Sequence[tuple[str, Callable[[], Awaitable[str]]]] = [
        ("密钥", _keys(settings)),
        ("密文", _ciphers(settings)),
        *((check.what, _invariant(check)) for check in invariants.CHECKS),
        ("结算单按记录重算一致", _statements),
        ("抽奖按承诺和记录重算一致", _draws(settings)),
        ("操作记录", _audit_chain(settings)),
        ("失败的后台任务", _dead_jobs),
    ]
    structure = await _structure()
    findings.append(Finding("数据库结构", is_fine=not structure, detail=structure))
    for what, check in checks:
        try:
            detail = await check()
        except OperationalError:  # it asks for what is missing
            if not structure:
                raise
            detail = "查不了，请先修复数据库结构"
        findings.append(Finding(what, is_fine=not detail, detail=detail))
    return findings


async def _structure() -> str:
    """Columns, constraints, indexes and triggers against what the migrations of this version make."""
    found = await catalogue_differences()
    shown = "；".join(_in_words(each) for each in found[:SHOWN])
    return f"{len(found)} 处和这个版本不符：{shown}{'……' if len(found) > SHOWN else ''}" if found else ""


def _in_words(difference: str) -> str:
    kind, _, line = difference.partition(": ")
    return f"{'缺少' if kind == 'missing' else '多出'} {line}"


def _keys(settings: Settings) -> Callable[[], Awaitable[str]]:
    accounts = Accounts(FieldVault(settings.field_key_bytes(), settings.index_key_bytes()))

    async def look() -> str:
        for found in await database.rows("SELECT key FROM account ORDER BY key"):
            try:
                await accounts.get(found["key"])
            except VaultError:
                return f"打不开账号 {found['key']} 的密文，请检查 FANPIAO_FIELD_KEYS，或从备份恢复当时的密钥"
        return ""

    return look


def _ciphers(settings: Settings) -> Callable[[], Awaitable[str]]:
    vault = FieldVault(settings.field_key_bytes(), settings.index_key_bytes())

    async def look() -> str:
        lost = [f"{use.name} {use.number} 项（密钥 {use.key_id}）" for use in await unreadable_ciphers(vault)]
        return f"密钥不在 FANPIAO_FIELD_KEYS 里：{'、'.join(lost)}，请从备份恢复" if lost else ""

    return look


def _audit_chain(settings: Settings) -> Callable[[], Awaitable[str]]:
    vault = FieldVault(settings.field_key_bytes(), settings.index_key_bytes())

    async def look() -> str:
        return "；".join(await AuditChain(SystemClock(), vault).check())

    return look


def _invariant(check: invariants.Check) -> Callable[[], Awaitable[str]]:
    async def look() -> str:
        broken = await database.rows(check.sql)
        shown = "、".join(str(found["id"]) for found in broken[:5])
        return f"{len(broken)} 行不符：{shown}{'……' if len(broken) > 5 else ''}" if broken else ""

    return look


async def _statements() -> str:
    wrong = await differing_statements()
    shown = "、".join(wrong[:5])
    return f"{len(wrong)} 张不符：{shown}{'……' if len(wrong) > 5 else ''}" if wrong else ""


def _draws(settings: Settings) -> Callable[[], Awaitable[str]]:
    vault = FieldVault(settings.field_key_bytes(), settings.index_key_bytes())

    async def look() -> str:
        wrong = await differing_draws(vault)
        shown = "；".join(wrong[:5])
        return f"{len(wrong)} 个抽奖不符：{shown}{'……' if len(wrong) > 5 else ''}" if wrong else ""

    return look


async def _dead_jobs() -> str:
    found = await database.row("SELECT count(*) AS dead FROM job WHERE state = 'dead'")
    dead = found["dead"] if found else 0
    return f"{dead} 个，用 fanpiao jobs 查看" if dead else ""
