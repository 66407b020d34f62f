"""What is said about stores and where they are."""

NO_LOCATION = "没有收到完整的位置，请再发一次。"
NO_STORES = "还没有可以按位置查到的门店。要问路，请回复“人工”。"


def nearest(stores: list[tuple[str, int, str]]) -> str:
    """To whoever sent a place: names, distances in metres, addresses; the nearest first."""
    if not stores:
        return NO_STORES
    lines = "\n".join("，".join(filter(None, (name, far(metres), address))) for name, metres, address in stores)
    return f"离您最近的门店：\n{lines}"


def far(metres: int) -> str:
    """A distance as people say it: 350米, 1.2公里."""
    return f"{metres}米" if metres < 1_000 else f"{metres / 1_000:.1f}公里"
