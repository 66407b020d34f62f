"""What a person does: each method is one gesture, and returns what the platform made of it."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from simulator import menus
from simulator.accounts import Account
from simulator.chats import FAULT, HANDED_OVER, Side
from simulator.errors import ImpossibleError
from simulator.identifiers import message_id, ticket
from simulator.links import HOST
from simulator.mini_program import MiniProgram
from simulator.people import Follow, Profile
from simulator.pushing import Push
from simulator.windows import Trigger

if TYPE_CHECKING:
    from simulator.platform import Platform

_LINK = re.compile(r"<a\s([^>]*)>")
_ATTRIBUTE = re.compile(r'([a-z-]+)="([^"]*)"')
_FOLLOWED = "已关注公众号"
_UNFOLLOWED = "已取消关注"
_CODE_TAPS = {"scancode_push", "scancode_waitmsg"}
_TAP_EVENTS = {"click": "CLICK", "view": "VIEW", "miniprogram": "view_miniprogram"}


@dataclass(kw_only=True, eq=False)
class Person(Profile):
    """A profile that acts. Gestures a real person could not make raise ImpossibleError."""

    platform: "Platform"

    async def follow(self, account: Account, scene: str | None = None) -> Push:
        """关注, by search or by scanning a code with `scene`."""
        if self.is_following(account):
            raise ImpossibleError("已经关注了")
        way = "ADD_SCENE_SEARCH" if scene is None else "ADD_SCENE_QR_CODE"
        now = self.platform.clock.now()
        self.follows[account.app_id] = Follow(now, scene, way)
        self.windows[account.app_id].opened(Trigger.FOLLOW, now)
        self.platform.show(self, account, Side.SYSTEM, "system", {"Content": _FOLLOWED})
        key: dict[str, object] = {"EventKey": ""}
        if scene is not None:
            key = {"EventKey": f"qrscene_{scene}", "Ticket": self._ticket(account, scene)}
        return await self._event(account, "subscribe", **key)

    async def unfollow(self, account: Account) -> Push:
        """取消关注; nothing can reach this person afterwards."""
        self._must_follow(account)
        del self.follows[account.app_id]
        self.windows[account.app_id].closed()
        self.platform.show(self, account, Side.SYSTEM, "system", {"Content": _UNFOLLOWED})
        return await self._event(account, "unsubscribe", EventKey="")

    async def scan(self, account: Account, scene: str) -> Push:
        """扫一扫: a follower is reported as SCAN, anybody else follows."""
        if not self.is_following(account):
            return await self.follow(account, scene)
        self.windows[account.app_id].opened(Trigger.SCAN, self.platform.clock.now())
        return await self._event(account, "SCAN", EventKey=scene, Ticket=self._ticket(account, scene))

    async def say(self, account: Account, text: str, *, menu_id: str | None = None) -> Push:
        """Write a line; with `menu_id` it is the tap on an item of a menu message."""
        trigger = Trigger.MESSAGE if menu_id is None else Trigger.TAP
        extra = {} if menu_id is None else {"bizmsgmenuid": menu_id}
        return await self._message(account, "text", trigger, Content=text, **extra)

    async def send_image(self, account: Account) -> Push:
        """Send a picture."""
        media = ticket()[:64]
        return await self._message(account, "image", PicUrl=f"http://mmbiz.qpic.cn/{media[:16]}/0", MediaId=media)

    async def send_voice(self, account: Account) -> Push:
        """Send a voice message; nobody recognises what it says."""
        return await self._message(account, "voice", MediaId=ticket()[:64], Format="amr", MediaId16K=ticket()[:64])

    async def send_video(self, account: Account) -> Push:
        """Send a video."""
        return await self._message(account, "video", MediaId=ticket()[:64], ThumbMediaId=ticket()[:64])

    async def send_sticker(self, account: Account) -> Push:
        """Send a sticker of one's own, which arrives as a text the platform gives up on."""
        return await self._message(account, "text", Content="[收到不支持的消息类型，暂无法显示]")

    async def send_location(self, account: Account, latitude: float, longitude: float, label: str = "") -> Push:
        """Send a place."""
        return await self._message(
            account, "location", Location_X=latitude, Location_Y=longitude, Scale=16, Label=label
        )

    async def send_link(self, account: Account, title: str, url: str) -> Push:
        """Forward an article."""
        return await self._message(account, "link", Title=title, Description="", Url=url)

    async def tap(self, account: Account, wanted: str, *, scanned: str = "") -> Push:
        """Tap the menu button with this key, name, url or page; `scanned` is what a scanning button then reads."""
        self._must_follow(account)
        button = menus.find(self.platform.menus.get(account.app_id, {"button": []}), wanted)
        if button is None:
            raise ImpossibleError(f"菜单里没有 {wanted}")
        kind = str(button["type"])
        if kind == "click" or kind in _CODE_TAPS:
            self.windows[account.app_id].opened(Trigger.TAP, self.platform.clock.now())
        key = {"view": "url", "miniprogram": "pagepath"}.get(kind, "key")
        extra: dict[str, object] = {"EventKey": str(button.get(key, ""))}
        if kind in _CODE_TAPS:
            extra["ScanCodeInfo"] = {"ScanType": "qrcode", "ScanResult": scanned}
        elif kind in {"view", "miniprogram"}:
            extra["MenuId"] = 1
        return await self._event(account, _TAP_EVENTS.get(kind, kind), **extra)

    async def enter_session(self, account: Account, session_from: str = "") -> Push:
        """Open the customer-service conversation of a mini-program."""
        self.windows[account.app_id].opened(Trigger.ENTER_SESSION, self.platform.clock.now())
        return await self._event(account, "user_enter_tempsession", SessionFrom=session_from)

    async def raw(self, account: Account, fields: Mapping[str, object]) -> Push:
        """Any message or event: addresses and CreateTime are added where absent. No window opens, nothing is shown."""
        return await self._push(account, fields)

    async def answer_popup(self, account: Account, template_id: str, *, accept: bool = True) -> Push:
        """Accept or refuse one message of a template; every acceptance allows one message."""
        if accept:
            self.accepts[account.app_id, template_id] += 1
        answer = {
            "TemplateId": template_id,
            "SubscribeStatusString": "accept" if accept else "reject",
            "PopupScene": 0,
        }
        return await self._event(account, "subscribe_msg_popup_event", SubscribeMsgPopupEvent={"List": answer})

    async def switch_off(self, account: Account, template_id: str) -> Push:
        """Refuse a template from now on, in the account's settings."""
        del self.accepts[account.app_id, template_id]
        answer = {"TemplateId": template_id, "SubscribeStatusString": "reject"}
        return await self._event(account, "subscribe_msg_change_event", SubscribeMsgChangeEvent={"List": answer})

    def open_mini_program(
        self, account: Account, scene: str | None = None, *, ticket: str | None = None
    ) -> MiniProgram:
        """Open a mini-program, perhaps by a code with `scene`, or by a link with a `ticket`."""
        opened = MiniProgram(self, account, self.platform, scene, ticket)
        self.mini_programs.append(opened)
        return opened

    def follow_link(self, said: str) -> MiniProgram:
        """Tap the first link into a mini-program in what an account said."""
        found = _LINK.search(said)
        if found is None:
            raise ImpossibleError("这句话里没有小程序链接")
        attributes = {name: html.unescape(value) for name, value in _ATTRIBUTE.findall(found[1])}
        account, page = self._leads_to(attributes)
        query = dict(parse_qsl(page.partition("?")[2]))
        return self.open_mini_program(account, query.get("scene"), ticket=query.get("ticket"))

    def _leads_to(self, attributes: Mapping[str, str]) -> tuple[Account, str]:
        app_id = attributes.get("data-miniprogram-appid")
        if app_id is not None and (account := self.platform.by_app_id(app_id)):
            return account, attributes.get("data-miniprogram-path", "")
        link = self.platform.links.find(attributes.get("href", "").removeprefix(HOST))
        if link is None:
            raise ImpossibleError("链接已失效")
        return link.account, link.path

    async def notified(self, account: Account, fields: Mapping[str, object]) -> Push:
        """Tell the account about something that concerns this person, who sees none of it."""
        return await self._push(account, {"MsgType": "event", **fields}, is_visible=False)

    async def _message(self, account: Account, kind: str, trigger: Trigger = Trigger.MESSAGE, **fields: object) -> Push:
        if account.is_official_account:
            self._must_follow(account)
        self.windows[account.app_id].opened(trigger, self.platform.clock.now())
        self.platform.show(self, account, Side.PERSON, kind, fields)
        return await self._push(account, {"MsgType": kind, **fields, "MsgId": message_id()})

    async def _event(self, account: Account, event: str, **fields: object) -> Push:
        is_visible = event != "unsubscribe" and not event.startswith("subscribe_msg")
        return await self._push(account, {"MsgType": "event", "Event": event, **fields}, is_visible=is_visible)

    async def _push(self, account: Account, fields: Mapping[str, object], *, is_visible: bool = True) -> Push:
        head = {
            "ToUserName": account.original_id,
            "FromUserName": self.openid(account),
            "CreateTime": int(self.platform.clock.now()),
        }
        push = await self.platform.pusher.push(account, {**head, **fields})
        if is_visible:
            self._see(account, push)
        return push

    def _see(self, account: Account, push: Push) -> None:
        if push.taken is None:
            if account.is_official_account:
                push.is_fault_shown = True
                self.platform.show(self, account, Side.SYSTEM, "fault", {"Content": FAULT})
        elif push.reply is not None and push.reply.kind == "transfer_customer_service":
            self.platform.show(self, account, Side.SYSTEM, "system", {"Content": HANDED_OVER})
        elif push.reply is not None:
            self.platform.show(self, account, Side.ACCOUNT, push.reply.kind, push.reply.fields)

    def _must_follow(self, account: Account) -> None:
        if not self.is_following(account):
            raise ImpossibleError("请先关注公众号")

    def _ticket(self, account: Account, scene: str) -> str:
        known = self.platform.scene_codes.by_scene(account, scene)
        return known.ticket if known else ticket()
