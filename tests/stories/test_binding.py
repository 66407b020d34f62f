"""绑卡 as a consumer does it: three messages in chat, the proof in the mini-program."""

import re

from handlers.card_binding import pin_hash
from handlers.card_kinds import KindDraft, add_kind
from handlers.recognition import number_hash
from handlers.rules.numbers import check_digit
from models.cards import Card
from models.database import atomic
from models.linking import Ticket
from models.programmes import CardKind

DIGITS = "66000000001"
NUMBER = DIGITS + check_digit(DIGITS)


async def test_bind_in_chat_then_prove_in_the_mini_program(town):
    vault = town.house.handlers.card_binding._vault
    async with atomic():
        for code, name in (("old", "老会员卡"), ("gift", "礼品卡")):
            await add_kind(KindDraft(code, name, 12, prefix="66", is_issued=False), town.house.clock)
    town.house.handlers.card_kinds.forget()
    kind = await CardKind.get(code="old")
    await Card.create(
        kind_id=kind.id,
        programme_id=kind.programme_id,
        number_hash=number_hash(vault, NUMBER),
        number_cipher="unused",
        last4=NUMBER[-4:],
        pin_hash=pin_hash(vault, NUMBER, "4321"),
    )
    ming = town.person()
    await ming.follow(town.oa)
    screen = ming.open_mini_program(town.mp)
    joined = await screen.join(with_phone=False)
    assert [card["name"] for card in joined.fact("cards")] == ["会员卡"]
    assert "1 老会员卡" in (await ming.say(town.oa, "绑卡")).text
    assert "共12位" in (await ming.say(town.oa, "1")).text
    answer = (await ming.say(town.oa, NUMBER)).text
    assert "10分钟内有效" in answer
    assert NUMBER not in str(await Ticket.all().values())
    wrong = await screen.call("POST", "/me/cards", {"kind": "old", "number": NUMBER, "proof": {"pin": "1"}}, key="a")
    assert (wrong.status, wrong.fact("code"), wrong.fact("left")) == (422, "card.proof_differs", 4)
    bound = await screen.call("POST", "/me/cards", {"kind": "old", "number": NUMBER, "proof": {"pin": "4321"}}, key="b")
    assert (bound.status, bound.fact("card")["last4"]) == (201, NUMBER[-4:])
    listed = await screen.call("GET", "/me/cards")
    assert {card["kind"] for card in listed.fact("items")} == {"member", "old"}
    code = await screen.call("POST", "/me/code")
    assert code.status == 201
    assert re.match(r"<svg ", code.fact("qr_svg"))
    assert "打开会员码" in (await ming.say(town.oa, "会员码")).text
