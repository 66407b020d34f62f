"""What a run of thousands of tests does once, where a process does it once: none of it changes what a test sees."""

import gc
from functools import partial
from typing import Any

from argon2 import PasswordHasher
from tortoise.apps import Apps

from gateways import passwords

_LIGHT = partial(PasswordHasher, memory_cost=8, parallelism=1)  # as often round as in earnest, in 8 KiB


class BuiltOnce:
    """While installed, the same models are prepared for the same connection once, not for every test that connects.

    Tortoise works out the filters and queries of more than a hundred models at each start, which takes longer than what
    most tests do. They depend on the models and the dialect alone, and everything that uses them copies them first.
    """

    def __init__(self) -> None:
        self._before = Apps._build_initial_querysets
        self._built: list[tuple[Any, str | None]] = []

    def install(self) -> None:
        """Put it in front of Tortoise's own."""
        before = self._before

        def build(apps: Apps) -> None:
            wanted = [(model, model._meta.default_connection) for app in apps.apps.values() for model in app.values()]
            if wanted == self._built:
                return
            self._built = []  # half done is not done
            before(apps)
            self._built = wanted

        Apps._build_initial_querysets = build  # type: ignore[method-assign]

    def remove(self) -> None:
        """Put everything back."""
        Apps._build_initial_querysets = self._before  # type: ignore[method-assign]


class LightPasswords:
    """While installed, operators' passwords are hashed by the same function in a ten-thousandth of the memory.

    A sign-in hashes three times, and every other test signs somebody in: half a second of one core each. What is stored
    in earnest is seen where real processes run (`tests/processes/test_first_operator.py`).
    """

    def install(self) -> None:
        """For whoever does not say how to hash."""
        passwords.PasswordHasher = _LIGHT  # type: ignore[assignment, misc]

    def remove(self) -> None:
        """Put everything back."""
        passwords.PasswordHasher = PasswordHasher  # type: ignore[misc]


def spare_what_stays() -> None:
    """What was imported so far stays to the end: looking through it for garbage again and again takes its time."""
    gc.collect()
    gc.freeze()
