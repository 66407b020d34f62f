"""Pictures that people show to each other's cameras."""

import io

import segno


def qr_svg(content: str) -> str:
    """A QR code (ISO/IEC 18004) as SVG, scaled by whoever shows it."""
    drawn = io.BytesIO()
    segno.make(content, error="m", micro=False).save(drawn, kind="svg", xmldecl=False, omitsize=True, border=2)
    return drawn.getvalue().decode().strip()
