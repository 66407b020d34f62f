"""Who runs a command of this program: an actor for the record of who did what."""

import getpass
import os

from handlers.actors import CommandLine


def whoever_runs_this() -> CommandLine:
    """By the name that the system knows them by, or their number where they have no name (containers)."""
    try:
        return CommandLine(getpass.getuser())
    except (KeyError, OSError):
        return CommandLine(str(os.getuid()))
