"""One log line per push, from closed lists and our own words only: there is nothing in it to redact."""

import logging

LOGGER = "bot.access"
log = logging.getLogger(LOGGER)


def record(account: str, kind: str, outcome: str, status: int, seconds: float) -> None:
    """Log one answered push. `kind` is a word of `bot.kinds`."""
    if not log.isEnabledFor(logging.INFO):
        return
    # Made by hand: log.info would look for the caller in the stack, and cost twice as much.
    entry = logging.LogRecord(LOGGER, logging.INFO, __file__, 0, "push", None, None)
    milliseconds = round(seconds * 1000, 2)
    entry.__dict__.update(account=account, kind=kind, outcome=outcome, status=status, milliseconds=milliseconds)
    log.handle(entry)
