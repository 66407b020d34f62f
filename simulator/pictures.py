"""QR codes that exist: an official account's scene codes and a mini-program's codes; and their pictures."""

import io
from dataclasses import dataclass

import segno

from simulator.accounts import Account
from simulator.clock import Clock
from simulator.identifiers import ticket

_KEPT = 500


@dataclass(frozen=True)
class SceneCode:
    """A code with a scene of one account; `ticket` is its name; `expires_at` None means permanent."""

    ticket: str
    account: Account
    scene: str
    page: str
    expires_at: float | None

    @property
    def url(self) -> str:
        """What the picture says."""
        return f"http://weixin.qq.com/q/{self.ticket[:24]}"


class SceneCodes:
    """All codes made, oldest forgotten first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._codes: dict[str, SceneCode] = {}

    def make(self, account: Account, scene: str, *, page: str = "", seconds: int | None = None) -> SceneCode:
        """A new code, for ever or for `seconds`."""
        expires_at = None if seconds is None else self._clock.now() + seconds
        code = SceneCode(ticket(), account, scene, page, expires_at)
        self._codes[code.ticket] = code
        if len(self._codes) > _KEPT:
            del self._codes[next(iter(self._codes))]
        return code

    def by_ticket(self, wanted: str) -> SceneCode | None:
        """The code, unless it is unknown or expired."""
        code = self._codes.get(wanted)
        return code if code is not None and self._is_live(code) else None

    def by_scene(self, account: Account, scene: str) -> SceneCode | None:
        """The newest live code of the account with this scene."""
        return next((one for one in reversed(self.live()) if one.account is account and one.scene == scene), None)

    def live(self) -> list[SceneCode]:
        """Codes that can be scanned now."""
        return [code for code in self._codes.values() if self._is_live(code)]

    def _is_live(self, code: SceneCode) -> bool:
        return code.expires_at is None or code.expires_at > self._clock.now()


def png(words: str, width: int = 430) -> bytes:
    """A QR picture about `width` pixels wide."""
    code = segno.make(words, error="m", micro=False)
    picture = io.BytesIO()
    code.save(picture, kind="png", scale=max(1, width // code.symbol_size()[0]), border=4)
    return picture.getvalue()
