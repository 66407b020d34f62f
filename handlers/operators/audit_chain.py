"""The chain over the audit entries: a seal's hash covers its entry and the seal before, the head carries a keyed mark.

An edited, deleted or moved row breaks the chain where it stood. A chain that was cut at its end, or computed anew from
an edited row on, does not fit the head, whose mark needs the installation's index key. Whoever takes back the whole
database is found out by the head in the logs.
"""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from handlers.ports import Clock, Vault
from models.database import atomic, row, rows
from models.ids import new_id
from models.operators import AuditSeal
from models.sql import as_uuid, dump_json
from models.statements import audit as statements

HEAD_ID = UUID(int=1)
START = "0" * 64
BATCH = 500
LATE_AFTER = timedelta(minutes=5)
NAMED_AT_MOST = 20  # breaks of one check
_SLACK = 24 * 3600 * 1000 << 80  # a day, in the time part of an id

_ENTRY = (
    "actor_kind",
    "actor_id",
    "organization_id",
    "action",
    "subject_kind",
    "subject_id",
    "facts",
    "happened_at",
    "created_at",
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Head:
    """Where the chain ends."""

    sequence: int
    hash: str


class AuditChain:
    """Seals entries and checks what was sealed."""

    def __init__(self, clock: Clock, vault: Vault) -> None:
        self._clock = clock
        self._vault = vault

    async def seal(self) -> int:
        """Extend the chain by every entry that has no seal; how many.

        A chain that does not fit its head stays as it is, and the log says so: new seals would cover that up.
        """
        sealed = 0
        while True:
            async with atomic():
                count = await self._seal_some()
            sealed += count
            if count < BATCH:
                return sealed

    async def anchor(self) -> Head | None:
        """Write the head into the log, where whoever can change the database cannot reach it."""
        found = await row(statements.HEAD, HEAD_ID)
        if found is None:
            return None
        head = Head(int(found["sequence"]), found["hash"])
        log.info("audit_chain_head", extra={"sequence": head.sequence, "head": head.hash})
        return head

    async def check(self) -> list[str]:
        """What is wrong with the chain, in sentences that name the rows; empty when nothing is. Reads, page by page."""
        head = await row(statements.HEAD, HEAD_ID)
        wrong: list[str] = []
        last, hashes_at_head = Head(0, START), None
        while page := await rows(statements.CHAIN, last.sequence, BATCH):
            for seal in page:
                wrong += _wrong_with(seal, last)
                last = Head(int(seal["sequence"]), seal["hash"])
                if head is not None and last.sequence == int(head["sequence"]):
                    hashes_at_head = last.hash
            if len(wrong) > NAMED_AT_MOST:
                return [*wrong[:NAMED_AT_MOST], "后面还有更多"]
        return [*wrong, *await self._wrong_with_head(head, last, hashes_at_head), *await self._late()]

    async def _seal_some(self) -> int:
        await row(statements.PLANT_HEAD, HEAD_ID, self._clock.now(), START, self._mark(Head(0, START)))
        found = await row(statements.LOCK_HEAD, HEAD_ID)
        newest = await row(statements.LAST_SEAL)
        last = Head(int(newest["sequence"]), newest["hash"]) if newest else Head(0, START)
        if found is None or self._mark(last) != found["mark"]:
            log.error("audit_chain_broken", extra={"sequence": last.sequence})
            return 0
        since = UUID(int=max(as_uuid(newest["entry_id"]).int - _SLACK, 0)) if newest else UUID(int=0)
        seals = []
        for entry in await rows(statements.UNSEALED, since, BATCH):
            sequence = last.sequence + 1
            last_hash = _hash(last.hash, sequence, as_uuid(entry["id"]), entry)
            seals.append(AuditSeal(id=new_id(), sequence=sequence, entry_id=as_uuid(entry["id"]), hash=last_hash))
            last = Head(sequence, last_hash)
        if seals:
            await AuditSeal.bulk_create(seals)
            await rows(
                statements.MOVE_HEAD, HEAD_ID, int(found["sequence"]), last.sequence, last.hash, self._mark(last)
            )
        return len(seals)

    async def _wrong_with_head(self, head: Mapping[str, Any] | None, last: Head, hash_at_head: str | None) -> list[str]:
        if head is None:
            if last.sequence or await row(statements.ACTED):
                return ["链头记录不见了"]
            return []
        sequence = int(head["sequence"])
        if self._mark(Head(sequence, head["hash"])) != head["mark"]:
            return ["链头记录被改动"]
        if last.sequence < sequence:
            return [f"末尾缺少{_places(last.sequence + 1, sequence)}"]
        if sequence and hash_at_head != head["hash"]:
            return [f"第 {sequence} 条和链头不符"]
        return []

    async def _late(self) -> list[str]:
        found = await rows(statements.FORGOTTEN, self._clock.now() - LATE_AFTER)
        return [f"记录 {each['id']} 超过五分钟没有封存" for each in found]

    def _mark(self, head: Head) -> str:
        return self._vault.blind_index("audit_head", f"{head.sequence}:{head.hash}")


def _wrong_with(seal: Mapping[str, Any], last: Head) -> list[str]:
    sequence, entry_id = int(seal["sequence"]), as_uuid(seal["entry_id"])
    wrong = []
    if sequence != last.sequence + 1:
        wrong.append(f"{_places(last.sequence + 1, sequence - 1)}被删除")
    if seal["id"] is None:
        wrong.append(f"第 {sequence} 条的记录 {entry_id} 被删除")
    elif sequence == last.sequence + 1 and _hash(last.hash, sequence, entry_id, seal) != seal["hash"]:
        wrong.append(f"第 {sequence} 条（记录 {entry_id}）被改动或调换")
    return wrong


def _places(first: int, last: int) -> str:
    return f"第 {first} 条" if first == last else f"第 {first} 到第 {last} 条"


def _hash(before: str, sequence: int, entry_id: UUID, entry: Mapping[str, Any]) -> str:
    facts: dict[str, Any] = {name: entry[name] for name in _ENTRY}
    if facts["organization_id"] is not None:
        facts["organization_id"] = str(facts["organization_id"])  # asyncpg has a UUID class of its own
    text = dump_json({**facts, "id": str(entry_id), "sequence": sequence})
    return hashlib.sha256(f"{before}|{text}".encode()).hexdigest()
