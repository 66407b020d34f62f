"""绑卡 as a consumer does it: three messages in chat and the proof in the mini-program, or all of it there."""

from datetime import timedelta

import pytest

from handlers.cards.card_kinds import KindDraft, add_kind
from models.cards import Card
from models.database import atomic
from models.linking import Review, Ticket
from models.words import CardStatus, ReviewKind
from simulator import ImpossibleError
from tests.dumping import dump, found_in
from tests.stories.old_cards import HOLDER, HOLDERS_PHONE, KIND, NAME, PIN, PINS, number, take_in

RIGHT, WRONG = {"pin": PIN}, {"pin": "0000"}


@pytest.fixture
async def store(town, tmp_path):
    return await take_in(town, tmp_path)


@pytest.fixture
async def ming(town, store):
    """A member who follows, and has bought at the shop for years."""
    return await _member(town, "小明", HOLDERS_PHONE)


async def _member(town, name, phone=None):
    person = town.person(name, phone=phone)
    await person.follow(town.oa)
    await person.say(town.oa, "入会")
    assert "入会成功" in (await person.say(town.oa, "同意")).text
    return person


async def _screen(town, person):
    screen = person.open_mini_program(town.mp)
    assert (await screen.login()).is_fine
    return screen


async def _link(town, person, body=1) -> str:
    """What the chat answers to the card's number: the link is in it."""
    await person.say(town.oa, "绑卡")
    said = (await person.say(town.oa, number(body))).text
    assert said.startswith("还差一步核实")
    return said


async def _from_chat(town, person, body=1):
    """The mini-program, opened by the link."""
    screen = person.follow_link(await _link(town, person, body))
    assert (await screen.login()).is_fine
    return screen


def _said(call) -> tuple[int, object]:
    return call.status, call.fact("code")


# --- begun in chat


async def test_three_messages_a_proof_and_the_chat_is_told(town, ming):
    async with atomic():
        await add_kind(KindDraft("gift", "礼品卡", 12, prefix="67", is_issued=False), town.house.clock)
    town.house.handlers.card_kinds.forget()
    assert (
        await ming.say(town.oa, "绑卡")
    ).text == f"要绑定哪张卡？1 {NAME}\u30002 礼品卡。回复数字，随时可回复“取消”。"
    assert (await ming.say(town.oa, "1")).text == f"请输入{NAME}的卡号，共12位，在卡片正面。"
    asked = (await ming.say(town.oa, number())).text
    assert asked.endswith("在小程序里验证，10分钟内有效。")
    assert number() not in str(await Ticket.all().values())

    screen = ming.follow_link(asked)
    await screen.login()
    nameless = await screen.bind(proof={})
    assert _said(nameless) == (422, "card.proof_missing")
    assert (nameless.fact("kind_name"), nameless.fact("last4")) == (NAME, number()[-4:])
    wrong = await screen.bind(proof=WRONG)
    assert (*_said(wrong), wrong.fact("left")) == (422, "card.proof_differs", 4)
    bound = await screen.bind(proof=RIGHT)
    assert (bound.status, bound.fact("card")["kind"]) == (201, KIND)
    assert [card["name"] for card in bound.fact("also")] == ["会员卡"]

    await town.work()
    told = ming.chat(town.oa).texts()[-1]
    assert told == f"{NAME}（尾号{number()[-4:]}）绑好了，会员卡也已一并识别，不用再绑。"
    await town.work()
    assert ming.chat(town.oa).texts().count(told) == 1
    assert f"{NAME}（尾号{number()[-4:]}）" in (await ming.say(town.oa, "我的")).text


async def test_the_secret_is_nowhere_afterwards(town, ming):
    screen = await _from_chat(town, ming)
    await screen.bind(proof=RIGHT)
    await town.work()
    assert found_in(await dump(), [number(), f"'{PIN}'"]) == set()


