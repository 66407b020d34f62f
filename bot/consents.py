"""What consents are called in a chat."""

from collections.abc import Mapping

from models.words import ConsentPurpose

CONSENT_NAMES: Mapping[ConsentPurpose, str] = {
    ConsentPurpose.MEMBERSHIP: "会员协议",
    ConsentPurpose.MARKETING: "活动和优惠消息",
    ConsentPurpose.PHONE: "使用手机号",
    ConsentPurpose.SHARING: "向合作方提供资料",
    ConsentPurpose.PROFILES: "从属档案",
}
