"""A draw as an engine runs it, in memory: days, spins, commitments and the logs that leave the house."""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

from handlers.rules import fairness, fairness_log
from handlers.rules.draw_rules import DrawRules, milliseconds
from handlers.rules.fairness import Commitment, Row
from handlers.rules.odds import Member, State, fresh, left_of, select
from handlers.rules.prize_table import Table

DAY = 86_400_000


@dataclass
class Draw:
    """One draw; counts are kept by the code of the prize, because versions may add some."""

    rules: DrawRules
    draw: str = "draw-1"
    version: int = 1
    sequence: int = 0
    day: int = -1
    chain: str = ""
    stock: dict[str, int | None] = field(default_factory=dict)
    today: dict[str, int] = field(default_factory=dict)
    members: dict[str, tuple[int, Member]] = field(default_factory=dict)  # with the day of their last spin
    commitments: list[Commitment] = field(default_factory=list)
    rows: list[tuple[Row, str]] = field(default_factory=list)
    versions: dict[int, DrawRules] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chain = fairness.genesis(self.draw)
        self.stock = {prize.code: prize.stock for prize in self.rules.prizes}
        self._ready()

    def _ready(self) -> None:
        self.table = Table(self.rules)
        self.codes = [prize.code for prize in self.rules.prizes]
        self.versions[self.version] = self.rules

    def open(self) -> None:
        """The next day begins."""
        self.day, self.today, self.first, self.begun = self.day + 1, {}, len(self.commitments), self.chain
        self.start, self.since = self.sequence + 1, len(self.rows)
        self.seed = hashlib.sha256(f"{self.draw} {self.day}".encode()).digest()
        self.roller = fairness.Roller(self.seed, self.draw)
        self.at = milliseconds(self.rules.opens_at) + DAY * self.day
        self._commit("open", {})

    def restock(self, **change: int) -> None:
        """Units are added or taken away."""
        self.stock |= {code: (self.stock[code] or 0) + count for code, count in change.items()}
        self._commit("stock", change)

    def publish(self, rules: DrawRules) -> None:
        """A new version; what is in it for the first time begins with its own stock."""
        self.version, self.rules = self.version + 1, rules
        self.stock |= {prize.code: prize.stock for prize in rules.prizes if prize.code not in self.stock}
        self.members = {
            member: (day, replace(each, wins=self._wider(each.wins), wins_today=self._wider(each.wins_today)))
            for member, (day, each) in self.members.items()
        }
        self._ready()
        self._commit("rules", {})

    def _wider(self, counts: tuple[int, ...]) -> tuple[int, ...]:
        known = dict(zip(self.codes, counts, strict=True))
        return tuple(known.get(prize.code, 0) for prize in self.rules.prizes)

    def spin(self, member: str, nonce: str = "n", *, is_blocked: bool = False) -> Row:
        """One, a second after the one before."""
        self.sequence, self.at = self.sequence + 1, self.at + 1_000
        name = fairness.pseudonym(b"k" * 32, draw=self.draw, member=member)
        day, before = self.members.get(member, (self.day, fresh(self.table)))
        if day != self.day:
            before = replace(before, wins_today=(0,) * len(self.codes))
        before = replace(before, is_blocked=is_blocked)
        stock = [self.stock[code] for code in self.codes]
        left = left_of(self.rules, stock, [self.today.get(code, 0) for code in self.codes], self.at)
        roll = self.roller.roll(self.sequence, name, nonce)
        outcome = select(self.table, State(left, before), roll)
        row = fairness.row_of(
            outcome, self.codes, sequence=self.sequence, commitment=self.commitments[-1].number, at=self.at,
            member=name, nonce=nonce, roll=roll, before=before,
        )  # fmt: skip
        if outcome.awarded != self.table.thanks:
            units = self.stock[row.awarded]
            self.stock[row.awarded] = None if units is None else units - 1
            self.today[row.awarded] = self.today.get(row.awarded, 0) + 1
        self.members[member] = self.day, outcome.member
        self.chain = fairness.chain_hash(self.chain, fairness.row_bytes(row))
        self.rows.append((row, self.chain))
        return row

    def log(self, **signed: Any) -> list[bytes]:
        """The lines of the day."""
        commitments = self.commitments[self.first :]
        head = fairness_log.header(
            commitments, {each.version: self.versions[each.version] for each in commitments}, seed=self.seed,
            first_sequence=self.start, last_sequence=self.sequence, chain=self.begun, head=self.chain, **signed,
        )  # fmt: skip
        rows = [(fairness.row_bytes(row), chain) for row, chain in self.rows[self.since :]]
        return list(fairness_log.lines(head, rows))

    def _commit(self, kind: str, change: dict[str, int]) -> None:
        last, begins = self.commitments[-1:], milliseconds(self.rules.opens_at) + DAY * self.day
        self.commitments.append(
            Commitment(
                draw=self.draw, number=len(self.commitments), kind=kind, sequence=self.sequence + 1, at=self.at,
                day=f"day {self.day}", day_begins=begins, day_ends=begins + DAY,
                seed_hash=fairness.seed_hash(self.seed), version=self.version,
                rules_hash=fairness.rules_hash(self.rules), stock=tuple(self.stock[code] for code in self.codes),
                change=tuple(change.get(code, 0) for code in self.codes),
                previous=fairness.commitment_hash(last[0]) if last else fairness.genesis(self.draw),
            )
        )  # fmt: skip
