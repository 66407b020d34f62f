"""Invariant I11: from its seeds, its promises and its rules every draw gives the very rows that are stored.

The sequence has no gap, the chains hold, each prize was there when it was awarded, and each row is the member's whose
it says it is. Sums over whole tables: `models/statements/invariants_draws.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson

from handlers.draws.held import version_of
from handlers.draws.seeds import Seeds
from handlers.ports import Vault, VaultError
from handlers.rules.fairness import Roller, commitment_of, genesis, pseudonym
from handlers.rules.fairness_replay import Replay
from models.database import rows
from models.sql import as_uuid
from models.statements import draws as statements

PAGE = 2_000  # rows that are read at a time
WORDS: Mapping[str, str] = {
    "document": "承诺被改动",
    "order": "承诺不连续",
    "rules": "规则与承诺不符",
    "stock": "库存与承诺不符",
    "row": "记录被改动",
    "sequence": "序号不连续",
    "chain": "链条断开",
    "promise": "不受所写的承诺约束",
    "time": "时间不符",
    "roll": "结果不是由种子算出的",
    "prize": "奖品与概率、库存或上限不符",
    "columns": "记录与查询用的列不符",
    "member": "记录不是这位会员的",
    "end": "没有到抽奖所写的末尾",
}


async def differing_draws(vault: Vault) -> list[str]:
    """Of every draw that does not follow from what it promised, the first place where it does not, in words."""
    seeds, wrong = Seeds(vault), list[str]()
    for found in await rows(statements.EVERY_DRAW):
        place, what = await _Proof(found, vault, seeds).run()
        if what:
            wrong.append(f"{found['code']} {place}{WORDS[what]}")
    return wrong


class _Proof:
    """One draw from its first promise to its last row."""

    def __init__(self, found: Mapping[str, Any], vault: Vault, seeds: Seeds) -> None:
        self._found = found
        self._id = as_uuid(found["id"])
        self._seeds = seeds
        self._key = bytes.fromhex(vault.blind_index("draw_pseudonym", str(self._id)))
        self._rollers: dict[str, Roller | None] = {}
        self._pseudonyms: dict[UUID, str] = {}

    async def run(self) -> tuple[str, str]:
        promises = list(await rows(statements.RULED, self._id))
        numbers = {int(orjson.loads(each["document"])["version"]) for each in promises}
        replay = Replay(str(self._id), {each: (await version_of(self._id, each)).table for each in sorted(numbers)})
        after = 0
        while page := await rows(statements.PROVEN, self._id, after, PAGE):
            for each in page:
                what = self._promised(replay, promises, int(each["sequence"]))
                what = what or await self._spun(replay, each)
                if what:
                    return f"第{each['sequence']}次：", what
            after = int(page[-1]["sequence"])
        what = self._promised(replay, promises, replay.sequence + 1)
        return "", what or self._ended(replay, promises)

    @staticmethod
    def _promised(replay: Replay, promises: list[dict[str, Any]], sequence: int) -> str:
        """Everything that was promised before this spin."""
        while promises and int(promises[0]["sequence"]) <= sequence:
            first = promises.pop(0)
            made = commitment_of(orjson.loads(first["document"]))
            if what := replay.promise(made, first["document"], first["hash"]):
                return what
        return ""

    async def _spun(self, replay: Replay, each: Mapping[str, Any]) -> str:
        if what := replay.spin(each["row"], each["chain_hash"], await self._roller(replay.day)):
            return what
        row: Sequence[Any] = orjson.loads(each["row"])
        columns = int(each["sequence"]), int(each["commitment"]), each["rolled"], each["awarded"], each["day"]
        if columns != (row[0], row[1], row[11], row[12], replay.day):
            return "columns"
        member_id = as_uuid(each["member_id"])
        if member_id not in self._pseudonyms:
            self._pseudonyms[member_id] = pseudonym(self._key, draw=replay.draw, member=str(member_id))
        return "" if self._pseudonyms[member_id] == row[3] else "member"

    async def _roller(self, day: str) -> Roller | None:
        """None where the seed cannot be read: that is a finding of its own."""
        if day and day not in self._rollers:
            try:
                self._rollers[day] = Roller(await self._seeds.of(self._id, day), str(self._id))
            except VaultError:
                self._rollers[day] = None
        return self._rollers.get(day)

    def _ended(self, replay: Replay, rest: Sequence[object]) -> str:
        found, start = self._found, genesis(str(self._id))
        stands = (
            int(found["last_sequence"]),
            found["chain_hash"] or start,
            int(found["commitment_count"]),
            found["commitment_hash"] or start,
            found["day"],
        )
        came = replay.sequence, replay.chain, replay.number + 1, replay.committed, replay.day
        return "end" if rest or stands != came else ""
