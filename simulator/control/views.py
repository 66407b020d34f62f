"""The world as JSON."""

from collections.abc import Mapping
from dataclasses import asdict

from simulator.accounts import Account
from simulator.chats import Bubble
from simulator.counter import Counter
from simulator.crypto import CipherError, decrypt_message
from simulator.draws import Draws
from simulator.markup import MarkupError, parse
from simulator.mini_program import MiniProgram
from simulator.person import Person
from simulator.pictures import SceneCode
from simulator.platform import ApiCall, Platform
from simulator.promoting import Promoting
from simulator.pushing import Delivery, Push
from simulator.rest import RestCall
from simulator.supplier import PATH

_OUT_OF_SIGHT = {"token", "qr_svg", "visit_token", "picture"}


def world(platform: Platform) -> dict[str, object]:
    """What hardly changes: accounts, people, codes, switches."""
    return {
        "now": platform.clock.now(),
        "backend": platform.line.backend,
        "accounts": [account_view(platform, account) for account in platform.accounts.values()],
        "people": [person_line(platform, person) for person in platform.people.values()],
        "codes": [code_view(code) for code in platform.scene_codes.live()],
        "tampering": asdict(platform.pusher.switches.standing),
        "faults": [asdict(fault) for fault in platform.faults.ordered],
        "conduct": asdict(platform.supplier.standing),
    }


def supplier_view(platform: Platform) -> dict[str, object]:
    """The pretend supplier: how to reach it, how it behaves, its books. What it signs with is for trying out only."""
    supplier = platform.supplier
    return {
        "path": PATH,
        "secret": supplier.secret,
        "conduct": asdict(supplier.standing),
        "orders": [order.shown for order in reversed(supplier.orders.values())],
        "holds": [hold.shown for hold in reversed(platform.points.holds.values())],
    }


def account_view(platform: Platform, account: Account) -> dict[str, object]:
    """One account without its secrets."""
    return {
        "name": account.name,
        "kind": account.kind,
        "title": account.title or account.name,
        "app_id": account.app_id,
        "mode": account.mode,
        "templates": list(account.templates),
        "menu": platform.menus.get(account.app_id),
    }


def person_line(platform: Platform, person: Person) -> dict[str, object]:
    """A person in a list."""
    follows = [account.name for account in platform.accounts.values() if person.is_following(account)]
    return {"id": person.id, "name": person.name, "phone": person.phone, "follows": follows}


def person_view(platform: Platform, person: Person) -> dict[str, object]:
    """Everything about one person but the chats."""
    now = platform.clock.now()
    return {
        **person_line(platform, person),
        "is_risky": person.is_risky,
        "messages": platform.carrier.messages.get(person.phone or "", [])[-1:],  # the last SMS of the phone
        "accounts": {
            account.name: {
                **person.identifiers(account),
                "is_following": person.is_following(account),
                "refuses": account.app_id in person.refuses,
                "messages_left": person.windows[account.app_id].left(now),
                "accepts": {template: person.accepts[account.app_id, template] for template in account.templates},
            }
            for account in platform.accounts.values()
        },
        "screens": [screen_view(screen) for screen in person.mini_programs],
    }


def screen_view(screen: MiniProgram) -> dict[str, object]:
    """One opened mini-program."""
    return {
        "id": screen.id,
        "account": screen.account.name,
        "scene": screen.scene,
        "is_logged_in": screen.token is not None,
        "member": screen.member,
        "ticket": screen.ticket,
        "cities": screen.cities,
        "cards": screen.cards,
        "standing": screen.standing,
        "kinds": screen.kinds,
        "code": screen.code,
        "now": screen.now,
        "catalogue": screen.catalogue,
        "wallet": screen.held,
        "calendar": screen.calendar,
        "draws": draws_view(screen.draws),
        "orders": screen.orders.listed,
        "promoting": promoting_view(screen.promoting),
        "membership": {"plans": screen.membership.plans, "mine": screen.membership.mine},
        "opened": screen.opened,
        "pass": screen.shown,
        "counter": counter_view(screen.counter),
        "calls": [call_view(call) for call in screen.calls],
    }


def draws_view(draws: Draws) -> dict[str, object]:
    """The pages of lucky draws of a mini-program."""
    return {
        "listed": draws.listed,
        "opened": draws.opened,
        "prizes": draws.prizes,
        "results": draws.results,
        "winners": draws.winners,
        "spun": draws.spun,
        "fairness": draws.fairness,
        "log": draws.log,
        "receipts": draws.receipts,
    }