async def test_a_link_that_was_let_lie_opens_nothing_and_another_is_three_messages_away(town, ming):
    said = await _link(town, ming)
    screen = ming.follow_link(said)
    await screen.login()
    town.wait(timedelta(minutes=10))
    with pytest.raises(ImpossibleError):
        ming.follow_link(said)  # to WeChat it is gone as well
    assert _said(await screen.bind(proof=RIGHT)) == (409, "ticket.expired")
    again = await _from_chat(town, ming)
    assert (await again.bind(proof=RIGHT)).status == 201


async def test_a_link_works_once_and_a_repeated_tap_hears_the_same(town, ming):
    screen = await _from_chat(town, ming)
    ticket = screen.ticket
    first = await screen.bind(proof=RIGHT, key="tap")
    body = {"ticket": ticket, "proof": RIGHT}
    again = await screen.call("POST", "/me/cards", body, key="tap")
    assert (again.status, again.answer) == (201, first.answer)
    assert _said(await screen.call("POST", "/me/cards", body, key="another-tap")) == (409, "ticket.used")
    await town.work()
    assert sum("绑好了" in said for said in ming.chat(town.oa).texts()) == 1


async def test_a_forwarded_link_binds_nothing_for_whoever_opens_it(town, ming):
    said = await _link(town, ming)
    hong = await _member(town, "小红")
    theirs = hong.follow_link(said)
    await theirs.login()
    for proof in ({}, WRONG, RIGHT):
        refused = await theirs.bind(proof=proof)
        assert _said(refused) == (403, "ticket.not_yours")
        assert number()[-4:] not in str(refused.answer)
    assert await Card.filter(kind__code=KIND, status=CardStatus.BOUND).count() == 0
    mine = ming.follow_link(said)
    await mine.login()
    assert (await mine.bind(proof=RIGHT)).status == 201  # trying it elsewhere did not use it up


async def test_a_forged_link_is_no_link(town, ming):
    screen = await _from_chat(town, ming)
    screen.ticket = "x" * len(screen.ticket)
    assert _said(await screen.bind(proof=RIGHT)) == (404, "ticket.invalid")


async def test_a_typing_mistake_is_said_at_once_and_the_question_stays(town, ming):
    await ming.say(town.oa, "绑卡")
    mistyped = number()[:-1] + str((int(number()[-1]) + 1) % 10)
    for said in (mistyped, number()[:-1], "卡不见了"):
        assert "请对照卡面再输一次" in (await ming.say(town.oa, said)).text
    assert "还差一步核实" in (await ming.say(town.oa, f"{number()[:4]} {number()[4:8]}-{number()[8:]}")).text


async def test_a_number_whose_question_was_lost_is_not_taken_for_nonsense(town, ming):
    await ming.say(town.oa, "绑卡")
    await town.house.redis.run(("FLUSHALL",))
    lost = await ming.say(town.oa, number())
    assert lost.text == "刚才的绑卡没有完成，没有改动任何内容。请重新回复“绑卡”。"
    assert await Ticket.all().count() == 0


async def test_who_has_not_joined_is_shown_the_way(town, store):
    hong = town.person("小红")
    await hong.follow(town.oa)
    assert "回复“入会”" in (await hong.say(town.oa, "绑卡")).text


# --- in the mini-program


@pytest.mark.parametrize("way", ["pin", "name", "phone"])
async def test_every_way_of_proving_binds_in_the_mini_program(town, ming, store, way):
    screen = await _screen(town, ming)
    await screen.look_at_cards()
    (kind,) = screen.kinds
    assert (kind["code"], kind["digit_count"], kind["stores"]) == (KIND, 12, [{"id": str(store.id), "name": "湖滨店"}])
    body = {"pin": 1, "name": 2, "phone": 3}[way]
    proof = {"pin": RIGHT, "name": {"name": HOLDER, "store_id": str(store.id)}, "phone": {}}[way]
    card = {"kind": KIND, "number": number(body)}
    bound = await screen.bind(card=card, proof=proof, with_phone=way == "phone")
    assert (bound.status, bound.fact("card")["last4"]) == (201, number(body)[-4:])
    assert {(each["kind"], each["status"]) for each in screen.cards} == {("member", "bound"), (KIND, "bound")}
    assert f"{NAME}（尾号{number(body)[-4:]}）" in (await ming.say(town.oa, "我的")).text


