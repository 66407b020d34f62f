"""The ledger: every transfer has two sides and one cause, no balance passes its floor, nothing is ever edited."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from tortoise.exceptions import IntegrityError

from handlers.errors import BalanceShort, CauseReused, PointsShort, ReversedTooMuch, TransferUnknown
from handlers.ledger import books
from handlers.ledger.checkpoints import LedgerCheckpoints, own_balances
from handlers.ledger.posting import Posted, post
from handlers.retrying import again
from handlers.rules.ledger import Move, Side, of_member
from models.database import NotInTransaction, SerializationConflict, atomic, dialect, rows, script
from models.ids import new_id
from models.ledger import LedgerAccount, LedgerCheckpoint, ReversedTransfer, Transfer
from models.statements import ledger as statements
from models.words import LedgerAccountKind as Kind
from tests.handlers.ledgers import SPENT, a_ledger, breaches, cause, somebody


@pytest.fixture
async def ledger(database, clock):
    """Whatever a test does to it, `doctor` has nothing to say in the end."""
    yield await a_ledger(clock)
    assert await breaches() == []


class TestTransfers:
    async def test_what_goes_out_of_one_account_comes_into_another(self, ledger):
        ming = await somebody()
        await ledger.earn(ming, 100)
        await ledger.spend(ming, 30)
        assert await ledger.posted(ming) == 70
        assert await own_balances(ledger.unit, at=ledger.clock.now() + timedelta(days=1)) == {
            Kind.ISSUED: -100,
            Kind.SPENT: 30,
            Kind.EXPIRED: 0,
        }

    async def test_many_go_in_one_statement_each(self, ledger, monkeypatch):
        people = [await somebody() for _ in range(20)]
        await ledger.post(*(ledger.earning(each, 10) for each in people))
        await ledger.spend(people[0], 1)  # the programme's own accounts are there
        asked: list[str] = []

        def counted(name, real):
            async def ask(*args, **kwargs):
                asked.append(name)
                return await real(*args, **kwargs)

            return ask

        for name in ("rows", "put"):
            monkeypatch.setattr(books, name, counted(name, getattr(books, name)))
        await ledger.post(*(ledger.spending(each, 3) for each in people))
        # Accounts and lots; transfers, balances, lots, uses. Those of the programme are known.
        assert Counter(asked) == {"rows": 2, "put": 4}
        assert [await ledger.posted(each) for each in people] == [6] + [7] * 19

    async def test_accounts_are_joined_by_their_ids_also_before_the_database_has_counted_them(self, ledger):
        """With the accounts of a programme joined to each other a transfer took half a second, and a minute later 1 ms:
        the database analyses new rows when it gets to it.
        """
        people = [await somebody() for _ in range(2)]
        await ledger.post(*(ledger.earning(each, 10) for each in people))
        for analyse in ("SELECT 1", "ANALYZE ledger_account" if dialect() == "postgres" else "ANALYZE"):
            await script(analyse)
            if dialect() == "postgres":
                plan = await rows(f"EXPLAIN {statements.ADD_TRANSFERS.postgres}", "[]", ledger.clock.now())
                joined = [str(each) for each in plan if "Cond" in str(each) and ".unit" in str(each)]
                assert not joined
            else:
                plan = await rows(f"EXPLAIN QUERY PLAN {statements.ADD_TRANSFERS.sqlite}", "[]", ledger.clock.now())
                assert sum("(id=?)" in str(each) for each in plan) == 2

    async def test_the_same_cause_happens_once(self, ledger):
        ming, order = await somebody(), cause("order")
        move = ledger.earning(ming, 100, cause=order)
        first = (await ledger.post(move))[order]
        again_ = (await ledger.post(move))[order]
        assert again_ == Posted(first.transfer_ids, replayed=True)
        assert await ledger.posted(ming) == 100

    async def test_the_same_cause_with_another_amount_is_refused(self, ledger):
        ming, order = await somebody(), cause("order")
        await ledger.earn(ming, 100, cause=order)
        with pytest.raises(CauseReused):
            await ledger.earn(ming, 101, cause=order)
        assert await ledger.posted(ming) == 100

    async def test_ten_at_once_for_one_cause_happen_once(self, ledger):
        ming, order = await somebody(), cause("order")
        await ledger.earn(ming, 5)
        move = ledger.earning(ming, 100, cause=order)
        done = await asyncio.gather(*(again(lambda: ledger.post(move)) for _ in range(10)))
        assert sum(not each[order].replayed for each in done) == 1
        assert await ledger.posted(ming) == 105

    async def test_all_legs_of_a_cause_happen_or_none(self, ledger, clock):
        ming, purchase = await somebody(), cause("purchase")
        chances = await a_ledger(clock, "chances")
        await ledger.earn(ming, 100)
        legs = [
            ledger.spending(ming, 60, cause=purchase),
            chances.spending(ming, 1, cause=purchase, leg=1),
        ]
        with pytest.raises(BalanceShort) as refused:
            await ledger.post(*legs)
        assert refused.value.facts == {"unit": "chances", "needed": 1, "available": 0}
        assert await ledger.posted(ming) == 100
        await chances.earn(ming, 1)
        await ledger.post(*legs)
        assert (await ledger.posted(ming), await chances.posted(ming)) == (40, 0)

    async def test_a_refusal_names_those_that_cannot_be_paid(self, ledger):
        ming, hong = await somebody(), await somebody()
        await ledger.earn(ming, 100)
        paid, poor, poorer = (
            ledger.spending(ming, 60),
            ledger.spending(ming, 60),
            ledger.spending(hong, 1),
        )
        with pytest.raises(PointsShort) as refused:
            await ledger.post(paid, poor, poorer)
        assert refused.value.causes == (poor.cause.id, poorer.cause.id)
        assert refused.value.facts == {"unit": "points", "needed": 60, "available": 40}
        assert await ledger.posted(ming) == 100

    async def test_in_a_batch_each_stands_for_itself_in_the_order_of_arrival(self, ledger):
        ming, hong = await somebody(), await somebody()
        await ledger.earn(ming, 100)
        outcomes = await ledger.post_each(
            ledger.spending(ming, 60),
            ledger.spending(hong, 1),
            ledger.spending(ming, 50),
            ledger.earning(hong, 5),
            ledger.spending(hong, 5),
            ledger.spending(ming, 40),
        )
        assert [type(each) for each in outcomes] == [Posted, PointsShort, PointsShort, Posted, Posted, Posted]
        assert (await ledger.posted(ming), await ledger.posted(hong)) == (0, 0)

    async def test_it_belongs_into_a_transaction(self, ledger):
        with pytest.raises(NotInTransaction):
            await post([ledger.earning(await somebody(), 1)], at=ledger.clock.now())

    @pytest.mark.parametrize("amount", [0, -1])
    async def test_nothing_is_no_transfer(self, ledger, amount):
        with pytest.raises(ValueError, match="more than nothing"):
            ledger.earning(await somebody(), amount)

    async def test_only_what_is_pending_waits_for_its_day(self, ledger):
        with pytest.raises(ValueError, match="pending"):
            ledger.earning(await somebody(), 1, available_at=ledger.clock.now())

    def test_an_account_has_an_owner_where_its_kind_has(self):
        with pytest.raises(ValueError, match="owner"):
            Side(Kind.MEMBER)
        with pytest.raises(ValueError, match="owner"):
            Side(Kind.ISSUED, new_id())


class TestReversals:
    async def test_what_was_spent_comes_back_in_parts_and_never_more_than_it_was(self, ledger):
        ming = await somebody()
        await ledger.earn(ming, 100)
        spent = await ledger.spend(ming, 80)
        await ledger.give_back(ming, 30, spent)
        await ledger.give_back(ming, 50, spent)
        with pytest.raises(ReversedTooMuch) as refused:
            await ledger.give_back(ming, 1, spent)
        assert refused.value.facts == {"left": 0}
        assert await ledger.posted(ming) == 100
        assert (await ReversedTransfer.get(transfer_id=spent)).reversed_amount == 80

    async def test_several_of_one_batch_count_together(self, ledger):
        ming = await somebody()
        await ledger.earn(ming, 100)
        spent = await ledger.spend(ming, 80)
        facts = {"debit": SPENT, "credit": of_member(ming), "reverses": spent}
        outcomes = await ledger.post_each(*(ledger.spending(ming, 50, **facts) for _ in range(3)))
        assert [type(each) for each in outcomes] == [Posted, ReversedTooMuch, ReversedTooMuch]

    async def test_what_nobody_knows_cannot_be_taken_back(self, ledger):
        with pytest.raises(TransferUnknown):
            await ledger.give_back(await somebody(), 1, new_id())

    async def test_the_counter_refuses_what_was_decided_on_an_old_reading(self, ledger):
        """Beneath the decision: two that both saw everything left cannot both write."""
        ming = await somebody()
        await ledger.earn(ming, 100)
        spent = await ledger.spend(ming, 80)
        row_ = '[{"id": "%s", "transfer_id": "%s", "amount": 50}]'
        async with atomic():
            assert await rows(statements.REVERSE, row_ % (new_id(), spent), ledger.clock.now())
            assert not await rows(statements.REVERSE, row_ % (new_id(), spent), ledger.clock.now())
            await rows("DELETE FROM reversed_transfer")


class TestTheDatabase:
    async def test_it_refuses_a_balance_below_the_floor(self, ledger):
        ming = await somebody()
        await ledger.earn(ming, 10)
        account = await ledger.account(ming)
        for column, value in (("posted", -1), ("held", 11), ("floor", 11)):
            with pytest.raises(IntegrityError):
                await LedgerAccount.filter(id=account.id).update(**{column: value})

    async def test_it_refuses_to_edit_or_delete_a_transfer(self, ledger):
        transfer_id = await ledger.earn(await somebody(), 10)
        with pytest.raises(IntegrityError):
            await Transfer.filter(id=transfer_id).update(amount=11)
        with pytest.raises(IntegrityError):
            await Transfer.filter(id=transfer_id).delete()
        if dialect() == "postgres":
            with pytest.raises(IntegrityError):
                await script("TRUNCATE transfer CASCADE")

    async def test_it_refuses_a_second_transfer_of_a_cause(self, ledger):
        first = await Transfer.get(id=await ledger.earn(await somebody(), 10))
        same = {name: getattr(first, name) for name in ("programme_id", "unit", "debit_id", "credit_id", "amount")}
        with pytest.raises(IntegrityError):
            await Transfer.create(
                **same, cause_kind=first.cause_kind, cause_id=first.cause_id, happened_at=ledger.clock.now()
            )

    async def test_it_refuses_nothing_and_one_account_as_both_sides(self, ledger):
        first = await Transfer.get(id=await ledger.earn(await somebody(), 10))
        facts = {"programme_id": first.programme_id, "unit": "points", "happened_at": ledger.clock.now()}
        for sides in (
            {"debit_id": first.debit_id, "credit_id": first.credit_id, "amount": 0},
            {"debit_id": first.debit_id, "credit_id": first.debit_id, "amount": 1},
        ):
            with pytest.raises(IntegrityError):
                await Transfer.create(**facts, **sides, cause_kind="x", cause_id=str(new_id()))

    async def test_a_member_has_one_account_per_unit(self, ledger):
        ming = await somebody()
        await ledger.earn(ming, 10)
        with pytest.raises(IntegrityError):
            await LedgerAccount.create(
                programme_id=ledger.unit.programme_id, unit="points", kind=Kind.MEMBER, member_id=ming
            )

    async def test_two_units_cannot_meet_in_a_transfer(self, ledger, clock):
        growth, ming = await a_ledger(clock, "growth"), await somebody()
        await ledger.earn(ming, 10)
        await growth.earn(ming, 10)
        points = await LedgerAccount.get(unit="points", kind=Kind.ISSUED)
        account = await growth.account(ming)
        wanted = (
            f'[{{"id": "{new_id()}", "debit_id": "{points.id}", "credit_id": "{account.id}", "amount": 1,'
            ' "cause_kind": "x", "cause_id": "y", "leg": 0, "reverses_id": null}]'
        )
        assert await rows(statements.ADD_TRANSFERS, wanted, clock.now()) == []


class TestRaces:
    async def _race(self, ledger, price: int):
        ming = await somebody()
        await ledger.earn(ming, 100)
        spends = (again(lambda: ledger.spend(ming, price)) for _ in range(50))
        return ming, await asyncio.gather(*spends, return_exceptions=True)

    async def test_of_fifty_that_spend_at_once_exactly_as_many_succeed_as_can_be_paid(self, ledger):
        ming, outcomes = await self._race(ledger, 7)
        assert sum(isinstance(each, PointsShort) for each in outcomes) == 36
        assert await ledger.posted(ming) == 2
        assert await Transfer.filter(debit_id=(await ledger.account(ming)).id).count() == 14

    async def test_without_lock_and_guard_they_would_overspend(self, ledger, monkeypatch):
        """The negative control: everybody reads before anybody writes, and the same fifty all succeed."""
        growth = await a_ledger(ledger.clock, "growth")  # without lots, whose own guards would speak up
        ming = await somebody()
        await growth.earn(ming, 100)
        read, everybody = 0, asyncio.Event()

        async def read_then_write() -> None:
            nonlocal read
            balance = await growth.posted(ming)
            read += 1
            if read == 50:
                everybody.set()
            await everybody.wait()
            if balance >= 7:
                async with atomic():
                    await LedgerAccount.filter(member_id=ming, unit="growth").update(posted=balance - 7)
                succeeded.append(balance)

        succeeded: list[int] = []
        await asyncio.gather(*(read_then_write() for _ in range(50)))
        assert len(succeeded) == 50  # of which fourteen could be paid
        assert await growth.posted(ming) == 93
        assert await breaches() == ["账户余额等于流水之和"]
        await LedgerAccount.filter(member_id=ming, unit="growth").update(posted=100)

    async def test_a_lock_that_is_left_out_is_caught_by_the_guard_beneath(self, ledger, monkeypatch):
        """Two decide on the same reading: the second one's statement finds its row changed and nothing is written."""
        ming = await somebody()
        await ledger.earn(ming, 101)
        await ledger.spend(ming, 1)  # the programme's own accounts are there
        monkeypatch.setattr(statements, "LOCK_OWNED", statements.OWNED)
        opened = books.open_book
        both_read = asyncio.Barrier(2)

        async def slow(*args, **kwargs):
            book = await opened(*args, **kwargs)
            if dialect() == "postgres":
                await both_read.wait()
            return book

        monkeypatch.setattr("handlers.ledger.posting.open_book", slow)
        outcomes = await asyncio.gather(*(ledger.spend(ming, 60) for _ in range(2)), return_exceptions=True)
        refused = [each for each in outcomes if isinstance(each, Exception)]
        assert len(refused) == 1
        assert isinstance(refused[0], SerializationConflict | PointsShort | IntegrityError)
        assert await ledger.posted(ming) == 40

    async def test_accounts_are_locked_in_the_order_of_ids(self, ledger):
        """A hundred that move between the same two people in both directions: nobody waits for somebody in a ring."""
        ming, hong = await somebody(), await somebody()
        await ledger.earn(ming, 1000)
        await ledger.earn(hong, 1000)
        moves = [
            Move(ledger.unit, of_member(a), of_member(b), 1, cause()) for a, b in [(ming, hong), (hong, ming)] * 25
        ]
        await asyncio.gather(*(ledger.post(move) for move in moves))  # without trying again
        assert (await ledger.posted(ming), await ledger.posted(hong)) == (1000, 1000)