def promoting_view(promoting: Promoting) -> dict[str, object]:
    """The page of a mini-program for those who promote."""
    return {
        "seen": promoting.seen,
        "link": promoting.link,
        "commissions": promoting.commissions,
        "balance": promoting.balance,
        "withdrawals": promoting.withdrawals,
    }


def counter_view(counter: Counter) -> dict[str, object]:
    """The clerk's page of a mini-program."""
    return {
        "is_signed_in": counter.token is not None,
        "clerk": counter.clerk,
        "held": counter.held,
        "preview": counter.preview,
        "receipt": counter.receipt,
        "refusal": counter.refusal,
        "entries": counter.entries,
        "seen": counter.seen,
        "shift": counter.shift,
    }


def pass_view(screen: MiniProgram) -> dict[str, object]:
    """A pass on somebody's phone, as another phone's camera sees it."""
    shown = screen.shown or {}
    return {"person": screen.person.name, "token": shown.get("token"), "expires_at": screen.shows_until}


def member_code_view(screen: MiniProgram) -> dict[str, object]:
    """A 会员码 on somebody's phone, as another phone's camera sees it."""
    shown = screen.code if isinstance(screen.code, Mapping) else {}
    return {"person": screen.person.name, "token": shown.get("token"), "expires_at": screen.code_until}


def call_view(call: RestCall) -> dict[str, object]:
    """One call of a mini-program to our server; tokens and their pictures stay out of sight."""
    answer = call.answer
    if isinstance(answer, Mapping):
        answer = {name: "…" if name in _OUT_OF_SIGHT else value for name, value in answer.items()}
    return {
        "number": call.number,
        "at": call.at,
        "method": call.method,
        "path": call.path,
        "body": call.body,
        "status": call.status,
        "answer": answer,
    }


def api_call_view(call: ApiCall) -> dict[str, object]:
    """One call of our server to the platform."""
    return {
        "at": call.at,
        "method": call.method,
        "path": call.path,
        "app_id": call.app_id,
        "body": call.body,
        "status": call.status,
        "answer": call.answer,
    }


def bubble_view(bubble: Bubble) -> dict[str, object]:
    """One line of a chat."""
    return {
        "number": bubble.number,
        "at": bubble.at,
        "side": bubble.side,
        "kind": bubble.kind,
        "content": dict(bubble.content),
    }


def code_view(code: SceneCode) -> dict[str, object]:
    """One code that can be scanned."""
    return {
        "ticket": code.ticket,
        "account": code.account.name,
        "kind": code.account.kind,
        "scene": code.scene,
        "page": code.page,
        "expires_at": code.expires_at,
    }


def push_view(platform: Platform, push: Push) -> dict[str, object]:
    """One push with all its deliveries; `person` is the name of who made it."""
    person = platform.by_openid(push.account, str(push.fields.get("FromUserName")))
    return {
        "id": push.id,
        "account": push.account.name,
        "person": person.name if person else None,
        "fields": dict(push.fields),
        "query": dict(push.envelope.query),
        "body": push.envelope.body.decode(errors="replace"),
        "deliveries": [_delivery_view(push.account, delivery) for delivery in push.deliveries],
        "reply": push.reply.kind if push.reply else None,
        "text": push.text,
        "is_taken": push.taken is not None,
        "is_fault_shown": push.is_fault_shown,
        "replay_of": push.replay_of,
    }


def _delivery_view(account: Account, delivery: Delivery) -> dict[str, object]:
    return {
        "attempt": delivery.attempt,
        "is_duplicate": delivery.is_duplicate,
        "elapsed_ms": delivery.elapsed_ms,
        "status": delivery.status,
        "body": delivery.body.decode(errors="replace"),
        "opened": _opened(account, delivery.body),
        "is_taken": delivery.verdict.is_taken,
        "reason": delivery.verdict.reason,
    }


def _opened(account: Account, body: bytes) -> str | None:
    """What an encrypted answer says inside."""
    try:
        encrypted = parse(body).get("Encrypt")
        if account.aes_key is None or not isinstance(encrypted, str):
            return None
        return decrypt_message(account.aes_key, account.app_id, encrypted).decode(errors="replace")
    except (MarkupError, CipherError):
        return None
