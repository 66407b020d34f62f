"""The operators' own door: the first operator, sessions, operators, jobs, the record."""

from typing import Annotated

from aiohttp import web
from pydantic import StringConstraints

from handlers.errors import (
    BootstrapRefused,
    DeadJobUnknown,
    LastAdmin,
    OperatorLoginTaken,
    OperatorUnknown,
    OrganizationUnknown,
    PasswordTooWeak,
    RoleMissing,
    SignInRefused,
    SignInTriesUsedUp,
)
from handlers.operators.operators import OperatorChange, OperatorKept
from miniapp_api.auth import operator
from miniapp_api.http import endpoint
from miniapp_api.keys import address_of, handlers
from miniapp_api.operator.shapes import (
    AuditEntryOut,
    BootstrapBody,
    DeadJobOut,
    DiscardBody,
    JobSettledOut,
    NewOperatorBody,
    OperatorChangeBody,
    OperatorKeptOut,
    OperatorOut,
    OperatorSessionOut,
    SignInBody,
    after,
    next_cursor,
)
from miniapp_api.replies import Created, NoContent, Ok, reply
from miniapp_api.shapes import Cursor, Id, Limit, Page

SubjectId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_:-]{1,64}$")]


def _kept(kept: OperatorKept) -> OperatorKeptOut:
    return OperatorKeptOut(operator=OperatorOut.model_validate(kept.operator), otpauth_uri=kept.otpauth_uri)


@endpoint(tags=["operator"], limit="login", refuses=[BootstrapRefused, PasswordTooWeak])
async def bootstrap(request: web.Request, body: BootstrapBody, *, idempotency_key: str) -> Created[OperatorKeptOut]:
    """Create the first operator. Refused once one exists."""
    answer = await handlers(request).operators.bootstrap(
        token=body.token, login=body.login, password=body.password, request_id=idempotency_key
    )
    return reply(answer, _kept, status=201)


@endpoint(tags=["operator"], limit="login", refuses=[SignInRefused, SignInTriesUsedUp])
async def open_operator_session(request: web.Request, body: SignInBody) -> Created[OperatorSessionOut]:
    """Sign in with password and one-time code; each code works once."""
    opened = await handlers(request).operator_sessions.open(
        login=body.login,
        password=body.password,
        otp=body.otp,
        address=address_of(request),
    )
    return Created(
        OperatorSessionOut(
            token=opened.token,
            expires_at=opened.expires_at,
            operator_id=opened.operator.id,
            role=opened.operator.role,
        )
    )


@endpoint(tags=["operator"], auth="operator")
async def close_operator_session(request: web.Request) -> NoContent:
    """End this session."""
    await handlers(request).operator_sessions.close(operator(request))
    return NoContent()


@endpoint(tags=["operator"], auth="operator")
async def operator_me(request: web.Request) -> Ok[OperatorOut]:
    """The operator who asks."""
    return Ok(OperatorOut.model_validate(await handlers(request).operators.me(operator(request))))


