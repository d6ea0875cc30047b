"""Brand colors made readable: dark enough for white words, light enough for a dark ground."""

import colorsys

WHITE = "#ffffff"
GROUND = "#f1f3f0"  # around the card
DARK_CARD = "#1f2426"  # the card in dark mode
ENOUGH = 4.5  # WCAG 2.2 AA for text
COMFORTABLE = 7.0  # for links in dark mode, which are thin


def contrast(one: str, other: str) -> float:
    """The WCAG contrast of two colors #rrggbb, from 1 to 21."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def readable(color: str, ground: str = WHITE) -> str:
    """`color`, darkened until it has a contrast of 4.5 to a light ground, so that it can carry white words or be words."""
    return _shifted(color, ground, ENOUGH, -0.01)


def readable_on_dark(color: str) -> str:
    """`color`, lightened until it can be read on the dark card, and softened: a light, full color glares on a dark ground."""
    return _shifted(color, DARK_CARD, COMFORTABLE, 0.01, most_saturated=0.45)


def _shifted(color: str, ground: str, enough: float, step: float, most_saturated: float = 1.0) -> str:
    hue, lightness, saturation = colorsys.rgb_to_hls(*(channel / 255 for channel in _channels(color)))
    saturation = min(saturation, most_saturated)
    while contrast(color, ground) < enough:
        lightness = min(1.0, max(0.0, lightness + step))
        color = "#" + "".join(f"{round(channel * 255):02x}" for channel in colorsys.hls_to_rgb(hue, lightness, saturation))
    return color.lower()


def _channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _luminance(color: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