class TestCheckpoints:
    async def test_the_sum_goes_on_from_the_last_checkpoint(self, ledger):
        ming, clock = await somebody(), ledger.clock
        await ledger.earn(ming, 100)
        clock.advance(timedelta(days=1, hours=3))
        job = LedgerCheckpoints()
        assert await job.take(clock.now()) == 1
        assert await job.take(clock.now()) == 0
        await ledger.earn(ming, 11)
        later = clock.now() + timedelta(minutes=1)
        assert (await own_balances(ledger.unit, at=later))[Kind.ISSUED] == -111
        assert {each.balance for each in await LedgerCheckpoint.all()} == {-100}
        clock.advance(timedelta(days=1))
        await job.take(clock.now())
        assert (await own_balances(ledger.unit, at=clock.now()))[Kind.ISSUED] == -111

    async def test_only_what_came_after_it_is_summed(self, ledger):
        """A checkpoint that is wrong shows in the sum: whoever reads does not add up everything from the beginning."""
        ming, clock = await somebody(), ledger.clock
        await ledger.earn(ming, 100)
        clock.advance(timedelta(days=2))
        issued = await LedgerAccount.get(kind=Kind.ISSUED)
        wrong = await LedgerCheckpoint.create(account=issued, until=clock.now(), balance=-5)
        await ledger.earn(ming, 1)
        assert (await own_balances(ledger.unit, at=clock.now() + timedelta(seconds=1)))[Kind.ISSUED] == -6
        assert await breaches() == ["检查点等于此前的流水之和"]
        if dialect() == "postgres":
            await script("ALTER TABLE ledger_checkpoint DISABLE TRIGGER ALL")
        else:
            await script("DROP TRIGGER ledger_checkpoint_no_delete")
        await wrong.delete()

    async def test_a_clock_that_is_set_back_writes_nothing_before_a_checkpoint(self, ledger):
        ming, clock = await somebody(), ledger.clock
        await ledger.earn(ming, 100)
        clock.advance(timedelta(days=1, hours=3))
        await LedgerCheckpoints().take(clock.now())
        (until,) = {each.until for each in await LedgerCheckpoint.all()}
        clock.advance(timedelta(days=-1))
        late = await ledger.earn(ming, 11)
        assert (await Transfer.get(id=late)).happened_at == until
        assert (await own_balances(ledger.unit, at=until + timedelta(seconds=1)))[Kind.ISSUED] == -111

    async def test_they_cannot_be_edited(self, ledger):
        await ledger.earn(await somebody(), 100)
        await LedgerCheckpoints().take(ledger.clock.now())
        with pytest.raises(IntegrityError):
            await LedgerCheckpoint.all().update(balance=1)


