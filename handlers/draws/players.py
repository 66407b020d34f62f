"""Who spins: today's people with everything that is theirs, and what they have done in one draw so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from handlers.draws.held import HeldDraw
from handlers.rules.ledger import Side, of_member
from handlers.rules.odds import Member, Outcome
from models.database import put, rows
from models.ids import new_id
from models.sql import as_uuid, dump_rows
from models.statements import draws as statements


@dataclass(slots=True)
class Player:
    """One person in one draw while a batch is folded. What counts is that of all rows that are theirs; what is written
    is their own row of today."""

    member_id: UUID
    pseudonym: str
    member: Member
    free_used: int = 0
    own_spins: int = 0
    own_free: int = 0
    own_wins: dict[str, int] = field(default_factory=dict)
    own_wins_today: dict[str, int] = field(default_factory=dict)
    side: Side = field(init=False)  # of the ledger's accounts

    def __post_init__(self) -> None:
        self.side = of_member(self.member_id)

    def after(self, outcome: Outcome, code: str | None) -> None:
        """One spin more; `code`: of what was won, None for thanks."""
        self.member = outcome.member
        self.own_spins += 1
        if code is not None:
            self.own_wins[code] = self.own_wins.get(code, 0) + 1
            self.own_wins_today[code] = self.own_wins_today.get(code, 0) + 1

    def use_free(self, count: int) -> None:
        """So many of the day's free spins are used."""
        self.free_used += count
        self.own_free += count


async def load(held: HeldDraw, pseudonyms: Mapping[UUID, str], day: str) -> dict[UUID, Player]:
    """By canonical id, in one statement. Members are locked already, so that nothing of theirs moves."""
    codes = held.version.codes
    theirs: dict[UUID, list[Mapping[str, Any]]] = {member_id: [] for member_id in pseudonyms}
    for each in await rows(statements.PLAYERS, held.id, sorted(pseudonyms)):
        theirs[as_uuid(each["who"])].append(each)
    return {
        member_id: _player(member_id, pseudonyms[member_id], found, codes, day) for member_id, found in theirs.items()
    }


def _player(
    member_id: UUID, pseudonym: str, found: Sequence[Mapping[str, Any]], codes: Sequence[str], day: str
) -> Player:
    own: dict[str, Any] = {}
    wins: dict[str, int] = {}
    wins_today: dict[str, int] = {}
    spins = free = 0
    played = [each for each in found if each["spins"] is not None]
    for each in played:
        is_today = each["day"] == day
        spins += int(each["spins"])
        free += int(each["free_used"]) if is_today else 0
        _add(wins, orjson.loads(each["wins"]))
        if is_today:
            _add(wins_today, orjson.loads(each["wins_today"]))
        if as_uuid(each["member_id"]) == member_id:
            own = dict(each) | {"is_today": is_today}
    # Of somebody who was two, the longer wait counts until they spin as one.
    since = int(own["since"]) if own else max((int(each["since"]) for each in played), default=0)
    today = bool(own and own["is_today"])
    return Player(
        member_id=member_id,
        pseudonym=pseudonym,
        member=Member(
            wins=tuple(wins.get(code, 0) for code in codes),
            wins_today=tuple(wins_today.get(code, 0) for code in codes),
            spins=spins,
            since=since,
            is_blocked=any(each["is_blocked"] for each in found),
        ),
        free_used=free,
        own_spins=int(own["spins"]) if own else 0,
        own_free=int(own["free_used"]) if today else 0,
        own_wins=orjson.loads(own["wins"]) if own else {},
        own_wins_today=orjson.loads(own["wins_today"]) if today else {},
    )


def _add(to: dict[str, int], more: Mapping[str, int]) -> None:
    for code, count in more.items():
        to[code] = to.get(code, 0) + count


async def save(held: HeldDraw, players: Sequence[Player], day: str, *, at: datetime) -> None:
    """One statement; of somebody who spun meanwhile it ends the transaction in SerializationConflict."""
    wanted = [
        {
            "id": new_id(),
            "draw_id": held.id,
            "member_id": each.member_id,
            "spins": each.own_spins,
            "since": each.member.since,
            "wins": orjson.dumps(each.own_wins).decode(),
            "day": day,
            "free_used": each.own_free,
            "wins_today": orjson.dumps(each.own_wins_today).decode(),
        }
        for each in sorted(players, key=lambda player: player.member_id)
    ]
    if wanted:
        moved = "a member spun while the draw was locked"
        await put(statements.PLAYED, dump_rows(wanted), at, count=len(wanted), conflict=moved)
