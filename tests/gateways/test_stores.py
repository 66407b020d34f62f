import asyncio
import contextlib
import gc
import time
from datetime import timedelta

from gateways.stores import BatchedRedis, RedisAnswers, RedisDialogues, RedisExchangedCodes
from gateways.stores.commands import RedisUnavailable
from gateways.stores.leases import Leases
from handlers.ports import PENDING, DialogueState

LASTING = timedelta(minutes=10)


async def stored(answers: RedisAnswers) -> None:
    """What was posted is carried out before what is asked after it."""
    with contextlib.suppress(RedisUnavailable):
        await answers._redis.ping()


async def test_one_of_fifty_deliveries_is_the_first(processes):
    stores = [RedisAnswers(processes()) for _ in range(3)]
    claims = await asyncio.gather(*(store.claim("push") for _ in range(17) for store in stores))
    assert claims.count(None) == 1
    assert set(claims) == {None, PENDING}


async def test_a_given_answer_is_what_every_further_delivery_gets(processes):
    here, there = RedisAnswers(processes()), RedisAnswers(processes())
    assert await here.claim("push") is None
    here.give("push", "<xml>饭票</xml>", lasting=LASTING)
    await stored(here)
    assert await here.claim("push") == await there.claim("push") == "<xml>饭票</xml>"
    assert await there.claim("another push") is None


async def test_an_empty_answer_is_an_answer(commands):
    answers = RedisAnswers(commands)
    await answers.claim("push")
    answers.give("push", "", lasting=LASTING)
    await stored(answers)
    assert await answers.claim("push") == ""
    assert await answers.wait("push", 0.1) == ""


async def test_those_who_wait_get_the_answer_in_this_process_and_in_others(processes):
    here, there = RedisAnswers(processes()), RedisAnswers(processes())
    await here.claim("push")
    waiting = [asyncio.create_task(store.wait("push", 30)) for store in (here, here, there)]
    await asyncio.sleep(0.1)
    started = time.perf_counter()
    here.give("push", "answer", lasting=LASTING)
    await stored(here)
    assert await asyncio.gather(*waiting) == ["answer"] * 3
    assert time.perf_counter() - started < 5
    assert here._here == {}


async def test_waiting_ends_in_time_without_an_answer(commands):
    answers = RedisAnswers(commands)
    await answers.claim("push")
    started = time.perf_counter()
    assert await answers.wait("push", 0.2) is None
    assert 0.15 < time.perf_counter() - started < 5


async def test_waiting_ends_at_once_when_nobody_is_at_it_any_more(processes):
    died, here = RedisAnswers(processes()), RedisAnswers(processes())
    await died.claim("push")
    waiting = asyncio.create_task(here.wait("push", 30))
    await asyncio.sleep(0.1)
    await died.release("push")  # as its end does
    started = time.perf_counter()
    assert await waiting is None
    assert time.perf_counter() - started < 10
    assert await here.claim("push") is None


async def test_a_wiped_redis_does_not_end_the_waiting_for_this_process_own_work(commands, connect):
    answers = RedisAnswers(commands)
    await answers.claim("push")
    await connect().flushall()
    waiting = asyncio.create_task(answers.wait("push", 30))
    await asyncio.sleep(0.2)
    answers.give("push", "answer", lasting=LASTING)
    await stored(answers)
    assert await waiting == "answer"


async def test_a_claim_that_was_given_back_can_be_taken_again(processes):
    here, there = RedisAnswers(processes()), RedisAnswers(processes())
    await here.claim("push")
    await there.release("push")  # not its own: changes nothing
    assert await there.claim("push") == PENDING
    await here.release("push")
    assert await there.claim("push") is None


async def test_giving_back_never_takes_an_answer_away(commands):
    answers = RedisAnswers(commands)
    await answers.claim("push")
    answers.give("push", "answer", lasting=LASTING)
    await stored(answers)
    await answers.release("push")
    assert await answers.claim("push") == "answer"


