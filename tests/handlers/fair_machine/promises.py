"""What holds after every step, whatever happened: the model, the rules that `doctor` runs; and at the end of a game the
public log, by the verifier that anybody may use, and the chain of what operators did."""

import contextlib
import gc
import importlib.util
import io
import tempfile
from pathlib import Path
from types import ModuleType

from hypothesis.stateful import invariant

from handlers.levels.ladders import ladder_now
from models.checkins import CheckIn
from models.claims import Claim
from models.database import row, rows
from models.draws import Draw, DrawCommitment, DrawPrize, DuePrize, Spin
from models.levels import MemberLevel
from models.operators import AuditEntry
from models.requests import Request
from models.statements import invariants
from models.words import ClaimSource
from tests.handlers.fair_machine.days import DaySteps
from tests.handlers.fair_machine.model import DAY, day_of
from tests.handlers.machine.promises import OF_DOCTOR

_VERIFIER = Path(__file__).parents[3] / "docs" / "fairness" / "verify_draw.py"
# All of a unit that came in and did not go out, what the clock took among it.
_STANDS = """
    SELECT COALESCE((SELECT SUM(posted) FROM ledger_account WHERE member_id = $1 AND unit = $2), 0)
    + COALESCE((SELECT SUM(t.amount) FROM transfer t JOIN ledger_account a ON a.id = t.debit_id
        WHERE a.member_id = $1 AND a.unit = $2 AND t.cause_kind = 'lot_expired'), 0) AS there
"""
_CAME = """
    SELECT COALESCE(SUM(t.amount), 0) AS there FROM transfer t JOIN ledger_account a ON a.id = t.credit_id
    WHERE a.member_id = $1 AND a.unit = $2
"""
_HELD = "SELECT COALESCE(SUM(held), 0) AS there FROM ledger_account WHERE member_id = $1"
_LOTS = """
    SELECT COALESCE(SUM(l.left_amount), 0) AS there FROM ledger_lot l JOIN ledger_account a ON a.id = l.account_id
    WHERE a.member_id = $1 AND a.unit = $2 AND l.expires_at > $3
"""


def _verifier() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verify_draw", _VERIFIER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def _number(sql: str, *values: object) -> int:
    found = await row(sql, *values)
    return int(found["there"])


class FairGame(DaySteps):
    """All steps, and the promises."""

    @invariant()
    def every_promise_is_kept(self):
        async def check():
            await self.everything_is_as_remembered()
            assert [invariants.CHECKS[each["rule"]].what for each in await rows(OF_DOCTOR)] == []

        self.do(check())

    async def everything_is_as_remembered(self) -> None:
        for who in range(len(self.people)):
            await self._member_is_as_remembered(who)
        await self._wheel_is_as_remembered()
        assert {each["key"] for each in await rows("SELECT key FROM job WHERE key LIKE 'won:%'")} == self.told
        wheel = str(self.wheel.id)
        of_draw = AuditEntry.filter(subject_id=wheel, action__not_in=("draw.drafted", "draw.published"))
        given = AuditEntry.filter(
            subject_id__in=[str(each.member_id) for each in self.people], action="draw.chances_given"
        )
        assert await of_draw.count() + await given.count() == self.acts

    async def _member_is_as_remembered(self, who: int) -> None:
        player, member_id, now = self.players[who], self.people[who].member_id, self.now
        chances = f"chances:{self.wheel.id}"
        assert await _number(_STANDS, member_id, "points") == player.points
        assert await _number(_CAME, member_id, "growth") == player.growth
        assert await _number(_LOTS, member_id, chances, now) == player.chances.available(now)
        assert await _number(_LOTS, member_id, "makeup_cards", now) == player.cards.available(now)
        held = sum(each.amount for owner, each, state in self.holds if owner == who and state == "open")
        assert await _number(_HELD, member_id) == held
        days = await CheckIn.filter(member_id=member_id).values_list("business_on", "is_made_up")
        assert {on: bool(made_up) for on, made_up in days} == {
            on.isoformat(): made_up for on, made_up in player.days.items()
        }
        for operation, count in player.requests.items():
            kept = Request.filter(operation=operation, actor_id=str(member_id))
            assert await kept.count() == count, operation
        ladder = (await ladder_now()).ladder
        level = await MemberLevel.get_or_none(member_id=member_id)
        reached = ladder.reached(await _number(_STANDS, member_id, "growth"))
        assert ladder.rank(level.code if level else ladder.reached(0)) >= ladder.rank(reached)

    async def _wheel_is_as_remembered(self) -> None:
        wheel = self.wheel
        found = {each.code: each for each in await DrawPrize.filter(draw_id=wheel.id)}
        for code, prize in found.items():
            assert prize.awarded_count == wheel.awarded[code], code
            if code in wheel.left:
                assert (prize.added_count, prize.left_count) == (wheel.added[code], wheel.left[code]), code
        due = {each.id: each for each in await DuePrize.filter(draw_id=wheel.id)}
        assert {each_id: each.state for each_id, each in due.items()} == {each.id: each.state for each in wheel.due}
        taken = [each for each in wheel.due if each.state == "taken"]
        of_prize = Claim.filter(source=ClaimSource.DRAW, offer_id__in=[each.offer_id for each in due.values()])
        owners = [str(self.people[each.owner].member_id) for each in taken]
        theirs = of_prize.filter(member_id__in=[each.member_id for each in self.people])
        assert sorted(map(str, await theirs.values_list("member_id", flat=True))) == sorted(owners)
        draw = await Draw.get(id=wheel.id)
        assert draw.last_sequence == wheel.spins
        assert draw.day == wheel.day.isoformat() or self.is_midway
        numbers = sorted(await Spin.filter(draw_id=wheel.id).values_list("sequence", flat=True))
        assert numbers == list(range(1, wheel.spins + 1))

    def teardown(self):
        self.do(self._anybody_can_check_it())
        super().teardown()

    async def _anybody_can_check_it(self) -> None:
        """All days are over and revealed: the verifier finds every spin to be what it had to be."""
        handlers, wheel = self.fair.handlers, self.wheel
        over = max(day_of(self.now), wheel.day) + 2 * DAY - day_of(self.now)
        self.clock.advance(over)
        await handlers.draw_revealing.reveal_due()
        # Revealing opened a day of its own, which goes on.
        promised = DrawCommitment.filter(draw_id=wheel.id, day__lte=wheel.day.isoformat())
        days = sorted(set(await promised.values_list("day", flat=True)))
        with tempfile.TemporaryDirectory() as folder:
            logs = []
            for day in days:
                lines = await handlers.draw_revealing.log(self.people[0], wheel.id, day=day)
                path = Path(folder) / f"{day}.jsonl"
                path.write_bytes(b"".join([each async for each in lines]))
                logs.append(str(path))
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                status = _verifier().main(logs)
            gc.enable()  # it switches that off, for the rows of a long log
        assert status == 0, said.getvalue()
        self.seen["a game was verified"] += wheel.spins > 0
        await handlers.audit_chain.seal()
        assert await handlers.audit_chain.check() == []
