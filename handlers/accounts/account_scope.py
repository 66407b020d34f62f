"""The account that an operator works on, if it is one of theirs."""

from handlers.actors import Operator
from handlers.errors import AccountUnknown, NotAnOfficialAccount
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.accounts import Account
from models.words import AccountKind


async def official_account(operator: Operator, key: str) -> Account:
    """The official account with this key, to say things through.

    Raises RoleMissing, AccountUnknown (also for an account outside of the operator's organizations),
    NotAnOfficialAccount.
    """
    scope = await allowed(operator, Capability.CONTENT)
    account = await Account.get_or_none(key=key)
    if account is None or not scope.sees(account.organization_id):  # type: ignore[attr-defined]
        raise AccountUnknown
    if account.kind is not AccountKind.OFFICIAL_ACCOUNT:
        raise NotAnOfficialAccount
    return account
