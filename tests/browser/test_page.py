"""The page in a real Chromium: what a person does, and what an answer may not do."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from app.core.paths import resource
from tests.api.serving import Serving
from tests.browser.chromium import Chromium, Page

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        "CORRAL_TEST_CHROMIUM" not in os.environ, reason="`make browser` finds a Chromium"
    ),
]
SEND = "form.composer button"
ANSWERED = "document.querySelector('.message.assistant:last-child .statistics')"
PHONE = (390, 844)
MARKDOWN = """# Sorting

Use **bisect**, see [the manual](https://docs.python.org/3/library/bisect.html), in $O(log n)$.

```python
def first(stamps: list[float]) -> int:
    return 1  # the first
```

1. one
2. two
   - inner `code`

| Approach | Steps |
|---|---:|
| loop | 10 |

> said
"""
HOSTILE = """<script>window.hacked = 1</script>

<img src=x onerror="window.hacked = 2"> <svg onload="window.hacked = 3"></svg>

[press](javascript:window.hacked=4) [data](data:text/html,<script>window.hacked=5</script>)
[vb](vbscript:x) <javascript:window.hacked=6> [tab](java\tscript:window.hacked=7)
[entity](&#106;avascript:window.hacked=8) [file](file:///etc/passwd) [own](/corral/v1/chats)

![picture](http://127.0.0.1:9/pixel.png) ![x" onerror="window.hacked=9](https://a.invalid/x.png)
[title](https://a.invalid "\\" onclick=\\"window.hacked=10")

<iframe srcdoc="<script>parent.hacked=11</script>"></iframe>
<a href="javascript:window.hacked=12" onclick="window.hacked=13">raw</a>
<style>body { display: none }</style><base href="http://127.0.0.1:9/">

```html"><script>window.hacked=14</script>
<script>window.hacked = 15</script><img src=x onerror=window.hacked=16>
```

```xml
<a onclick="window.hacked=17">&lt;script&gt;</a>
```

| <img src=x onerror=window.hacked=18> | b |
|---|---|
| <b onmouseover=window.hacked=19>c</b> | `<script>window.hacked=20</script>` |

$<script>window.hacked=21</script>$
"""


@pytest.fixture
def page(browser: Chromium, alone: Serving) -> Iterator[Page]:
    """The page of a desk's browser. It must not complain, nor ask anybody but its server."""
    with browser.page() as page:
        yield page
        assert page.problems == []
        assert {address for address in page.asked if not address.startswith("data:")} <= {
            address for address in page.asked if address.startswith(alone.url + "/")
        }


def answers(serving: Serving, **script: Any) -> None:
    """New chats are answered by the scripted engine, which is loaded."""
    model = serving.parts.library.find(serving.scripted(**script))
    serving.parts.runtime.load(model)


def opened(page: Page, serving: Serving, ending: str = "/") -> None:
    page.go(f"http://127.0.0.1:{serving.parts.settings.current.server.port}{ending}")
    page.wait("document.querySelector('.composer, .login')")


def say(page: Page, text: str) -> None:
    page.write("textarea", text)
    page.click(SEND)


def answered(page: Page) -> str:
    """The text of the last answer, once it has ended."""
    page.wait(ANSWERED)
    return page.text(".message.assistant:last-child .markdown")


def test_a_real_answer_comes_and_is_there_after_reloading(page: Page, alone: Serving) -> None:
    opened(page, alone)
    page.write("textarea", "Say hi")
    page.press("Enter", 13)
    page.wait("document.querySelector('.message.user')")
    text = answered(page)
    assert text
    assert page.text(".row .title") == "Say hi"
    opened(page, alone)
    page.click(".row")
    assert answered(page) == text
    assert page.text(".message.user .bubble") == "Say hi"
    assert page.text("h1") == "Say hi"


def reloaded(page: Page) -> None:
    page.ask("window.before = true")
    page.call("Page.reload")
    page.wait("!window.before && document.querySelector('.composer')")


def test_reloading_keeps_the_chat_and_what_is_typed(page: Page, alone: Serving) -> None:
    answers(alone, text="Fine.")
    opened(page, alone)
    page.write("textarea", "fir")
    reloaded(page)
    page.wait("document.querySelector('textarea').value === 'fir'")
    say(page, "st")
    assert answered(page) == "Fine."
    first = page.ask("location.hash")
    page.write("textarea", "half a sen")
    reloaded(page)
    assert answered(page) == "Fine."
    assert page.text("h1") == "first"
    page.wait("document.querySelector('textarea').value === 'half a sen'")
    page.click(".side header .icon-button")
    page.wait("document.querySelector('.empty')")
    assert page.ask("document.querySelector('textarea').value") == ""
    assert page.ask("location.hash") == ""
    say(page, "second")
    answered(page)
    assert page.ask("location.hash") not in ("", first)
    page.ask("history.back()")
    page.wait("document.querySelector('h1').innerText === 'first'")
    assert page.ask("document.querySelector('textarea').value") == "half a sen"
    page.click("textarea")
    page.press("Enter", 13)
    page.wait("document.querySelectorAll('.message.user').length === 2")
    answered(page)
    reloaded(page)
    page.wait("document.querySelectorAll('.message.user').length === 2")
    assert page.ask("document.querySelector('textarea').value") == ""


def test_a_chat_that_is_gone_is_told_so(browser: Chromium, alone: Serving) -> None:
    with browser.page() as page:
        opened(page, alone, "/#chat=77")
        page.wait("document.querySelector('.toast').innerText.includes('is gone')")
        assert page.ask("location.hash") == ""
        assert page.ask("Boolean(document.querySelector('.empty'))")


def test_the_stop_button_has_its_icon_while_the_server_is_away(
    browser: Chromium, alone: Serving
) -> None:
    answers(alone, text="word " * 60, tokens_per_second=20)
    with browser.page() as page:
        opened(page, alone)
        say(page, "x")
        page.wait("document.querySelector('.message.assistant .markdown').innerText.length > 5")
        alone.change(on=False)
        page.wait("!document.querySelector('.strip').hidden")
        page.ask("document.querySelector('textarea').dispatchEvent(new Event('input'))")
        page.ask("new Promise(requestAnimationFrame)", await_it=True)
        button = "document.querySelector('form.composer button svg')"
        assert page.ask(f"{button}.getBBox().width") > 5
        assert page.ask("document.querySelectorAll('use').length") == 0


def test_a_message_that_is_sent_twice_in_haste_is_sent_once(page: Page, alone: Serving) -> None:
    answers(alone, text="Fine.")
    opened(page, alone)
    page.write("textarea", "Say hi")
    page.ask(f"for (let i = 0; i < 2; i++) document.querySelector('{SEND}').click()")
    assert answered(page) == "Fine."
    with alone.client() as client:
        assert len(client.get("/corral/v1/chats").json()) == 1
    assert page.ask("document.querySelectorAll('.message.user').length") == 1
    assert page.ask("document.querySelector('textarea').value") == ""


def test_markdown_is_shown_as_what_it_means(page: Page, alone: Serving) -> None:
    answers(alone, text=MARKDOWN, tokens_per_second=100)
    opened(page, alone)
    say(page, "x")
    answered(page)
    assert page.text(".markdown h1") == "Sorting"
    assert page.text(".markdown strong") == "bisect"
    link = "document.querySelector('.markdown a')"
    assert page.ask(f"{link}.href") == "https://docs.python.org/3/library/bisect.html"
    assert page.ask(f"{link}.rel") == "noopener noreferrer nofollow"
    assert page.text(".markdown .math") == "$O(log n)$"
    assert page.text("figure figcaption span") == "Python"
    assert page.text(".hljs-keyword") == "def"
    assert page.text(".hljs-comment") == "# the first"
    assert page.text(".markdown ol ul code") == "code"
    assert page.text(".markdown td.right") == "10"
    assert page.text(".markdown blockquote") == "said"
    code = page.ask("document.querySelector('figure code').textContent")
    assert code == "def first(stamps: list[float]) -> int:\n    return 1  # the first"


def test_a_growing_answer_is_the_same_as_a_whole_one(page: Page, alone: Serving) -> None:
    opened(page, alone)
    grown = (
        "import('/web/markdown.js').then(({ showMarkdown }) => {"
        f" const text = {json.dumps(MARKDOWN + HOSTILE)};"
        " const grown = document.createElement('div'), whole = document.createElement('div');"
        " for (let end = 0; end <= text.length; end += 7) showMarkdown(grown, text.slice(0, end));"
        " showMarkdown(grown, text); showMarkdown(whole, text);"
        " return [grown.innerHTML === whole.innerHTML, whole.childElementCount]; })"
    )
    same, blocks = page.ask(grown, await_it=True)
    assert same
    assert blocks > 10


def test_an_answer_cannot_do_anything(page: Page, alone: Serving) -> None:
    answers(alone, text=HOSTILE)
    opened(page, alone)
    say(page, HOSTILE)
    text = answered(page)
    assert '<img src=x onerror="window.hacked = 2">' in text
    opened(page, alone)
    page.click(".row")
    answered(page)
    assert page.ask("window.hacked") is None
    inside = "document.querySelectorAll('.column {}').length"
    for tag in ("script", "img", "iframe", "style", "base", "object", "embed", "form", "link"):
        assert page.ask(inside.format(tag)) == 0, tag
    links = page.ask("[...document.querySelectorAll('.column a')].map((each) => each.href)")
    assert links
    assert [each for each in links if not each.startswith(("https://", "http://"))] == []
    assert not [each for each in links if each.startswith(alone.url)]
    handlers = page.ask(
        "[...document.querySelectorAll('.column *')].flatMap((each) =>"
        " each.getAttributeNames().filter((name) => name.startsWith('on') || name === 'style'))"
    )
    assert handlers == []
    assert not [each for each in page.asked if "a.invalid" in each or ":9/" in each]


def test_the_policy_is_in_force(browser: Chromium, alone: Serving) -> None:
    with browser.page() as page:
        opened(page, alone)
        for script in (
            "document.body.insertAdjacentHTML('beforeend', '<b>x</b>')",
            "document.createElement('div').innerHTML = '<b>x</b>'",
            "new Function('return 1')",
            "document.createElement('script').src = '/web/app.js'",
        ):
            refused = (
                f"(() => {{ try {{ {script}; return ''; }} catch (e) {{ return e.name; }} }})()"
            )
            assert page.ask(refused) in ("TypeError", "EvalError"), script
        other = "fetch('http://127.0.0.1:9/').then(() => 'sent', (error) => error.name)"
        assert page.ask(other, await_it=True) == "TypeError"
        page.ask(
            "(() => { const e = document.createElement('style'); e.textContent = 'body{top:1px}';"
            " document.head.append(e); })()"
        )
        page.wait("getComputedStyle(document.body).top !== '1px'")
        assert [each for each in page.problems if "Content Security Policy" in each]


def test_a_link_with_a_token_logs_in_and_leaves_no_trace(page: Page, alone: Serving) -> None:
    alone.change(require_token=True)
    _, secret = alone.parts.tokens.issue("Anna’s phone", ("chat",))
    opened(page, alone, f"/#token={secret}")
    page.wait("document.querySelector('.composer')")
    assert page.ask("location.href") == alone.url + "/"
    assert page.ask("history.length") <= 2
    assert not [each for each in page.asked if secret in each.partition("#")[0]]
    opened(page, alone)
    page.wait("document.querySelector('.composer')")
    page.click(".side footer button")
    assert "Anna’s phone" in page.text("dialog")
    page.ask("document.querySelector('dialog').close()")
    page.write("textarea", "nobody else's")
    page.click(".side footer button")
    assert "nobody else's" in page.ask("JSON.stringify(localStorage)")
    page.click("dialog .danger")
    page.wait("document.querySelector('.login')")
    assert page.ask("localStorage.getItem('corral.token')") is None
    assert "nobody else's" not in page.ask("JSON.stringify(localStorage)")
    _refusals_are_expected(page)


def test_a_wrong_token_is_refused_and_a_right_one_typed(page: Page, alone: Serving) -> None:
    alone.change(require_token=True)
    opened(page, alone)
    assert page.text(".problem") == ""
    page.write("#token", "corral-wrong")
    page.click(".login .primary")
    page.wait("document.querySelector('.problem').innerText.includes('not valid')")
    _, secret = alone.parts.tokens.issue("phone", ("chat",))
    page.write("#token", secret)
    page.click(".login .primary")
    page.wait("document.querySelector('.composer')")
    _refusals_are_expected(page)


def test_a_token_that_is_taken_back_ends_at_the_login(page: Page, alone: Serving) -> None:
    alone.change(require_token=True)
    answers(alone)
    token, secret = alone.parts.tokens.issue("phone", ("chat",))
    opened(page, alone, f"/#token={secret}")
    say(page, "one")
    answered(page)
    alone.parts.tokens.revoke(token.id)
    say(page, "two")
    page.wait("document.querySelector('.login .problem').innerText.includes('not valid')")
    _refusals_are_expected(page)


def test_a_token_that_does_not_allow_chats_is_told_so(page: Page, alone: Serving) -> None:
    _, secret = alone.parts.tokens.issue("tool", ("models",))
    opened(page, alone, f"/#token={secret}")
    page.wait("document.querySelector('.problem').innerText.includes('does not allow')")
    page.problems[:] = [each for each in page.problems if "403" not in each]


def test_two_devices_with_tokens_of_their_own_see_their_own_chats(
    browser: Chromium, alone: Serving
) -> None:
    alone.change(require_token=True)
    answers(alone)
    secrets = [alone.parts.tokens.issue(name, ("chat",))[1] for name in ("one", "two")]
    with browser.page() as first, browser.page() as second:
        for page, secret in zip((first, second), secrets, strict=True):
            opened(page, alone, f"/#token={secret}")
            page.wait("document.querySelector('.composer')")
        say(first, "mine alone")
        answered(first)
        opened(second, alone)
        second.wait("document.querySelector('.rows .hint')")
        assert "mine alone" not in second.text()


def test_an_answer_is_stopped_and_kept(page: Page, alone: Serving) -> None:
    answers(alone, tokens=100_000, tokens_per_second=50)
    opened(page, alone)
    say(page, "one two three")
    page.wait("document.querySelector('.message.assistant .markdown').innerText.length > 20")
    assert page.ask(f"document.querySelector({json.dumps(SEND)}).title") == "Stop"
    page.click(SEND)
    text = answered(page)
    assert "stopped" in page.text(".statistics")
    page.wait(f"document.querySelector({json.dumps(SEND)}).title === 'Send'")
    opened(page, alone)
    page.click(".row")
    assert answered(page) == text


def test_an_answer_goes_on_while_the_phone_is_locked(browser: Chromium, alone: Serving) -> None:
    answers(alone, text="word " * 80, tokens_per_second=25)
    with browser.page(*PHONE, phone=True) as page:
        opened(page, alone)
        say(page, "x")
        page.wait("document.querySelector('.message.assistant .markdown').innerText.length > 5")
    with browser.page() as page:
        opened(page, alone)
        page.click(".row")
        page.wait("document.querySelector('.message.assistant .markdown').innerText.length > 5")
        assert not page.ask(f"Boolean({ANSWERED})")
        assert answered(page).split() == ["word"] * 80
        assert page.problems == []


def test_a_lost_connection_is_told_and_found_again(browser: Chromium, alone: Serving) -> None:
    answers(alone, text="word " * 60, tokens_per_second=20)
    with browser.page() as page:
        opened(page, alone)
        say(page, "x")
        page.wait("document.querySelector('.message.assistant .markdown').innerText.length > 5")
        alone.change(on=False)
        page.wait("!document.querySelector('.strip').hidden")
        alone.change(on=True)
        page.wait("document.querySelector('.strip').hidden")
        assert answered(page).split() == ["word"] * 60


def test_the_page_opens_without_its_server(browser: Chromium, alone: Serving) -> None:
    with browser.page() as page:
        opened(page, alone)
        page.wait("navigator.serviceWorker.controller")
        opened(page, alone)  # now through the worker
        page.wait("document.querySelector('.empty')")
        kept = page.ask(
            "caches.open('corral-page').then((each) => each.keys())"
            ".then((all) => all.map((each) => new URL(each.url).pathname))",
            await_it=True,
        )
        assert "/" in kept
        assert all(each == "/" or each.startswith("/web/") for each in kept)
        alone.change(on=False)
        while alone.server.addresses:
            pass
        opened(page, alone)
        page.wait("document.querySelector('.login').innerText.includes('cannot be reached')")
        alone.change(on=True)
        while not alone.server.addresses:
            pass
        page.click(".login .primary")
        page.wait("document.querySelector('.composer')")


def test_it_can_be_installed(page: Page, alone: Serving) -> None:
    opened(page, alone)
    page.wait("navigator.serviceWorker.controller")
    manifest = page.call("Page.getAppManifest")
    assert manifest["errors"] == []
    assert json.loads(manifest["data"])["name"] == "Corral"
    found = page.call("Page.getInstallabilityErrors")["installabilityErrors"]
    # A device of its own is as good as a private window, where nothing is installed.
    assert {each["errorId"] for each in found} <= {"in-incognito"}


def test_it_works_over_a_connection_that_is_not_encrypted(
    browser: Chromium, alone: Serving
) -> None:
    answers(alone, text="```text\nto be copied\n```")
    with browser.page(*PHONE, phone=True) as page:
        page.go(f"http://computer.local:{alone.parts.settings.current.server.port}/")
        page.wait("document.querySelector('.empty')")
        assert not page.ask("isSecureContext")
        say(page, "x")
        page.wait(ANSWERED)
        page.click("figure .icon-button")
        page.wait("document.querySelector('figure .icon').dataset.icon === 'check'")
        page.click("textarea")
        page.call("Input.dispatchKeyEvent", type="keyDown", commands=["paste"])
        page.wait("document.querySelector('textarea').value === 'to be copied'")
        assert page.problems == []


def test_it_speaks_french(browser: Chromium, alone: Serving) -> None:
    answers(alone, tokens_per_second=100)
    with browser.page(*PHONE, phone=True, language="fr-FR") as page:
        opened(page, alone)
        page.wait("document.querySelector('.empty')")
        assert page.ask("document.documentElement.lang") == "fr"
        assert page.text(".empty h2") == "Sur quoi travaillons-nous ?"
        assert page.text(".chip[aria-pressed=true]") == "Général"
        say(page, "un deux trois")
        page.wait(ANSWERED)
        assert "jetons/s" in page.text(".statistics")
        page.click(".head .narrow")
        page.click(".side footer button")
        page.click("dialog input[value=en]")
        page.wait("document.documentElement.lang === 'en'")
        page.wait("document.querySelector('.side input').placeholder === 'Search chats'")
        page.wait("document.querySelector('.message.user .bubble').innerText === 'un deux trois'")
        both = page.ask(
            "import('/web/strings.js').then(({ STRINGS: { en, fr } }) => ["
            "Object.keys(en).filter((key) => !(key in fr)),"
            "Object.keys(fr).filter((key) => !(key in en) && !key.startsWith('preset-')),"
            "Object.keys(en).filter((key) => String(en[key].match(/{\\w+}/g)?.sort())"
            " !== String(fr[key].match(/{\\w+}/g)?.sort()))])",
            await_it=True,
        )
        assert both == [[], [], []]
        assert page.problems == []


@pytest.mark.parametrize(
    ("language", "title", "remedy"),
    [
        ("en-GB", "The conversation is too long for this model", "Begin a new chat"),
        ("fr-FR", "La conversation est trop longue pour ce modèle", "Commencez une nouvelle"),
    ],
)
def test_what_failed_is_told_in_the_language_of_the_page(
    browser: Chromium, alone: Serving, language: str, title: str, remedy: str
) -> None:
    """With what the page itself has against it: it can load nothing with another context."""
    with browser.page(language=language) as page:
        opened(page, alone)
        page.wait("document.querySelector('.empty')")
        page.write("textarea", "word " * 20_000)
        page.click(SEND)
        page.wait("document.querySelector('.failure')")
        shown = page.text(".failure")
        assert title in shown
        assert remedy in shown
        assert "context length" not in shown
        page.click(".failure summary")
        assert "context" in page.text(".failure details p")


def test_themes_follow_the_system_and_the_switch(page: Page, alone: Serving) -> None:
    colours = json.loads(resource("style/tokens.json").read_text("utf-8"))["color"]

    def ground() -> str:
        found = page.ask("getComputedStyle(document.body).backgroundColor.match(/\\d+/g)")
        return "#" + "".join(f"{int(each):02x}" for each in found)

    opened(page, alone)
    assert ground() == colours["dark"]["canvas"]
    page.set_theme("light")
    assert ground() == colours["light"]["canvas"]
    page.click(".side footer button")
    page.click("dialog input[value=dark]")
    assert ground() == colours["dark"]["canvas"]
    opened(page, alone)
    assert ground() == colours["dark"]["canvas"]
    page.wait("document.querySelector('meta[name=theme-color]').content")
    assert page.ask("document.querySelector('meta[name=theme-color]').content") == ground()


def test_it_fits_a_phone(browser: Chromium, alone: Serving) -> None:
    answers(alone, text=MARKDOWN + "\n" + "| a | b |\n|---|---|\n" + f"| {'wide ' * 40} | x |\n")
    with browser.page(*PHONE, phone=True) as page:
        opened(page, alone)
        page.wait("document.querySelector('.empty')")
        for _ in range(2):
            assert page.ask("document.documentElement.scrollWidth") == PHONE[0]
            assert page.ask(
                "document.querySelector('.column').scrollWidth"
                " <= document.querySelector('.transcript').clientWidth"
            )
            small = page.ask(
                "[...document.querySelectorAll('button, select')].filter((each) => {"
                " const box = each.getBoundingClientRect();"
                " return box.width && box.x >= 0 && (box.height < 30 || box.width < 30); })"
                ".map((each) => each.outerHTML)"
            )
            assert small == []
            say(page, "x")
            page.wait(ANSWERED)
        assert page.problems == []


def test_chats_are_renamed_deleted_and_brought_back(page: Page, alone: Serving) -> None:
    answers(alone)
    opened(page, alone)
    say(page, "first words")
    answered(page)
    page.click("[popovertarget=menu]")
    page.click("#menu button:not(.danger)")
    page.wait("document.querySelector('dialog input')")
    page.call("Input.insertText", text="Another name")
    page.click("dialog .primary")
    page.wait("document.querySelector('h1').innerText === 'Another name'")
    assert page.text(".row .title") == "Another name"
    page.click("[popovertarget=menu]")
    page.click("#menu .danger")
    page.wait("document.querySelector('.toast')")
    assert page.ask("document.querySelectorAll('.row').length") == 0
    page.click(".toast .link")
    page.wait("document.querySelector('.message.user')")
    assert page.text(".row .title") == "Another name"


def test_an_answer_is_written_again_and_both_are_kept(page: Page, alone: Serving) -> None:
    answers(alone)
    opened(page, alone)
    say(page, "!think x")
    answered(page)
    page.wait("document.querySelector('details summary').innerText.includes('Thought')")
    page.click("[aria-label='Write again']")
    page.wait("document.querySelector('.versions')?.innerText === '2 / 2'")
    page.click("[aria-label='Earlier version']")
    page.wait("document.querySelector('.versions').innerText === '1 / 2'")
    assert page.ask("document.querySelectorAll('.message').length") == 2


def test_an_engine_that_dies_is_told_beside_what_was_written(page: Page, alone: Serving) -> None:
    answers(alone)
    opened(page, alone)
    say(page, "!exit one two three")
    page.wait("document.querySelector('.failure p').innerText")
    assert "interrupted" in page.text(".statistics")
    say(page, "again")
    page.wait("document.querySelectorAll('.message.assistant .statistics').length === 2")


def _refusals_are_expected(page: Page) -> None:
    """What the console says of answers that had to be 401 is no problem."""
    page.problems[:] = [each for each in page.problems if "401" not in each]
