"""Gestures by name, for whoever moves people from outside."""

from collections.abc import Awaitable, Callable, Mapping

from simulator.accounts import Account
from simulator.control.given import Given, GivenError
from simulator.mini_program import MiniProgram
from simulator.person import Person
from simulator.pushing import Push
from simulator.rest import RestCall

GESTURES: Mapping[str, Callable[[Person, Account, Given], Awaitable[Push]]] = {
    "follow": lambda person, account, given: person.follow(account, given.optional("scene")),
    "unfollow": lambda person, account, _given: person.unfollow(account),
    "scan": lambda person, account, given: person.scan(account, given.text("scene")),
    "say": lambda person, account, given: person.say(account, given.text("text"), menu_id=given.optional("menu_id")),
    "send_image": lambda person, account, _given: person.send_image(account),
    "send_voice": lambda person, account, _given: person.send_voice(account),
    "send_video": lambda person, account, _given: person.send_video(account),
    "send_sticker": lambda person, account, _given: person.send_sticker(account),
    "send_location": lambda person, account, given: person.send_location(
        account, given.number("latitude"), given.number("longitude"), given.optional("label") or ""
    ),
    "send_link": lambda person, account, given: person.send_link(account, given.text("title"), given.text("url")),
    "tap": lambda person, account, given: person.tap(
        account, given.text("wanted"), scanned=given.optional("scanned") or ""
    ),
    "enter_session": lambda person, account, given: person.enter_session(account, given.optional("from") or ""),
    "raw": lambda person, account, given: person.raw(account, given.mapping("fields")),
    "answer_popup": lambda person, account, given: person.answer_popup(
        account, given.text("template_id"), accept=given.flag("accept", default=True)
    ),
    "switch_off": lambda person, account, given: person.switch_off(account, given.text("template_id")),
}

