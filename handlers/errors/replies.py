"""Refusals about what accounts say."""

from handlers.errors.base import DomainError, ErrorKind


class NotAnOfficialAccount(DomainError):
    """Replies and menus are an official account's; a mini-program has none."""

    kind, code, message = ErrorKind.INVALID, "account.not_official", "只有公众号有自动回复和菜单，请换一个账号。"


class ReplyUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "reply.unknown", "没有找到这条回复，请刷新列表。"


class ReplyInvalid(DomainError):
    """Facts: `problems`, each a field of ours and what is wrong with it."""

    kind, code, message = ErrorKind.INVALID, "reply.invalid", "回复的内容或时间不符合要求，请按提示修改。"


class ReplyReserved(DomainError):
    """取消, 人工, 菜单 and 同意 always mean the same."""

    kind, code, message = ErrorKind.CONFLICT, "reply.reserved", "取消、人工、菜单、同意不能设成关键词，请换一个。"


class RepliesFull(DomainError):
    """Facts: `limit`."""

    kind, code, message = ErrorKind.CONFLICT, "reply.full", "这个账号的回复太多了，请先删除不用的。"


class MenuInvalid(DomainError):
    """Facts: `problems`, each the place of a button and what is wrong with it."""

    kind, code, message = ErrorKind.INVALID, "menu.invalid", "菜单不符合微信的要求，请按提示修改。"


class MenuReleaseUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "menu.release_unknown", "没有找到这个菜单版本，请刷新列表。"


class MenuRefused(DomainError):
    """WeChat did not take the menu, or not from this account; facts: `errcode`."""

    kind, code, message = ErrorKind.CONFLICT, "menu.refused", "微信没有接受这个菜单，请检查账号权限和关联的小程序。"
