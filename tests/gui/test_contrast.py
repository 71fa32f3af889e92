"""Every text on every ground it is put on reaches the contrast that the guide asks for."""

import pytest

from app.gui.theme import parse_color
from app.gui.tokens import Scheme, Tokens, load_tokens

TOKENS: Tokens = load_tokens()
SCHEMES: tuple[Scheme, ...] = ("dark", "light")
TEXT_MINIMUM = 4.5
GRAPHICS_MINIMUM = 3.0

GROUNDS = [
    "rail",
    "sidebar",
    "canvas",
    "raised",
    "overlay",
    "inset",
    "hover",
    "pressed",
    "selected",
    "control",
    "control-hover",
    "control-pressed",
    "user-bubble",
]
PAGE_GROUNDS = ["sidebar", "canvas", "raised", "overlay", "selected", "hover"]
PLAIN = [
    (text, ground)
    for text in ("text", "text-2", "text-3")
    for ground in GROUNDS
    if text != "text-3" or ground not in ("control-hover", "control-pressed", "pressed")
]
"""`text-3` is for hints and times: never on a button in use, nor on anything held down."""
TINTED = [
    *((role, f"{role}-tint") for role in ("success", "warning", "danger", "accent")),
    *((text, f"{tint}-tint") for text in ("text", "text-2") for tint in ("warning", "danger")),
    *((role, ground) for role in ("success", "warning", "danger") for ground in PAGE_GROUNDS),
    *(("accent", ground) for ground in PAGE_GROUNDS),
    *(("on-accent", f"accent-{state}") for state in ("fill", "hover", "pressed")),
    ("on-accent", "danger-fill"),
    ("danger", "control"),
    ("danger", "control-hover"),
]
CODE_GROUNDS = ("inset",)
MARKS = [
    (mark, ground)
    for mark in ("success-mark", "warning-mark", "danger-mark", "accent")
    for ground in ("sidebar", "canvas", "raised", "overlay")
]


def luminance(color: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parsed = parse_color(color)
    channels = (parsed.redF(), parsed.greenF(), parsed.blueF())
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """Contrast ratio, WCAG 2.2."""
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_formula() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("text", "ground"), PLAIN + TINTED)
def test_text(scheme: Scheme, text: str, ground: str) -> None:
    colors = TOKENS.color[scheme]
    assert contrast(colors[text], colors[ground]) >= TEXT_MINIMUM


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", sorted(TOKENS.syntax["dark"]))
def test_code(scheme: Scheme, name: str) -> None:
    for ground in CODE_GROUNDS:
        ratio = contrast(TOKENS.syntax[scheme][name], TOKENS.color[scheme][ground])
        assert ratio >= TEXT_MINIMUM


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("mark", "ground"), MARKS)
def test_marks(scheme: Scheme, mark: str, ground: str) -> None:
    colors = TOKENS.color[scheme]
    assert contrast(colors[mark], colors[ground]) >= GRAPHICS_MINIMUM


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_role_has_a_colour(scheme: Scheme) -> None:
    assert set(TOKENS.color[scheme]) == set(TOKENS.roles)
    assert all(parse_color(color).isValid() for color in TOKENS.color[scheme].values())
