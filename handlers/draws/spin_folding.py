"""A batch of spins in memory: each decided by the pure `select` over what the one before it left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import orjson

from handlers.draws.commitments import Units
from handlers.draws.held import HeldDraw
from handlers.draws.players import Player
from handlers.draws.prizes import CREDITED, Won
from handlers.draws.spin_paying import Payment, Till
from handlers.requests import Actor
from handlers.rules.draw_rules import Prize, PrizeKind, milliseconds
from handlers.rules.fairness import Row, chain_hash, roll_of, row_of
from handlers.rules.odds import Outcome, State, left_of, select
from models.ids import new_id


@dataclass(frozen=True, slots=True)
class Folded:
    """One spin, decided and not yet written."""

    id: UUID
    sequence: int
    player: Player
    act_id: UUID
    payment: Payment
    row: Row
    text: str  # the row's canonical form
    chain: str
    outcome: Outcome
    prize: Prize  # that was awarded


@dataclass(slots=True)
class Folding:
    """Where the batch has come to; begins with what the draw's row said."""

    held: HeldDraw
    seed: bytes
    day: str
    at: datetime
    till: Till
    left: tuple[int | None, ...]
    sequence: int = 0
    chain: str = ""
    folded: list[Folded] = field(default_factory=list)
    won: list[Won] = field(default_factory=list)
    taken: dict[str, int] = field(default_factory=dict)

    @classmethod
    def begin(
        cls, held: HeldDraw, units: Mapping[str, Units], seed: bytes, day: str, at: datetime, till: Till
    ) -> "Folding":
        """Of a draw that is held, with its stock as it stands."""
        version = held.version
        stock = [units[code].left if code in units else None for code in version.codes]
        taken = [units[code].on(day) if code in units else 0 for code in version.codes]
        left = left_of(version.terms.rules, stock, taken, milliseconds(at))
        return cls(held, seed, day, at, till, left, held.last_sequence, held.chain)

    def spin(self, player: Player, actor: Actor, act_id: UUID, nonce: str, payments: Sequence[Payment]) -> list[Folded]:
        """One request's spins, in order."""
        return [self._one(player, actor, act_id, nonce, payment) for payment in payments]

    def _one(self, player: Player, actor: Actor, act_id: UUID, nonce: str, payment: Payment) -> Folded:
        version, draw, spin_id = self.held.version, self.held.key, new_id()
        self.sequence += 1
        roll = roll_of(self.seed, draw=draw, sequence=self.sequence, member=player.pseudonym, nonce=nonce)
        before = player.member
        outcome = select(version.table, State(self.left, before), roll)
        self.left = outcome.left
        row = row_of(
            outcome,
            version.codes,
            sequence=self.sequence,
            commitment=self.held.commitment_count - 1,
            at=milliseconds(self.at),
            member=player.pseudonym,
            nonce=nonce,
            roll=roll,
            before=before,
        )
        data = orjson.dumps(list(row))
        self.chain = chain_hash(self.chain, data)
        prize = version.table.prizes[outcome.awarded]
        is_win = prize.kind is not PrizeKind.THANKS
        player.after(outcome, prize.code if is_win else None)
        if is_win:
            self.taken[prize.code] = self.taken.get(prize.code, 0) + 1
            self.won.append(Won(spin_id, player.member_id, actor, prize))
        if prize.kind in CREDITED:
            self.till.credit(player, prize, spin_id)
        done = Folded(spin_id, self.sequence, player, act_id, payment, row, data.decode(), self.chain, outcome, prize)
        self.folded.append(done)
        return done
