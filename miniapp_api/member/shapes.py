"""What members send and see."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from handlers.identity.cities import CityChoice
from handlers.membership.member_views import MemberView, Profile
from miniapp_api.member.card_shapes import CardOut
from miniapp_api.shapes import Body, Id, Out
from models.words import ConsentPurpose, Touchpoint

Code = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^[\x21-\x7e]+$")]
Scene = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
Nickname = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=32)]
Gender = Literal["female", "male", "other"]
PhoneStatus = Literal["none", "attached", "kept", "elsewhere"]
Version = Annotated[str, StringConstraints(min_length=1, max_length=32)]
Base64 = Annotated[str, StringConstraints(min_length=4, max_length=4096, pattern=r"^[A-Za-z0-9+/]+={0,2}$")]


Birthday = Annotated[date, Field(ge=date(1900, 1, 1))]


class ProfileBody(Body):
    """What a person tells of themselves; null clears, absent leaves."""

    nickname: Nickname | None = None
    birthday: Birthday | None = None
    gender: Gender | None = None

    def told(self) -> dict[str, str | None]:
        """The parts that were sent, as the handlers keep them."""
        values = {"nickname": self.nickname, "gender": self.gender}
        values["birthday"] = self.birthday.isoformat() if self.birthday else None
        return {name: value for name, value in values.items() if name in self.model_fields_set}


class MeBody(ProfileBody):
    """The profile, and the city: one of `GET /organizations`; null for none."""

    organization_id: Id | None = None

    def city(self) -> CityChoice | None:
        """What was chosen; None when nothing was said of it."""
        return CityChoice(self.organization_id) if "organization_id" in self.model_fields_set else None


class ConsentBody(Body):
    """Agreement to one purpose, in the version that was shown."""

    purpose: ConsentPurpose
    version: Version


class VersionBody(Body):
    """The version of the text that was shown."""

    version: Version


class EncryptedPhoneBody(Body):
    """getPhoneNumber's encryptedData, for clients that give no code."""

    data: Base64
    iv: Base64


class JoinBody(Body):
    """One-tap join. Only the consents are needed."""

    consents: Annotated[list[ConsentBody], Field(min_length=1, max_length=8)]
    phone_code: Code | None = None
    encrypted_phone: EncryptedPhoneBody | None = None
    scene: Scene | None = None
    profile: ProfileBody | None = None


class SessionBody(Body):
    """A wx.login code; `account` when the installation has several mini-programs.

    `device_id`: an own lasting id of the device, where the mini-program runs in an app that has one.
    """

    code: Code
    account: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,32}$")] | None = None
    scene: Scene | None = None
    device_id: Annotated[str, StringConstraints(min_length=8, max_length=64, pattern=r"^[\x21-\x7e]+$")] | None = None


class ProfileOut(Out):
    nickname: str | None
    birthday: date | None
    gender: str | None


class ConsentOut(Out):
    purpose: ConsentPurpose
    version: str
    given_at: datetime


class OwnCityOut(Out):
    id: Id
    name: str


class MemberOut(Out):
    """A person as they see themselves. `number` and `joined_at` are null until they join; the phone is masked.

    `organization` is their city: without one they see what is offered everywhere.
    """

    id: Id
    number: str | None
    joined_at: datetime | None
    joined_through: Touchpoint | None
    phone: str | None
    profile: ProfileOut
    organization: OwnCityOut | None
    consents: list[ConsentOut]

    @classmethod
    def of(cls, view: MemberView) -> "MemberOut":
        """Built without validation: every value comes from our own types, and this is the hottest read."""
        profile, home = view.profile, view.organization
        return cls.model_construct(
            id=view.id,
            number=view.number,
            joined_at=view.joined_at,
            joined_through=view.joined_through,
            phone=f"*******{view.phone_tail}" if view.phone_tail else None,
            profile=ProfileOut.model_construct(
                nickname=profile.nickname, birthday=_birthday(profile), gender=profile.gender
            ),
            organization=OwnCityOut.model_construct(id=home.id, name=home.name) if home else None,
            consents=[
                ConsentOut.model_construct(purpose=given.purpose, version=given.version, given_at=given.given_at)
                for given in view.consents
            ],
        )


def _birthday(profile: Profile) -> date | None:
    return date.fromisoformat(profile.birthday) if profile.birthday else None


class SessionOut(Out):
    """The token is shown once. `member` is null until the person joins."""

    token: str
    expires_at: datetime
    member: MemberOut | None


class JoinedOut(Out):
    """`cards` are what joining brought; `phone_status` says what became of the phone.

    `kept`: the person has another login phone, which stays; `PUT /me/phone` changes it. `elsewhere`: the number
    belongs to another member until people have looked at it.
    """

    member: MemberOut
    cards: list[CardOut]
    granted: list[Id] = Field(
        default_factory=list,
        description="claims given in the act of joining itself: none. What the first level brings is given when the "
        "level is first looked at (`GET /me/level`) or by the job of its right, and stands in `GET /me/wallet`",
    )
    already_member: bool
    phone_status: PhoneStatus


class TermsOut(Out):
    purpose: ConsentPurpose
    version: str
    text_url: str
    required: bool
    consequence: str = Field(description="of withdrawing it; show it before the person does")


class ConsentChangedOut(Out):
    """The consent as it stands now; `changed` is false when it stood so before."""

    purpose: ConsentPurpose
    given: bool
    changed: bool
    consequence: str | None = Field(default=None, description="of the withdrawal, a sentence to show")


class ClosedOut(Out):
    """How many sessions ended."""

    closed: int
