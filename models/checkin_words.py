"""The words of check-ins and tasks; `models/words.py` hands them on, and everybody takes them there."""

from enum import StrEnum


class RewardedAct(StrEnum):
    """What a reward was given for."""

    CHECK_IN = "check_in"
    TASK = "task"


class TaskState(StrEnum):
    """Life of a task: draft -> published -> stopped, which may be published again."""

    DRAFT = "draft"
    PUBLISHED = "published"
    STOPPED = "stopped"