SCREEN_GESTURES: Mapping[str, Callable[[MiniProgram, Given], Awaitable[RestCall]]] = {
    "login": lambda screen, _given: screen.login(),
    "join": lambda screen, given: screen.join(with_phone=given.flag("with_phone"), key=given.optional("key")),
    "me": lambda screen, _given: screen.me(),
    "cities": lambda screen, _given: screen.look_at_cities(),
    "choose_city": lambda screen, given: screen.choose_city(given.optional("city")),
    "cards": lambda screen, _given: screen.look_at_cards(),
    "standing": lambda screen, _given: screen.look_at_standing(),
    "bind": lambda screen, given: screen.bind(
        card=given.mapping("card") if given.fields.get("card") else None,
        proof=given.mapping("proof") if given.fields.get("proof") else None,
        with_phone=given.flag("with_phone"),
        key=given.optional("key"),
    ),
    "code": lambda screen, _given: screen.show_code(),
    "offers": lambda screen, _given: screen.offers(),
    "claim": lambda screen, given: screen.claim(
        given.text("offer"),
        choices=given.texts("choices"),
        recharge_to=given.optional("recharge_to"),
        key=given.optional("key"),
    ),
    "buy": lambda screen, given: screen.buy(
        given.text("offer"), quantity=given.count("quantity") or 1, key=given.optional("key")
    ),
    "buy_on_bill": lambda screen, given: screen.billing.buy(given.text("offer"), key=given.optional("key")),
    "confirm_bill": lambda screen, given: screen.billing.confirm(
        given.text("order"), given.text("code"), key=given.optional("key")
    ),
    "pay": lambda screen, given: screen.pay_for(given.text("order")),
    "cancel_order": lambda screen, given: screen.cancel_order(given.text("order"), key=given.optional("key")),
    "orders": lambda screen, _given: screen.orders.look(),
    "refund_quote": lambda screen, given: screen.orders.quote(given.text("order")),
    "refund": lambda screen, given: screen.orders.refund(
        given.text("order"),
        given.count("amount_fen") or 0,
        reason=given.optional("reason") or "",
        key=given.optional("key"),
    ),
    "promoting": lambda screen, _given: screen.promoting.look(),
    "apply": lambda screen, given: screen.promoting.apply(key=given.optional("key")),
    "make_link": lambda screen, given: screen.promoting.make_link(key=given.optional("key")),
    "take_out": lambda screen, given: screen.promoting.take_out(
        given.count("amount_fen") or 0, name=given.optional("name") or "", key=given.optional("key")
    ),
    "withdrawal": lambda screen, given: screen.promoting.withdrawal(given.text("withdrawal")),
    "take_money": lambda screen, given: screen.promoting.confirm(given.text("withdrawal")),
    "refuse_money": lambda screen, given: screen.promoting.refuse(given.text("withdrawal")),
    "give_up": lambda screen, given: screen.promoting.give_up(given.text("withdrawal"), key=given.optional("key")),
    "membership": lambda screen, _given: screen.membership.look(),
    "buy_plan": lambda screen, given: screen.membership.buy(
        given.text("plan"), given.count("amount_fen"), key=given.optional("key")
    ),
    "try_plan": lambda screen, given: screen.membership.begin_trial(given.text("plan"), key=given.optional("key")),
    "use_code": lambda screen, given: screen.membership.use_code(given.text("code"), key=given.optional("key")),
    "wallet": lambda screen, _given: screen.wallet(),
    "check_ins": lambda screen, _given: screen.check_ins(),
    "check_in": lambda screen, given: screen.check_in(key=given.optional("key")),
    "make_up": lambda screen, given: screen.make_up(given.text("day"), key=given.optional("key")),
    "draws": lambda screen, _given: screen.draws.look(),
    "draw": lambda screen, given: screen.draws.open(given.text("draw")),
    "spin": lambda screen, given: screen.draws.spin(
        given.text("draw"),
        times=given.count("times") or 1,
        most_points=given.count("points") or 0,  # a phone spends what its person agreed to
        key=given.optional("key"),
    ),
    "address": lambda screen, given: screen.draws.address(given.text("parcel"), given.text("address")),
    "take_prize": lambda screen, given: screen.draws.take(
        given.text("prize"),
        recharge_to=given.optional("recharge_to"),
        choices=given.texts("choices"),
        key=given.optional("key"),
    ),
    "fairness": lambda screen, given: screen.draws.look_at_fairness(given.text("draw")),
    "log": lambda screen, given: screen.draws.download(given.text("draw"), given.text("day")),
    "look_at": lambda screen, given: screen.look_at(given.text("claim")),
    "claim_of_ticket": lambda screen, given: screen.claim_of_ticket(given.text("ticket")),
    "pass": lambda screen, given: screen.pass_of(given.text("claim")),
    "accept": lambda screen, given: screen.counter.accept(given.text("invitation"), key=given.optional("key")),
    "sign_in": lambda screen, _given: screen.counter.sign_in(),
    "look": lambda screen, given: screen.counter.look(token=given.optional("token"), code=given.optional("code")),
    "redeem": lambda screen, given: screen.counter.redeem(
        token=given.optional("token"),
        code=given.optional("code"),
        claim=given.optional("claim"),
        uses=given.count("uses") or 1,
        bill_fen=given.count("bill_fen"),
        store=given.optional("store"),
        key=given.optional("key"),
    ),
    "reverse": lambda screen, given: screen.counter.reverse(
        given.text("redemption"), given.text("reason"), key=given.optional("key")
    ),
    "history": lambda screen, _given: screen.counter.history(),
    "identify": lambda screen, given: screen.counter.identify(given.text("token")),
    "open_shift": lambda screen, given: screen.counter.open_shift(key=given.optional("key")),
    "look_at_shift": lambda screen, _given: screen.counter.look_at_shift(),
    "close_shift": lambda screen, given: screen.counter.close_shift(key=given.optional("key")),
    "leave": lambda screen, _given: screen.counter.leave(),
    "withdraw": lambda screen, given: screen.withdraw(given.text("purpose")),
    "logout": lambda screen, _given: screen.logout(),
    "call": lambda screen, given: screen.call(
        given.text("method"), given.text("path"), given.fields.get("body"), key=given.optional("key")
    ),
}


async def move(person: Person, account: Account, given: Given) -> Push:
    """Let a person make the gesture named `gesture`."""
    gesture = GESTURES.get(given.text("gesture"))
    if gesture is None:
        raise GivenError(f"gesture must be one of {', '.join(GESTURES)}")
    return await gesture(person, account, given)


async def touch(screen: MiniProgram, given: Given) -> RestCall:
    """Let a person do something in an opened mini-program."""
    gesture = SCREEN_GESTURES.get(given.text("gesture"))
    if gesture is None:
        raise GivenError(f"gesture must be one of {', '.join(SCREEN_GESTURES)}")
    return await gesture(screen, given)
