"""Refusals of redemption without a network. Why a single scan does not count: `handlers/rules/offline.py`."""

from handlers.errors.base import DomainError, ErrorKind


class DeviceClockOff(DomainError):
    """More than 30 minutes off; nothing was taken in. Facts: `offset_ms`, what the device's clock lacks."""

    kind, code, message = ErrorKind.CONFLICT, "offline.device_clock", "设备时间不准，请校准后再试。"


class ConflictUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "offline.conflict_unknown", "没有找到这笔重复核销，请刷新列表。"


class ConflictDecided(DomainError):
    """Somebody has said who bears it; facts: `decision`."""

    kind, code, message = ErrorKind.CONFLICT, "offline.conflict_decided", "这笔重复核销已经处理过，请刷新列表。"


class ConflictsForManagers(DomainError):
    """A clerk asked for what managers decide."""

    kind, code, message = ErrorKind.FORBIDDEN, "offline.for_managers", "重复核销由店长处理，请联系店长。"