class TestDoctor:
    """Each rule is shown to see its culprit."""

    @pytest.mark.parametrize(
        ("change", "undo", "what"),
        [
            (
                "UPDATE ledger_account SET posted = posted + 1 WHERE member_id IS NOT NULL",
                "- 1",
                "账户余额等于流水之和",
            ),
            (
                "UPDATE ledger_account SET held = held + 1 WHERE member_id IS NOT NULL",
                "- 1",
                "冻结金额等于未结的冻结之和",
            ),
        ],
    )
    async def test_a_balance_that_is_not_the_sum_is_found(self, ledger, change, undo, what):
        await ledger.earn(await somebody(), 100)
        await rows(change)
        assert what in await breaches()
        await rows(change.replace("+ 1", undo))

    async def test_a_lot_that_is_not_the_balance_is_found(self, ledger):
        await ledger.earn(await somebody(), 100)
        await rows("UPDATE ledger_lot SET left_amount = 99")
        assert await breaches() == ["账户的批次之和等于可用余额"]
        await rows("UPDATE ledger_lot SET left_amount = 100")

    async def test_a_counter_of_reversals_that_is_not_the_sum_is_found(self, ledger):
        transfer_id = await ledger.earn(await somebody(), 100)
        counted = await ReversedTransfer.create(transfer_id=transfer_id, amount=100, reversed_amount=1)
        assert await breaches() == ["退回的总额等于退回的流水之和，且不超过原流水"]
        await counted.delete()