async def test_keys_of_answers_do_not_show_whom_they_are_for(commands, connect):
    await RedisAnswers(commands).claim("oGZUI0egBJY1zhBYw2KhdUfwVJJE|1700000000|" + "x" * 5000)
    (key,) = await connect().keys()
    assert b"oGZUI0" not in key
    assert len(key) < 100


async def test_a_claim_is_one_round_trip_and_giving_waits_for_none(commands, monkeypatch):
    trips = []
    exchange = commands._exchange

    async def counted(packed, count):
        trips.append(count)
        return await exchange(packed, count)

    monkeypatch.setattr(commands, "_exchange", counted)
    answers = RedisAnswers(commands)
    await answers.claim("push")
    answers.give("push", "answer", lasting=LASTING)
    assert len(trips) == 1
    await stored(answers)
    assert len(trips) == 2  # given and asked for together


async def test_without_redis_every_delivery_is_taken_for_the_first(mortal, mortal_redis):
    answers = RedisAnswers(mortal())
    mortal_redis.kill()
    assert await answers.claim("push") is None
    answers.give("push", "answer", lasting=LASTING)
    await stored(answers)
    await answers.release("push")
    assert await answers.wait("push", 0.1) is None


async def test_a_wiped_redis_forgets_claims_and_goes_on(commands, connect):
    answers = RedisAnswers(commands)
    await answers.claim("push")
    await connect().flushall()
    assert await answers.claim("push") is None
    answers.give("push", "answer", lasting=LASTING)
    await stored(answers)
    assert await answers.wait("push", 0.1) == "answer"


async def test_a_lease_is_found_to_be_the_callers_own_when_the_batch_was_sent_twice(commands, monkeypatch):
    """The connection broke after Redis had done it, so `commands` sends it again."""
    once = commands._once

    async def twice(packed, count):
        await once(packed, count)
        return await once(packed, count)

    monkeypatch.setattr(commands, "_once", twice)
    leases = Leases(commands, seconds=5)
    assert await leases.take("fanpiao:lease") is None
    assert await leases.take("fanpiao:lease") is not None


async def test_a_lease_that_ended_is_anybodys_and_its_first_holder_cannot_end_the_next(processes):
    here, there = Leases(processes(), seconds=0.1), Leases(processes(), seconds=5)
    assert await here.take("fanpiao:lease") is None
    assert await there.take("fanpiao:lease") is not None
    await asyncio.sleep(0.15)
    assert await there.take("fanpiao:lease") is None
    await here.give_back("fanpiao:lease")
    assert await here.take("fanpiao:lease") is not None


async def test_leases_never_given_back_do_not_fill_the_memory(commands, monkeypatch):
    monkeypatch.setattr("gateways.stores.leases._REMEMBERED_AT_MOST", 10)
    leases = Leases(commands, seconds=5)
    for number in range(30):
        await leases.take(f"fanpiao:lease:{number}")
    assert len(leases._marks) == 10


async def test_an_exchanged_code_is_remembered_for_all_processes(processes):
    here, there = RedisExchangedCodes(processes()), RedisExchangedCodes(processes())
    assert await here.take("code") is None
    assert await there.take("code") == PENDING
    here.remember("code", "k1.cipher")
    await here._redis.ping()
    assert await there.take("code") == "k1.cipher"


async def test_one_of_many_exchanges_a_code(processes):
    stores = [RedisExchangedCodes(processes()) for _ in range(3)]
    taken = await asyncio.gather(*(store.take("code") for _ in range(10) for store in stores))
    assert taken.count(None) == 1
    holder = stores[taken.index(None) % 3]
    await next(store for store in stores if store is not holder).release("code")
    assert await holder.take("code") == PENDING
    await holder.release("code")
    assert await stores[0].take("code") is None


