"""Refusals of the ledger: what cannot be paid, held or taken back."""

from handlers.errors.base import DomainError, ErrorKind


class BalanceShort(DomainError):
    """There is less than is wanted. Facts: `unit`, `needed`, `available`.

    `causes`: of several acts that were wanted together, those that cannot be paid.
    """

    kind, code, message = ErrorKind.CONFLICT, "ledger.short", "余额不足，需要{needed}，可用{available}。"
    causes: tuple[str, ...] = ()


class PointsShort(BalanceShort):
    """The same of points."""

    kind, code, message = ErrorKind.CONFLICT, "points.short", "需要{needed}分，您有{available}分。"


class MoneyShort(BalanceShort):
    """The same of money: facts in fen, told in yuan."""

    kind, code, message = ErrorKind.CONFLICT, "ledger.short", "余额不足，需要{needed}元，可用{available}元。"

    @property
    def sentence(self) -> str:
        """In yuan, exactly."""
        told = {name: _yuan(fen) for name, fen in self.facts.items() if isinstance(fen, int)}
        return self.message.format_map(told)


class CauseReused(DomainError):
    """The same act wanted other transfers before."""

    kind, code, message = ErrorKind.INVALID, "ledger.cause_reused", "这笔操作和上次不一致，请刷新后再试。"


class ReversedTooMuch(DomainError):
    """More is to be taken back than is left of the transfer; facts: `left`."""

    kind, code, message = ErrorKind.CONFLICT, "ledger.reversed_too_much", "最多还能退回{left}，请修改后再试。"


class TransferUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "ledger.transfer_unknown", "没有找到这笔流水，请刷新后再看。"


class HoldUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "hold.unknown", "没有找到这笔冻结，请刷新后再看。"


class HoldPosted(DomainError):
    """What was held has gone out; facts: `posted`."""

    kind, code, message = ErrorKind.CONFLICT, "hold.posted", "这笔冻结已经扣款，不能再改。"


class HoldVoided(DomainError):
    """What was held was given back."""

    kind, code, message = ErrorKind.CONFLICT, "hold.voided", "这笔冻结已经取消，请重新发起。"


class HoldExpired(DomainError):
    """What was held came back by itself, because its time was over; facts: `expired_at`."""

    kind, code, message = ErrorKind.CONFLICT, "hold.expired", "这笔冻结已经过期，请重新发起。"


class HoldTooSmall(DomainError):
    """More is to go out than was held; facts: `held`."""

    kind, code, message = ErrorKind.CONFLICT, "hold.too_small", "只冻结了{held}，不能扣这么多。"


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02}" if fen % 100 else str(fen // 100)