async def test_binding_ends_the_sessions_on_other_devices(town, ming):
    here, there = await _screen(town, ming), await _screen(town, ming)
    assert (await here.bind(card={"kind": KIND, "number": number()}, proof=RIGHT)).status == 201
    assert (await there.me()).status == 401
    assert (await here.me()).status == 200


async def test_the_members_code_is_shown_and_chat_knows_the_way(town, ming):
    screen = await _screen(town, ming)
    code = await screen.show_code()
    assert code.status == 201
    assert str(code.fact("qr_svg")).startswith("<svg ")
    assert ming.follow_link((await ming.say(town.oa, "会员码")).text).account is town.mp


# --- bound already


async def test_a_card_that_is_already_theirs_says_so_and_costs_no_try(town, ming):
    await (await _from_chat(town, ming)).bind(proof=RIGHT)
    for _ in range(6):
        screen = await _from_chat(town, ming)
        assert _said(await screen.bind(proof=WRONG)) == (409, "card.already_yours")
    assert (await screen.bind(card={"kind": KIND, "number": number(PINS[0])}, proof=RIGHT)).status == 201


async def test_a_card_bound_to_somebody_else_says_so_only_after_the_proof_and_opens_a_case(town, ming):
    hong = await _member(town, "小红")
    assert (await (await _from_chat(town, hong)).bind(proof=RIGHT)).status == 201
    screen = await _from_chat(town, ming)
    unknown = await screen.bind(card={"kind": KIND, "number": number(999)}, proof=WRONG)
    differs = await screen.bind(proof=WRONG)
    assert _said(unknown) == _said(differs) == (422, "card.proof_differs")
    assert await Review.all().count() == 0
    held = await screen.bind(proof=RIGHT)
    assert _said(held) == (409, "card.held")
    assert held.fact("title") == "这张卡已绑定另一个微信。如果卡是您的，请回复“人工”，核实后帮您处理。"
    assert (await Review.get()).kind is ReviewKind.CARD_HELD
    assert NAME not in (await ming.say(town.oa, "我的")).text
    assert NAME in (await hong.say(town.oa, "我的")).text


# --- guessing


async def test_after_five_wrong_proofs_nothing_helps_but_an_hour(town, ming):
    screen = await _from_chat(town, ming)
    left = [(await screen.bind(proof=WRONG)).fact("left") for _ in range(5)]
    assert left == [4, 3, 2, 1, 0]
    full = await screen.bind(proof=RIGHT)
    assert _said(full) == (429, "card.tries_used_up")
    assert 3_500 < int(full.headers["retry-after"]) <= 3_600

    # Neither a new link, nor a Redis that forgot everything, nor another card, nor another member at this card.
    await town.house.redis.run(("FLUSHALL",))
    screen = await _from_chat(town, ming)
    assert _said(await screen.bind(proof=RIGHT)) == (429, "card.tries_used_up")
    other_card = {"kind": KIND, "number": number(PINS[0])}
    assert _said(await screen.bind(card=other_card, proof=RIGHT)) == (429, "card.tries_used_up")
    hong = await _member(town, "小红")
    assert _said(await (await _from_chat(town, hong)).bind(proof=RIGHT)) == (429, "card.tries_used_up")

    town.wait(timedelta(minutes=59))
    screen = await _from_chat(town, ming)
    assert _said(await screen.bind(proof=RIGHT)) == (429, "card.tries_used_up")
    town.wait(timedelta(minutes=1))
    assert (await screen.bind(proof=RIGHT)).status == 201
    await town.work()
    assert "绑好了" in ming.chat(town.oa).texts()[-1]
