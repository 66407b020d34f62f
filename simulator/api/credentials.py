"""access_token, JS tickets, quotas, addresses."""

from simulator.api.desks import BOTH, OA, OK, Answer, Call, Desk
from simulator.errors import WeChatError
from simulator.identifiers import ticket

desk = Desk()

_JS_TICKET_SECONDS = 7200


@desk.get("/cgi-bin/token", BOTH, needs_token=False)
async def token(call: Call) -> Answer:
    """Every call issues a new token."""
    if call.query.get("grant_type") != "client_credential":
        raise WeChatError(40002)
    account = call.account_by_secret(call.query.get("appid", ""), call.query.get("secret", ""))
    call.platform.quotas.spend(account.app_id, "/cgi-bin/token")
    value, seconds = call.platform.tokens.plain(account.app_id)
    return {"access_token": value, "expires_in": seconds}


@desk.post("/cgi-bin/stable_token", BOTH, needs_token=False)
async def stable_token(call: Call) -> Answer:
    """The same token while it lasts."""
    if call.body.get("grant_type") != "client_credential":
        raise WeChatError(40002)
    account = call.account_by_secret(str(call.body.get("appid", "")), str(call.body.get("secret", "")))
    call.platform.quotas.spend(account.app_id, "/cgi-bin/stable_token")
    force_refresh = call.body.get("force_refresh", False) is True
    value, seconds = call.platform.tokens.stable(account.app_id, force_refresh=force_refresh)
    return {"access_token": value, "expires_in": seconds}


@desk.get("/cgi-bin/ticket/getticket", OA)
async def js_ticket(call: Call) -> Answer:
    """A ticket for signing pages or cards."""
    if call.query.get("type") not in {"jsapi", "wx_card"}:
        raise WeChatError(40097)
    return {**OK, "ticket": ticket(), "expires_in": _JS_TICKET_SECONDS}


@desk.get("/cgi-bin/getcallbackip", BOTH)
async def callback_addresses(_call: Call) -> Answer:
    """Where pushes come from."""
    return {"ip_list": ["127.0.0.1"]}


@desk.post("/cgi-bin/openapi/quota/get", BOTH)
async def quota(call: Call) -> Answer:
    """What is left of one interface today."""
    path = call.text("cgi_path", 76021)
    quotas = call.platform.quotas
    if path not in quotas.limits:
        raise WeChatError(76021)
    limit, used = quotas.limit(path), quotas.used(call.account.app_id, path)
    return {
        **OK,
        "quota": {"daily_limit": limit, "used": used, "remain": limit - used},
        "rate_limit": {"call_count": 0, "refresh_second": 60},
    }


@desk.post("/cgi-bin/clear_quota", BOTH)
async def clear_quota(call: Call) -> Answer:
    """Start the day anew."""
    if call.text("appid", 41002) != call.account.app_id:
        raise WeChatError(40013)
    call.platform.quotas.clear(call.account.app_id)
    return OK
