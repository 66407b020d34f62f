"""The bottom menu of an official account."""

import re

from simulator import menus
from simulator.api.desks import OA, OK, Answer, Call, Desk
from simulator.errors import WeChatError

desk = Desk()

_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u[0-9a-fA-F]{4}")


def refuse_escapes(raw: bytes) -> None:
    r"""Raise 40033 where the platform would show a literal \u: its JSON must be plain UTF-8."""
    if _ESCAPE.search(raw):
        raise WeChatError(40033)


@desk.post("/cgi-bin/menu/create", OA)
async def create(call: Call) -> Answer:
    """Publish a menu, replacing the one before."""
    refuse_escapes(call.raw)
    mine = call.account
    linked = {
        account.app_id
        for account in call.platform.accounts.values()
        if not account.is_official_account and account.group == mine.group
    }
    menus.validate(call.body, linked)
    call.platform.menus[mine.app_id] = {"button": call.body["button"]}
    call.platform.feed.publish("menu", account=mine.name)
    return OK


@desk.get("/cgi-bin/menu/get", OA)
async def get(call: Call) -> Answer:
    """The published menu; sub_button is always there, as the platform gives it."""
    return {"menu": {"button": [{**button, "sub_button": button.get("sub_button", [])} for button in _top(call)]}}


@desk.get("/cgi-bin/menu/delete", OA)
async def delete(call: Call) -> Answer:
    """No menu from now on."""
    call.platform.menus.pop(call.account.app_id, None)
    call.platform.feed.publish("menu", account=call.account.name)
    return OK


@desk.get("/cgi-bin/get_current_selfmenu_info", OA)
async def current(call: Call) -> Answer:
    """The published menu in its other form."""
    if call.account.app_id not in call.platform.menus:
        return {"is_menu_open": 0, "selfmenu_info": {"button": []}}
    shown = [
        {**button, "sub_button": {"list": button["sub_button"]}} if "sub_button" in button else button
        for button in _top(call)
    ]
    return {"is_menu_open": 1, "selfmenu_info": {"button": shown}}


def _top(call: Call) -> list[menus.Button]:
    menu = call.platform.menus.get(call.account.app_id)
    if menu is None:
        raise WeChatError(46003)
    buttons = menu["button"]
    return buttons if isinstance(buttons, list) else []
