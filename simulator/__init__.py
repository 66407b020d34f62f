"""A pretend WeChat platform with pretend people. It imports nothing of the server it tests and speaks HTTP only.

Run it with `python -m simulator --help` and open `/phone`, or use it inside a test:

    oa = Account(kind=Kind.OFFICIAL_ACCOUNT, name="oa", app_id="wx…", secret="…", token="…", original_id="gh_…",
                 aes_key="…", mode=Mode.SAFE)                   # pushes go to {backend}/wechat/oa
    mp = Account(kind=Kind.MINI_PROGRAM, name="mp", app_id="wx…", secret="…", token="…", original_id="gh_…")
    platform = Platform([oa, mp], backend="http://127.0.0.1:8080", clock=Clock(), rules=DeliveryRules(deadline=0.5))
    server = await aiohttp_server(create_app(platform))         # point FANPIAO_WECHAT__API_URL at server.make_url("/")

    person = platform.person("小明", phone="13800000001")
    push = await person.follow(oa, scene="store_7")             # a Push: deliveries, taken, reply, text, is_fault_shown
    push = await person.say(oa, "入会")                          # push.text is what the account answered
    person.chat(oa).texts()                                     # everything the account said, also by custom/send
    screen = person.open_mini_program(mp, scene="store_7")
    call = await screen.join(with_phone=True)                   # a RestCall: status, answer, headers, is_fine, fact()
    call = await screen.call("GET", "/me/cards", key="…")       # any call below /api/v1

People: follow, unfollow, scan, say, send_image|voice|video|sticker|location|link, tap, raw, answer_popup, switch_off,
enter_session, open_mini_program; attributes phone, is_risky (40226), refuses (app ids, 48002), accepts, follows,
windows.
The screen: login, join, me, logout, call, login_code, phone_code, encrypted_phone; token, member, calls.
    call = await screen.offers()                                # call.fact("items"); screen.catalogue
    call = await screen.claim(offer_id, key="…")                # also wallet, look_at(claim), pass_of(claim)
Its draws: `screen.draws`; look, open(draw), spin(draw, times=…), address(parcel, text), look_at_fairness(draw),
take(prize, recharge_to=… or choices=…), download(draw, day); `receipts` are what the phone keeps.
Its counter, for a clerk: `counter = screen.counter`; accept(invitation), sign_in, look(token=… or code=…), redeem(…),
what_became_of(key), reverse(id, reason), history, leave; `platform.passes()` is what other phones show and it can scan.

Pushes going wrong: `platform.pusher.switches.once(Tampering(lost_answers=1))`, `.always(…)`, `.clear()`;
`platform.pusher.replay(push)`, `.verify(account)` (the echo check); `platform.pusher.history`.
Interfaces going wrong: `platform.faults.fail("/cgi-bin/user/info", 45009, times=2)`, `.http_status(path, 504)`,
`.hang(path, seconds)`, `.hang_after_doing(path, seconds)`, `.clear()`; path `*` is every interface.
Top-ups: `platform.supplier`, a pretend supplier at `/supplier` (its `secret` is what operators enter); it misbehaves by
`.once(Conduct(hangs=8.0))`, `.always(…)`, `.behave()`; `.orders`, `.tell(order)`, `await .settle()`.
Its account of points: `platform.points`, with `.balances` by number and `.holds`; it misbehaves by
`.once(PointsConduct(act="post", loses=True))`.
WeChat Pay: `platform.pay`, of the `merchant` that the platform was made with; `.once(PayConduct(...))` misbehaves;
`.trades`, `.refunds` are its books; `call = await screen.buy(offer_id)`, then `screen.pay(call.fact("payment"))`;
`await platform.pay.settle()`, `.tell_trade(trade, age=400)`. Transfers: `.transfers.bills`, `screen.take_money(...)`,
`platform.pay.send_home()` after a day.
A carrier: `platform.carrier`, at `/carrier`, with `.sign_up(number)`, `.messages` and `.code(number)` (the SMS of a
phone), `.charges`, `.refunds`, `.on_bill()`; `.bent` bends its bill files; it misbehaves by
`.once(CarrierConduct(act="charges/confirm", hangs=8.0))`.
`platform.tokens.expire_all()` (42001) and `.revoke_all()` (40001); `platform.clock.advance(seconds)`;
`platform.quotas.limits[path] = 10`; `platform.call_counts[path]`; `platform.calls`; `await platform.settle()` waits for
events the platform sends on its own (TEMPLATESENDJOBFINISH and the like). Stopping the application closes the platform.
"""

from simulator.accounts import Account, Kind, Mode, PushFormat
from simulator.carrier_desk import CarrierConduct
from simulator.clock import Clock
from simulator.command_line import main
from simulator.counter import Counter
from simulator.errors import ImpossibleError
from simulator.faults import Faults
from simulator.mini_program import MiniProgram
from simulator.pay_crypto import Merchant
from simulator.pay_desk import PayConduct
from simulator.person import Person
from simulator.platform import Platform
from simulator.points_account import PointsConduct
from simulator.pushing import Delivery, DeliveryRules, Push
from simulator.rest import RestCall
from simulator.server import create_app
from simulator.supplier import Conduct
from simulator.tampering import Tampering

__all__ = [
    "Account",
    "CarrierConduct",
    "Clock",
    "Conduct",
    "Counter",
    "Delivery",
    "DeliveryRules",
    "Faults",
    "ImpossibleError",
    "Kind",
    "Merchant",
    "MiniProgram",
    "Mode",
    "PayConduct",
    "Person",
    "Platform",
    "PointsConduct",
    "Push",
    "PushFormat",
    "RestCall",
    "Tampering",
    "create_app",
    "main",
]
