"""Brands, merchants and stores as operators send and see them."""

from typing import Annotated

from pydantic import Field, StringConstraints

from miniapp_api.shapes import Body, Id, Out

# No control characters: names are shown in chat, in lists and in logs.
_SHOWN = r"^[^\x00-\x1f\x7f\u2028\u2029]+$"
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")]
ShortName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=_SHOWN)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=128, pattern=_SHOWN)]

_OWN = Field(default=None, description="the own organization when absent")


class NewBrandBody(Body):
    """A brand under which cards are issued, ours or a partner's. The code never changes."""

    code: Code
    name: ShortName
    organization_id: Annotated[Id | None, _OWN] = None


class RenameBrandBody(Body):
    name: ShortName


class BrandOut(Out):
    id: Id
    organization_id: Id
    code: str
    name: str


class NewMerchantBody(Body):
    """A business that takes part. The code never changes."""

    code: Code
    name: Name
    organization_id: Annotated[Id | None, _OWN] = None


class RenameMerchantBody(Body):
    name: Name


class MerchantOut(Out):
    id: Id
    organization_id: Id
    code: str
    name: str


class NewStoreBody(Body):
    """One shop of a merchant, which is named by its code. Files of legacy cards name stores by theirs."""

    merchant: Code
    code: Code
    name: Name


class RenameStoreBody(Body):
    name: Name


class StoreOut(Out):
    id: Id
    organization_id: Id
    merchant: str
    code: str
    name: str
