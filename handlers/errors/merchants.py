"""Refusals about brands, merchants and stores."""

from handlers.errors.base import DomainError, ErrorKind


class BrandUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "brand.unknown", "没有找到这个品牌，请刷新列表。"


class BrandTaken(DomainError):
    """Codes are unique in the whole installation."""

    kind, code, message = ErrorKind.CONFLICT, "brand.taken", "这个品牌编号已经有了，请换一个。"


class MerchantUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "merchant.unknown", "没有找到这家商户，请刷新列表。"


class MerchantTaken(DomainError):
    """Codes are unique in the whole installation."""

    kind, code, message = ErrorKind.CONFLICT, "merchant.taken", "这个商户编号已经有了，请换一个。"


class StoreUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "store.unknown", "没有找到这家门店，请刷新列表。"


class StoreTaken(DomainError):
    """Codes are unique in the whole installation: files of legacy cards name stores by them."""

    kind, code, message = ErrorKind.CONFLICT, "store.taken", "这个门店编号已经有了，请换一个。"


class StoreInvalid(DomainError):
    """Facts: `field` (zone, `hours[2]`), `problem` (unknown, range, day, time, order, overlap, too_many)."""

    kind, code, message = ErrorKind.INVALID, "store.invalid", "门店信息填写有误（{field}），请修改后再保存。"
