"""What a person can ask for: sessions, joining, themselves, their consents."""

from aiohttp import web

from handlers.errors import (
    AccountUnknown,
    BirthdayInvalid,
    ConsentMissing,
    ConsentNeeded,
    ConsentOutdated,
    LoginBlocked,
    LoginCodeRefused,
    NotAMember,
    OrganizationUnknown,
    PhoneBlocked,
    PhoneCodeRefused,
    WeChatUnavailable,
)
from handlers.identity.consents import Agreed, ConsentChanged
from handlers.identity.phones import EncryptedPhone
from handlers.membership.member_views import Joined, Profile
from miniapp_api.auth import person, token
from miniapp_api.http import endpoint
from miniapp_api.keys import PUBLIC_URL, handlers
from miniapp_api.member.card_shapes import CardOut
from miniapp_api.member.shapes import (
    ClosedOut,
    ConsentChangedOut,
    JoinBody,
    JoinedOut,
    MeBody,
    MemberOut,
    PhoneStatus,
    SessionBody,
    SessionOut,
    TermsOut,
    VersionBody,
)
from miniapp_api.replies import Created, NoContent, Ok, reply
from miniapp_api.shapes import Page
from models.words import ConsentPurpose


@endpoint(
    tags=["session"],
    limit="login",
    refuses=[LoginCodeRefused, LoginBlocked, AccountUnknown, WeChatUnavailable],
)
async def open_session(request: web.Request, body: SessionBody) -> Created[SessionOut]:
    """Sign in with a wx.login code. Several sessions of one person may live side by side."""
    opened = await handlers(request).sessions.open(
        code=body.code, account=body.account, scene=body.scene, device_id=body.device_id
    )
    member = None
    if opened.person.is_member:
        member = MemberOut.of(await handlers(request).membership.view(opened.person))
    return Created(SessionOut(token=opened.token, expires_at=opened.expires_at, member=member))


@endpoint(tags=["session"], auth="person", even_frozen=True)
async def close_session(request: web.Request, *, idempotency_key: str | None = None) -> NoContent:
    """End this session."""
    sessions = handlers(request).sessions
    answer = await sessions.close(person(request), token=token(request), request_id=idempotency_key)
    return NoContent(replayed=answer.replayed)


@endpoint(tags=["session"], auth="person", even_frozen=True)
async def close_sessions(request: web.Request, *, idempotency_key: str | None = None) -> Ok[ClosedOut]:
    """End all of the person's sessions, everywhere."""
    answer = await handlers(request).sessions.close_all(person(request), request_id=idempotency_key)
    return Ok(ClosedOut(closed=answer.value.count), replayed=answer.replayed)


@endpoint(tags=["consent"])
async def consents(request: web.Request) -> Ok[Page[TermsOut]]:
    """The current texts. Only `membership` is needed to join."""
    base = request.app[PUBLIC_URL]
    terms = [
        TermsOut(
            purpose=terms.purpose,
            version=terms.version,
            text_url=f"{base}/terms/{terms.purpose}",
            required=terms.required,
            consequence=terms.consequence,
        )
        for terms in handlers(request).consents.terms()
    ]
    return Ok(Page(items=terms))


@endpoint(
    tags=["member"],
    auth="person",
    refuses=[
        ConsentMissing,
        ConsentOutdated,
        PhoneCodeRefused,
        PhoneBlocked,
        BirthdayInvalid,
        WeChatUnavailable,
    ],
)
async def join(
    request: web.Request, body: JoinBody, *, idempotency_key: str | None = None
) -> Created[JoinedOut] | Ok[JoinedOut]:
    """Join with one tap: consents, and a phone only if the person gave one. Joining again answers 200."""
    encrypted = None
    if body.encrypted_phone is not None and body.phone_code is None:
        session_key = await handlers(request).sessions.session_key(token(request))
        encrypted = EncryptedPhone(body.encrypted_phone.data, body.encrypted_phone.iv, session_key)
    answer = await handlers(request).membership.join(
        person(request),
        agreed=[Agreed(consent.purpose, consent.version) for consent in body.consents],
        phone_code=body.phone_code,
        encrypted_phone=encrypted,
        profile=Profile(**body.profile.told()) if body.profile else None,
        scene=body.scene,
        request_id=idempotency_key,
    )
    out = _joined(answer.value, with_phone=body.phone_code is not None or encrypted is not None)
    if answer.value.already_member:
        return Ok(out, replayed=answer.replayed)
    return Created(out, replayed=answer.replayed)


def _joined(joined: Joined, *, with_phone: bool) -> JoinedOut:
    phone: PhoneStatus = "none"
    if with_phone:
        phone = "elsewhere" if joined.is_phone_elsewhere else "kept" if joined.is_phone_kept else "attached"
    member = MemberOut.of(joined.member)
    cards = [CardOut.of(card) for card in joined.cards]
    return JoinedOut(member=member, cards=cards, already_member=joined.already_member, phone_status=phone)


@endpoint(tags=["member"], auth="person", even_frozen=True)
async def me(request: web.Request) -> Ok[MemberOut]:
    """The person as they see themselves."""
    return Ok(MemberOut.of(await handlers(request).membership.view(person(request))))


@endpoint(tags=["member"], auth="person", even_frozen=True, refuses=[NotAMember, BirthdayInvalid, OrganizationUnknown])
async def change_me(request: web.Request, body: MeBody, *, idempotency_key: str | None = None) -> Ok[MemberOut]:
    """Change parts of the profile, or the city; null clears one. What is held stays, whatever the city."""
    answer = await handlers(request).membership.change_profile(
        person(request), changes=body.told(), city=body.city(), request_id=idempotency_key
    )
    return reply(answer, MemberOut.of, status=200)


@endpoint(tags=["consent"], auth="person", refuses=[NotAMember, ConsentOutdated])
async def give_consent(
    request: web.Request, purpose: ConsentPurpose, /, body: VersionBody, *, idempotency_key: str | None = None
) -> Ok[ConsentChangedOut]:
    """Agree to one more purpose."""
    agreed = Agreed(purpose, body.version)
    answer = await handlers(request).consents.give(person(request), agreed=agreed, request_id=idempotency_key)
    return reply(answer, _consent, status=200)


@endpoint(tags=["consent"], auth="person", even_frozen=True, refuses=[ConsentNeeded])
async def withdraw_consent(
    request: web.Request, purpose: ConsentPurpose, /, *, idempotency_key: str | None = None
) -> Ok[ConsentChangedOut]:
    """Take a consent back, at once. The answer says what follows from it, as `GET /consents` did before."""
    answer = await handlers(request).consents.withdraw(person(request), purpose=purpose, request_id=idempotency_key)
    return reply(answer, _consent, status=200)


def _consent(changed: ConsentChanged) -> ConsentChangedOut:
    return ConsentChangedOut(
        purpose=changed.purpose,
        given=changed.is_given,
        changed=changed.changed,
        consequence=changed.consequence or None,
    )


ROUTES = [
    web.post("/sessions", open_session),
    web.delete("/sessions", close_sessions),
    web.delete("/sessions/current", close_session),
    web.get("/consents", consents),
    web.post("/members", join),
    web.get("/me", me),
    web.patch("/me", change_me),
    web.put("/me/consents/{purpose}", give_consent),
    web.delete("/me/consents/{purpose}", withdraw_consent),
]
