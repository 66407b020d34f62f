"""A draw said again from its first spin on, as anybody who has its log could: the house checks itself the same way.

Promises and rows are taken up in the order in which they were made; what is wrong is said by a short word.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from handlers.rules.canonical import canonical
from handlers.rules.draw_rules import PrizeKind
from handlers.rules.fairness import (
    OPEN,
    Commitment,
    Roller,
    Row,
    chain_hash,
    commitment_facts,
    commitment_hash,
    genesis,
    row_bytes,
    rules_hash,
)
from handlers.rules.odds import Member, State, left_of, select
from handlers.rules.prize_table import Table


@dataclass(slots=True)
class Replay:
    """Where a draw has come to. `tables`: every version that its promises name."""

    draw: str
    tables: Mapping[int, Table]
    sequence: int = 0
    chain: str = ""
    number: int = -1  # of the last promise
    committed: str = ""
    day: str = ""
    at: int = 0  # milliseconds
    _rules: Commitment | None = None
    _stock: dict[str, int | None] = field(default_factory=dict)
    _today: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chain = self.committed = genesis(self.draw)

    def promise(self, made: Commitment, document: str, stated: str) -> str:
        """Take up the next promise; what is wrong with it: document, order, rules, stock. Empty: nothing."""
        if canonical(commitment_facts(made)).decode() != document or commitment_hash(made) != stated:
            return "document"
        follows = made.draw, made.number, made.previous, made.sequence
        is_day = made.day > self.day if made.kind == OPEN else made.day == self.day
        if follows != (self.draw, self.number + 1, self.committed, self.sequence + 1) or not is_day:
            return "order"
        table = self.tables.get(made.version)
        if table is None or rules_hash(table.rules) != made.rules_hash:
            return "rules"
        codes = [prize.code for prize in table.prizes]
        if self.number < 0:
            self._stock = {prize.code: prize.stock for prize in table.prizes}
        for code, units, change in zip(codes, made.stock, made.change, strict=True):
            had = self._stock.get(code)
            if code in self._stock and units is not None and (had is None or units != had + change):
                return "stock"
        self._stock = dict(zip(codes, made.stock, strict=True))
        if made.kind == OPEN:
            self._today = {}
        self.number, self.committed, self.day, self._rules = made.number, stated, made.day, made
        self.at = max(self.at, made.day_begins)
        return ""

    def spin(self, text: str, stated: str, roller: Roller | None) -> str:
        """Take up the next row; what is wrong with it (row, sequence, chain, promise, time, roll, prize), or nothing.

        `roller`: with the seed of the day; None: the roll is believed.
        """
        row = Row(*orjson.loads(text))
        if row_bytes(row) != text.encode():
            return "row"
        if row.sequence != self.sequence + 1:
            return "sequence"
        if chain_hash(self.chain, text.encode()) != stated:
            return "chain"
        rules = self._rules
        if rules is None or row.commitment != self.number:
            return "promise"
        if not self.at <= row.at < rules.day_ends:
            return "time"
        if roller is not None and roller.roll(row.sequence, row.member, row.nonce) != row.roll:
            return "roll"
        self.sequence, self.chain, self.at = row.sequence, stated, row.at
        return "" if self._is_due(row, self.tables[rules.version]) else "prize"

    def _is_due(self, row: Row, table: Table) -> bool:
        """Whether the roll gives this prize out of what there was; it is gone from there afterwards."""
        codes = [prize.code for prize in table.prizes]
        taken = [self._today.get(code, 0) for code in codes]
        left = left_of(table.rules, [self._stock[code] for code in codes], taken, row.at)
        member = Member(tuple(row.wins), tuple(row.wins_today), row.spins, row.since, bool(row.is_blocked))
        outcome = select(table, State(left, member), row.roll)
        code = codes[outcome.awarded]
        if table.prizes[outcome.awarded].kind is not PrizeKind.THANKS:
            units = self._stock[code]
            self._stock[code] = None if units is None else units - 1
            self._today[code] = self._today.get(code, 0) + 1
        return (codes[outcome.rolled], code, outcome.why.value) == (row.rolled, row.awarded, row.why)