@endpoint(tags=["operator"], auth="operator", refuses=[RoleMissing])
async def operators(request: web.Request, limit: Limit = 50, cursor: Cursor | None = None) -> Ok[Page[OperatorOut]]:
    """Operators of the own organization and below."""
    found = await handlers(request).operators.listing(operator(request), after=after(cursor), limit=limit + 1)
    items = [OperatorOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


@endpoint(
    tags=["operator"],
    auth="operator",
    refuses=[RoleMissing, OrganizationUnknown, OperatorLoginTaken, PasswordTooWeak],
)
async def add_operator(
    request: web.Request, body: NewOperatorBody, *, idempotency_key: str
) -> Created[OperatorKeptOut]:
    """Add an operator; hand over the password and the factor's address on separate ways."""
    answer = await handlers(request).operators.add(
        operator(request),
        login=body.login,
        password=body.password,
        role=body.role,
        organization_id=body.organization_id,
        request_id=idempotency_key,
    )
    return reply(answer, _kept, status=201)


@endpoint(
    tags=["operator"],
    auth="operator",
    refuses=[RoleMissing, OperatorUnknown, OrganizationUnknown, LastAdmin, PasswordTooWeak],
)
async def change_operator(
    request: web.Request, operator_id: Id, /, body: OperatorChangeBody, *, idempotency_key: str | None = None
) -> Ok[OperatorKeptOut]:
    """Change role, place, password or factor, or switch somebody off or on; their sessions end at once."""
    answer = await handlers(request).operators.change(
        operator(request),
        operator_id,
        OperatorChange(
            role=body.role,
            is_active=body.is_active,
            organization_id=body.organization_id,
            password=body.password,
            reset_factor=body.reset_factor,
        ),
        request_id=idempotency_key,
    )
    return reply(answer, _kept, status=200)


@endpoint(tags=["job"], auth="operator", refuses=[RoleMissing])
async def dead_jobs(request: web.Request, limit: Limit = 50, cursor: Cursor | None = None) -> Ok[Page[DeadJobOut]]:
    """Jobs that were given up, the oldest first. For operators of the root."""
    found = await handlers(request).operator_jobs.dead(operator(request), after=after(cursor), limit=limit)
    items = [
        DeadJobOut(
            id=each.id,
            kind=each.kind,
            key=each.key,
            attempt_count=each.attempt_count,
            last_error=each.last_error,
            died_at=each.died_at,
        )
        for each in found
    ]
    # A full page may be the last one: the next is empty then.
    ids = [each.id for each in found]
    return Ok(Page(items=items, next_cursor=next_cursor([*ids, *ids[-1:]], limit)))


@endpoint(tags=["job"], auth="operator", refuses=[RoleMissing, DeadJobUnknown])
async def requeue_job(request: web.Request, job_id: Id, /, *, idempotency_key: str) -> Ok[JobSettledOut]:
    """Let a dead job run again."""
    answer = await handlers(request).operator_jobs.requeue(operator(request), job_id, request_id=idempotency_key)
    return reply(answer, JobSettledOut.model_validate, status=200)


@endpoint(tags=["job"], auth="operator", refuses=[RoleMissing, DeadJobUnknown])
async def discard_job(
    request: web.Request, job_id: Id, /, body: DiscardBody, *, idempotency_key: str
) -> Ok[JobSettledOut]:
    """Close a dead job without its effect."""
    answer = await handlers(request).operator_jobs.discard(
        operator(request), job_id, reason=body.reason, request_id=idempotency_key
    )
    return reply(answer, JobSettledOut.model_validate, status=200)


@endpoint(tags=["audit"], auth="operator", refuses=[RoleMissing])
async def audit(
    request: web.Request, limit: Limit = 50, cursor: Cursor | None = None, subject_id: SubjectId | None = None
) -> Ok[Page[AuditEntryOut]]:
    """Who did what, the newest first."""
    found = await handlers(request).operator_jobs.audit(
        operator(request), after=after(cursor), limit=limit + 1, subject_id=subject_id
    )
    items = [AuditEntryOut.model_validate(each) for each in found[:limit]]
    return Ok(Page(items=items, next_cursor=next_cursor([each.id for each in found], limit)))


ROUTES = [
    web.post("/operator/bootstrap", bootstrap),
    web.post("/operator/sessions", open_operator_session),
    web.delete("/operator/sessions/current", close_operator_session),
    web.get("/operator/me", operator_me),
    web.get("/operator/operators", operators),
    web.post("/operator/operators", add_operator),
    web.patch("/operator/operators/{operator_id}", change_operator),
    web.get("/operator/jobs", dead_jobs),
    web.post("/operator/jobs/{job_id}/requeue", requeue_job),
    web.post("/operator/jobs/{job_id}/discard", discard_job),
    web.get("/operator/audit", audit),
]
