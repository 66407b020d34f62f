"""Refusals about levels: to operators who set ladders and rights, and who lift members by hand."""

from handlers.errors.base import DomainError, ErrorKind


class LadderInvalid(DomainError):
    """Facts: `why` (sentences), `problems` (field and problem)."""

    kind, code, message = ErrorKind.INVALID, "ladder.invalid", "{why}"


class LadderDraftMissing(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "ladder.draft_missing", "还没有等级草稿，请先保存草稿再发布。"


class LevelUnknown(DomainError):
    """No level of the ladder that holds has this code."""

    kind, code, message = ErrorKind.NOT_FOUND, "level.unknown", "没有找到这个等级，请刷新列表。"


class LevelNotHigher(DomainError):
    """A member is only lifted by hand; facts: `level` (its name)."""

    kind, code, message = ErrorKind.CONFLICT, "level.not_higher", "会员已经是{level}，人工调整只能调高。"


class OverrideEndInvalid(DomainError):
    """The end is not ahead, or too far; facts: `days` (the most)."""

    kind, code, message = ErrorKind.INVALID, "level.override_end", "结束时间请设在今后{days}天以内。"


class OverrideMissing(DomainError):
    kind, code, message = ErrorKind.CONFLICT, "level.override_missing", "这位会员没有人工等级，不用结束。"


class LevelRightUnknown(DomainError):
    kind, code, message = ErrorKind.NOT_FOUND, "level_right.unknown", "没有找到这项等级权益，请刷新列表。"


class LevelRightFixed(DomainError):
    """What was published is not changed, only ended; facts: `state`."""

    kind, code, message = ErrorKind.CONFLICT, "level_right.fixed", "这项等级权益已发布，不能修改；请结束后另建一项。"


class LevelRightInvalid(DomainError):
    """It cannot be given by itself; facts: `why`, `problem`."""

    kind, code, message = ErrorKind.INVALID, "level_right.invalid", "{why}"
