"""The files of the page: what is sent, with which headers, and that nothing else is."""

import json
import re

import pytest

from app.api.web.page_files import FILES
from app.core.paths import resource
from tests.api.serving import Serving

HTML = {"accept": "text/html,application/xhtml+xml"}


def test_a_browser_gets_the_page_and_other_clients_do_not(shared: Serving) -> None:
    with shared.client() as client:
        page = client.get("/", headers=HTML)
        assert page.status_code == 200
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "<title>Corral</title>" in page.text
        assert "accept" in page.headers["vary"]
        other = client.get("/", headers={"accept": "*/*"})
        assert other.status_code == 200
        assert other.headers["content-type"].startswith("text/plain")


def test_all_that_the_page_names_is_there(shared: Serving) -> None:
    with shared.client() as client:
        texts = {name: client.get(f"/web/{name}") for name in FILES}
        page = client.get("/", headers=HTML).text
    assert {answer.status_code for answer in texts.values()} == {200}
    assert {answer.headers["content-type"].partition(";")[0] for answer in texts.values()} == {
        "application/manifest+json",
        "font/ttf",
        "image/png",
        "image/svg+xml",
        "text/css",
        "text/javascript",
    }
    named = set(re.findall(r"/web/([\w.-]+)", page))
    for name, answer in texts.items():
        if name.endswith((".js", ".css", ".webmanifest")) and name not in _FOREIGN:
            named |= set(re.findall(r"/web/([\w.-]+\.\w+)", answer.text))
            named |= set(re.findall(r'from "\./([\w.-]+)"', answer.text))
    assert named == set(FILES)


_FOREIGN = ("markdown-it.js", "highlight.js")


def test_the_page_needs_no_token_and_its_questions_do(alone: Serving) -> None:
    alone.change(require_token=True)
    with alone.client() as client:
        assert client.get("/", headers=HTML).status_code == 200
        assert client.get("/web/app.js").status_code == 200
        for path in ("session", "choices", "chats"):
            assert client.get(f"/corral/v1/{path}").status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/web/",
        "/web/nothing.js",
        "/web/..%2f..%2fpyproject.toml",
        "/web/%2e%2e/index.html",
        "/web/vendor/highlight.js",
        "/web/index.html%00.js",
        "/web/INDEX.HTML",
    ],
)
def test_nothing_else_is_sent(shared: Serving, path: str) -> None:
    with shared.client() as client:
        answer = client.get(path, headers=HTML)
        assert answer.status_code == 404
        assert "error" in answer.json()


def test_the_policy_lets_nothing_in_but_the_page_itself(shared: Serving) -> None:
    with shared.client() as client:
        for path in ("/", "/web/app.js", "/web/icons.js"):
            headers = client.get(path, headers=HTML).headers
            policy = dict(
                each.strip().split(" ", 1) for each in headers["content-security-policy"].split(";")
            )
            assert policy == {
                "default-src": "'none'",
                "script-src": "'self'",
                "style-src": "'self'",
                "font-src": "'self'",
                "img-src": "'self' data:",
                "connect-src": "'self'",
                "manifest-src": "'self'",
                "worker-src": "'self'",
                "frame-ancestors": "'none'",
                "base-uri": "'none'",
                "form-action": "'none'",
                "require-trusted-types-for": "'script'",
                "trusted-types": "corral",
            }
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "DENY"


def test_nothing_stands_in_the_page_that_the_policy_refuses(shared: Serving) -> None:
    with shared.client() as client:
        page = client.get("/", headers=HTML).text
    assert not re.search(r"<style|style=|\son\w+=|javascript:|https?://", page)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))


def test_a_file_that_is_known_is_not_sent_again(shared: Serving) -> None:
    with shared.client() as client:
        first = client.get("/web/app.js")
        again = client.get("/web/app.js", headers={"if-none-match": first.headers["etag"]})
        assert again.status_code == 304
        assert again.content == b""
        other = client.get("/web/page.css", headers={"if-none-match": first.headers["etag"]})
        assert other.status_code == 200
        head = client.head("/web/app.js")
        assert head.headers["etag"] == first.headers["etag"]
        assert head.content == b""


def test_files_are_packed_for_those_who_can_read_that(shared: Serving) -> None:
    with shared.client() as client:
        packed = client.get("/web/highlight.js", headers={"accept-encoding": "gzip"})
        plain = client.get("/web/highlight.js", headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 2


def test_colours_are_those_of_the_window(shared: Serving) -> None:
    tokens = json.loads(resource("style/tokens.json").read_text("utf-8"))
    with shared.client() as client:
        css = client.get("/web/colours.css").text
        manifest = client.get("/web/manifest.webmanifest").json()
        styles = client.get("/web/page.css").text + client.get("/web/messages.css").text
    for theme in ("dark", "light"):
        for name, value in tokens["color"][theme].items():
            assert f"--{name}:{value}" in css
    assert manifest["background_color"] == tokens["color"]["dark"]["canvas"]
    assert manifest["theme_color"] == tokens["color"]["dark"]["canvas"]
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b|rgba?\(", styles)
    used = set(re.findall(r"var\(--([\w-]+)\)", styles))
    assert used <= set(re.findall(r"--([\w-]+):", css))


def test_every_icon_that_is_used_is_there(shared: Serving) -> None:
    with shared.client() as client:
        icons = client.get("/web/icons.js").text.removeprefix("export const ICONS = ")
        known = {name for name, shapes in json.loads(icons.rstrip(";\n")).items() if shapes}
        scripts = [
            client.get(f"/web/{name}").text
            for name in FILES
            if name.endswith(".js") and name not in _FOREIGN
        ]
        presets = client.get("/corral/v1/choices").json()["presets"]
    used = {
        name for text in scripts for name in re.findall(r'(?:icon|iconButton)\("([\w-]+)"', text)
    }
    assert {"search", "brain", "copy"} <= used
    assert used | {each["icon"] for each in presets} <= known
