"""What WeChat's error codes mean for us: try again, give up, or the person made it impossible.

Source: the global return codes and each API's own list (developers.weixin.qq.com); codes not listed are given up.
"""

from collections.abc import Mapping
from types import MappingProxyType

from handlers.ports import WeChatError, WeChatGaveUp, WeChatRetryLater, WeChatUserRefused

# The token that was used is not, or no longer, the valid one.
STALE_TOKEN = frozenset({40001, 40014, 42001})

# errcode -> seconds after which the same call may work.
RETRY_AFTER: Mapping[int, float] = MappingProxyType(
    {
        -1: 1.0,  # system busy
        43108: 1.0,  # another message to the same person is on its way
        44990: 1.0,  # too many links within this second
        45009: 3600.0,  # the day's quota is used up; it comes back at midnight, or when an operator clears it
        45011: 60.0,  # too many within this minute
        10060001: 2.0,  # the payment is not known yet; it is some seconds later
        85406: 3600.0,  # the day's links are used up
    }
)

USER_REFUSED = frozenset(
    {
        40029,  # code invalid, used, expired or of another account
        40163,  # code used
        40226,  # the person is called a high risk
        41008,  # code missing
        42003,  # code expired
        42007,  # the person changed the password: earlier authorisations are void
        43004,  # does not follow
        43019,  # is on the account's black list
        43101,  # did not accept messages, or has used the acceptance up
        45015,  # no interaction within the window
        45047,  # as many messages as one interaction allows were sent
        48002,  # switched messages off
        50005,  # does not follow
    }
)

# The same number means different things at different endpoints.
AT_ENDPOINT: Mapping[tuple[str, int], type[WeChatError]] = MappingProxyType(
    {
        ("wxa/business/getuserphonenumber", 40013): WeChatUserRefused,  # a code of another mini-program
    }
)

# Ours to answer: what an operator has to do. Every other code that is given up is logged with WeChat's own words.
OPERATOR_HINTS: Mapping[int, str] = MappingProxyType(
    {
        40001: "the secret is wrong, or the token is another account's",
        40013: "the app id is wrong",
        40125: "the secret is wrong",
        40164: "add this server's address (in the message) to the account's IP whitelist",
        40243: "the secret is frozen; unfreeze it in the WeChat console",
        48001: "the account lacks the permission for this API",
        48004: "WeChat has banned this API for the account",
        50002: "WeChat has limited the account",
        50004: "WeChat has forbidden token calls for the account",
        50007: "WeChat has frozen the account",
        89503: "an administrator has to confirm this server's address in WeChat",
        89506: "an administrator refused this server's address twice; WeChat blocks it for a day",
        89507: "an administrator refused this server's address; WeChat blocks it for an hour",
    }
)


def refusal(endpoint: str, errcode: int, errmsg: str) -> WeChatError:
    """The error, of its kind, for what WeChat answered at this endpoint; `retry_after` in seconds when it is known."""
    if errcode in RETRY_AFTER:
        later = WeChatRetryLater(errcode, errmsg, endpoint=endpoint)
        later.retry_after = RETRY_AFTER[errcode]
        return later
    default = WeChatUserRefused if errcode in USER_REFUSED else WeChatGaveUp
    return AT_ENDPOINT.get((endpoint, errcode), default)(errcode, errmsg, endpoint=endpoint)
