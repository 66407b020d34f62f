"""The two made-up accounts of the bench, as the platform and as our settings know them."""

from simulator import Account, Kind, Mode

OA = Account(
    kind=Kind.OFFICIAL_ACCOUNT,
    name="oa",
    app_id="wx49f0ab532d5d035a",
    secret="3f1c9a7b5d2e8f604b1a6c9d8e7f2a35",
    token="Bench0fficialAccount",
    original_id="gh_0a1b2c3d4e5f",
    aes_key="kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR",
    mode=Mode.SAFE,
)
MP = Account(
    kind=Kind.MINI_PROGRAM,
    name="mp",
    app_id="wx5b2d4c1a9e8f7061",
    secret="a7b5d2e8f604b1a6c9d8e7f2a353f1c9",
    token="BenchMiniProgram7",
    original_id="gh_f5e4d3c2b1a0",
)
