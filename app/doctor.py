"""`fanpiao doctor`: what an operator wants to know before the telephone rings. Reads, never writes."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from app.schema import Settings
from gateways.stores.commands import BatchedRedis, RedisUnavailable
from gateways.stores.connection import connected
from models import database
from models.failures import DatabaseInUse, DatabaseUnavailable
from models.statements import invariants


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
        await database.connect(settings.database_url, pool=2, read_only=True)
    except (DatabaseUnavailable, DatabaseInUse, OSError):
        return [*findings, Finding("数据库", is_fine=False, detail="连不上，请检查 FANPIAO_DATABASE_URL")]
    try:
        return [*findings, Finding("数据库", is_fine=True), *await _inside()]
    finally:
        await database.disconnect()


async def _redis(settings: Settings) -> Finding:
    try:
        async with connected(settings.redis_url) as redis:
            commands = BatchedRedis(redis)
            try:
                await commands.ping()
            finally:
                await commands.aclose()
    except RedisUnavailable:
        return Finding("Redis", is_fine=False, detail="连不上，请检查 FANPIAO_REDIS_URL")
    return Finding("Redis", is_fine=True)


async def _inside() -> list[Finding]:
    pending = await database.pending_migrations()
    if pending:
        return [Finding("数据库结构", is_fine=False, detail=f"还差 {'、'.join(pending)}，请运行 fanpiao migrate")]
    checks: Sequence[tuple[str, Callable[[], Awaitable[str]]]] = [
        *((check.what, _invariant(check)) for check in invariants.CHECKS),
        ("失败的后台任务", _dead_jobs),
    ]
    findings = [Finding("数据库结构", is_fine=True)]
    for what, check in checks:
        detail = await check()
        findings.append(Finding(what, is_fine=not detail, detail=detail))
    return findings


def _invariant(check: invariants.Check) -> Callable[[], Awaitable[str]]:
    async def look() -> str:
        broken = await database.rows(check.sql)
        shown = "、".join(str(found["id"]) for found in broken[:5])
        return f"{len(broken)} 行不符：{shown}" if broken else ""

    return look


async def _dead_jobs() -> str:
    found = await database.row("SELECT count(*) AS dead FROM job WHERE state = 'dead'")
    dead = found["dead"] if found else 0
    return f"{dead} 个，用 fanpiao jobs 查看" if dead else ""