async def test_without_redis_codes_are_exchanged_but_not_remembered(mortal, mortal_redis):
    codes = RedisExchangedCodes(mortal())
    mortal_redis.kill()
    assert await codes.take("code") is None
    codes.remember("code", "cipher")
    assert await codes.take("code") is None
    await codes.release("code")


STATE = DialogueState("join", "consent", {"说": "同意", "tries": 2, "options": ["a", "b"]})


async def test_a_dialogue_is_found_by_account_and_person_in_every_process(processes):
    here, there = RedisDialogues(processes()), RedisDialogues(processes())
    await here.keep("oa", "m1", STATE, lasting=timedelta(minutes=5))
    assert await there.look("oa", "m1") == STATE
    assert await there.look("oa2", "m1") is None
    assert await there.look("oa", "m2") is None
    await there.drop("oa", "m1")
    assert await here.look("oa", "m1") is None


async def test_the_store_shows_no_openid(commands, connect):
    await RedisDialogues(commands).keep("oa", "oGZUI0egBJY1zhBYw2KhdUfwVJJE", STATE, lasting=timedelta(minutes=5))
    assert not any(b"oGZUI0" in key for key in await connect().keys())


async def test_a_look_that_nobody_waits_for_is_nobodys_trouble(mortal, mortal_redis, caplog):
    dialogues = RedisDialogues(mortal())
    mortal_redis.kill()
    dialogues.look("oa", "o-1")
    await asyncio.sleep(0.2)
    gc.collect()
    assert "never retrieved" not in caplog.text


async def test_a_dialogue_ends_when_nothing_is_said_for_its_time(commands):
    dialogues = RedisDialogues(commands)
    await dialogues.keep("oa", "m1", STATE, lasting=timedelta(seconds=0.1))
    await asyncio.sleep(0.15)
    assert await dialogues.look("oa", "m1") is None


async def test_a_dialogue_that_cannot_be_read_is_none(commands, connect):
    for written in (b"not json", b"[1]", b'{"name": "join"}', b'{"other": 1}'):
        await connect().set("fanpiao:dialogue:oa:m1", written, ex=60)
        assert await RedisDialogues(commands).look("oa", "m1") is None


async def test_without_redis_nobody_is_in_a_dialogue(mortal, mortal_redis):
    dialogues = RedisDialogues(mortal())
    await dialogues.keep("oa", "m1", STATE, lasting=timedelta(minutes=5))
    mortal_redis.kill()
    assert await dialogues.look("oa", "m1") is None
    await dialogues.keep("oa", "m1", STATE, lasting=timedelta(minutes=5))
    await dialogues.drop("oa", "m1")


async def test_a_slow_redis_holds_nobody_up_for_long(mortal, mortal_redis):
    commands: BatchedRedis = mortal(rest_seconds=3.0)
    answers, dialogues = RedisAnswers(commands), RedisDialogues(commands)
    mortal_redis.freeze()
    try:
        started = time.perf_counter()
        assert await answers.claim("push") is None
        assert time.perf_counter() - started < 2.5
        started = time.perf_counter()
        assert await dialogues.look("oa", "m1") is None  # the one before has already waited
        assert time.perf_counter() - started < 0.4  # and half a second is what a wait would take
    finally:
        mortal_redis.thaw()
    await asyncio.sleep(3.1)
    await dialogues.keep("oa", "m1", STATE, lasting=timedelta(minutes=5))
    assert await dialogues.look("oa", "m1") == STATE


async def test_stores_go_on_by_themselves_when_redis_comes_back(mortal, mortal_redis):
    dialogues = RedisDialogues(mortal())
    await dialogues.keep("oa", "m1", STATE, lasting=timedelta(minutes=5))
    mortal_redis.kill()
    assert await dialogues.look("oa", "m1") is None
    mortal_redis.start()
    await dialogues.keep("oa", "m1", STATE, lasting=timedelta(minutes=5))
    assert await dialogues.look("oa", "m1") == STATE
