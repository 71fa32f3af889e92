"""Links into Corral name models by our rules, or nothing."""

import pytest

from app.core.corral_links import HubTarget, is_link, parse_dropped, parse_link
from app.core.errors import ModelError
from app.core.hub_reference import Reference


def test_a_link_names_a_model_and_perhaps_a_file() -> None:
    assert parse_link("corral://model/owner/name") == HubTarget(Reference("owner/name"))
    link = "Corral://Model/owner/name?file=Q4_K_M%2Fa-Q4_K_M.gguf&x=1"
    assert parse_link(link) == HubTarget(Reference("owner/name", file="Q4_K_M/a-Q4_K_M.gguf"))
    assert is_link("CORRAL:anything")
    assert not is_link("https://example.com")


@pytest.mark.parametrize(
    "link",
    [
        "corral://",
        "corral://model/owner",
        "corral://model/owner/name/more",
        "corral://chat/owner/name",
        "corral:model/owner/name",
        "corral://model/../name",
        "corral://model/owner/na%0Ame",
        "corral://model/owner/%2e%2e",
        "corral://model/owner/CON",
        "corral://model/owner/name?file=../../x.gguf",
        "corral://model/owner/name?file=/etc/x.gguf",
        "corral://model/owner/name?file=C%3A%5Cx.gguf",
        "corral://model/owner/name?file=aux/x.gguf",
        "corral://model/owner/name?file=x.py",
        "corral://model/owner/name?file=x.gguf%00",
        "corral://model/owner/name?file=%E2%80%AEfugg.gguf",
        "corral://model/[owner/name",
        "corral://model/owner/name\n",
        "corral://model/owner/" + "n" * 3000,
        "https://example.com/owner/name",
    ],
)
def test_a_link_that_breaks_the_rules_names_nothing(link: str) -> None:
    with pytest.raises(ModelError) as caught:
        parse_link(link)
    assert caught.value.message
    assert caught.value.hint


def test_an_address_of_a_model_page_can_be_dropped() -> None:
    page = "https://huggingface.co/owner/name/blob/main/a-Q4_K_M.gguf"
    wanted = Reference("owner/name", file="a-Q4_K_M.gguf", revision="main")
    assert parse_dropped(page) == HubTarget(wanted)
    assert parse_dropped("corral://model/owner/name") == HubTarget(Reference("owner/name"))
    assert parse_dropped("https://example.com/") is None
    assert parse_dropped("some words") is None
    assert parse_dropped("owner/name") is None
    assert parse_dropped("https://huggingface.co/datasets/owner/name") is None
    with pytest.raises(ModelError):
        parse_dropped("https://huggingface.co/owner/name/blob/main/setup.py")
