"""Markdown as blocks: what is recognised, what is never let through, and growing texts."""

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.gui.markdown import (
    CodeBlock,
    MathBlock,
    RuleBlock,
    Span,
    TableBlock,
    TextBlock,
    allowed_link,
    parse,
    plain_spans,
    plain_text,
)
from app.gui.markdown_stream import StreamingMarkdown
from tests.timing import least_cpu_seconds

SAMPLE = """## Use bisect
Only $O(\\log n)$ steps, about \\(x^2\\), for **bold *both*** and `code`.

```python
def f():

    return 1
```

- one
- two
  1. nested

  ```js
  let a;
  ```
  after

3. three
4. four

| A | B |
|---|--:|
| a | $n$ |

> quoted
> - item

\\[
x = \\frac{1}{2}
\\]

$$
y

z
$$

***

- [ ] open
- [x] done

Last para
---
# End `"""

texts = st.one_of(
    st.text(max_size=300),
    st.lists(
        st.sampled_from(
            [
                *(
                    "# ",
                    "- ",
                    "1. ",
                    "> ",
                    "```",
                    "```py\n",
                    "~~~\n",
                    "$$",
                    "\\[",
                    "\\]",
                    "`",
                    "**",
                ),
                *(
                    "\n",
                    "\n\n",
                    "    ",
                    "  ",
                    "|",
                    "|---|\n",
                    "| a | b |\n",
                    "---",
                    "===",
                    "*",
                    "_",
                ),
                *(
                    "text",
                    "a b",
                    "[x](y)",
                    "![i](http://a/b)",
                    "<b>",
                    "&amp;",
                    "\\",
                    "\t",
                    "é中😀",
                    "\r\n",
                ),
            ]
        ),
        max_size=60,
    ).map("".join),
)

LINES = [
    *(
        "- a",
        "- b",
        "* c",
        "1. d",
        "2. e",
        "7) f",
        "  more",
        "   deep",
        "    code",
        "",
        "",
        "-",
        "1.",
    ),
    *(
        "| a | b |",
        "|---|---|",
        "| c |",
        "|",
        "text",
        "```",
        "```py",
        "   ```",
        "- ```",
        "> q",
        ">",
    ),
    *(
        "# h",
        "---",
        "===",
        "  - nested",
        "   1. nested",
        "$$",
        "\\[",
        "\\]",
        "- - x",
        "[r]: http://a",
    ),
]
lined = st.lists(st.sampled_from(LINES), max_size=25).map("\n".join)


def kinds(text: str) -> list[str]:
    return [type(block).__name__.removesuffix("Block") for block in parse(text)]


def spans(text: str) -> tuple[Span, ...]:
    block = parse(text)[0]
    assert isinstance(block, TextBlock)
    return block.spans


def test_every_kind_of_block_is_found() -> None:
    assert kinds(SAMPLE) == [
        *("Text", "Text", "Code", "Text", "Text", "Text", "Code", "Text", "Text", "Text"),
        *("Table", "Text", "Text", "Math", "Math", "Rule", "Text", "Text", "Text", "Text"),
    ]


def test_styles_of_a_line() -> None:
    assert spans("**a *b*** ~~c~~ `d` $e$ [f](https://g.h)") == (
        Span("a ", bold=True),
        Span("b", bold=True, italic=True),
        Span(" "),
        Span("c", strike=True),
        Span(" "),
        Span("d", code=True),
        Span(" "),
        Span("e", math=True),
        Span(" "),
        Span("f", link="https://g.h"),
    )


def test_lists_know_their_place_and_numbers() -> None:
    blocks = [
        block for block in parse("- a\n\n  7. b\n  8. c\n\n> - d") if isinstance(block, TextBlock)
    ]
    assert [(b.marker, b.place.indent, b.place.ordered, b.place.quote) for b in blocks] == [
        ("•", 1, 0, 0),
        ("7.", 2, 1, 0),
        ("8.", 2, 1, 0),
        ("•", 1, 0, 1),
    ]


def test_a_list_may_begin_with_zero_and_an_item_with_code() -> None:
    zero, marker, code = (*parse("0. a"), *parse("- ```\n  x\n  ```"))
    assert isinstance(zero, TextBlock)
    assert zero.marker == "0."
    assert isinstance(marker, TextBlock)
    assert (marker.marker, marker.spans) == ("•", ())
    assert code == CodeBlock("x", place=code.place)


def test_task_lists_show_their_boxes() -> None:
    first, second = parse("- [ ] open\n- [x] done")
    assert isinstance(first, TextBlock)
    assert isinstance(second, TextBlock)
    assert (first.marker, plain_text(first)) == ("☐", "open")
    assert (second.marker, plain_text(second)) == ("☑", "done")


def test_a_table_keeps_its_alignment_and_rows() -> None:
    (table,) = parse("| a | b | c |\n|:--|:-:|--:|\n| 1 | 2 |\n")
    assert isinstance(table, TableBlock)
    assert table.align == ("left", "center", "right")
    assert plain_text(table) == "a\tb\tc\n1\t2\t"


@pytest.mark.parametrize(
    ("source", "closed"), [("```py\nx\n```", True), ("```py\nx", False), ("```py\nx\n``", False)]
)
def test_an_open_fence_is_known(source: str, closed: bool) -> None:
    (code,) = parse(source)
    assert isinstance(code, CodeBlock)
    assert (code.language, code.closed) == ("py", closed)


@pytest.mark.parametrize("source", ["costs $5 and $10", "$ a $", "5$ or 6$", r"\$a\$"])
def test_prices_are_not_formulas(source: str) -> None:
    assert not any(span.math for span in spans(source))


@pytest.mark.parametrize("source", ["$$a$$", "\\[a\\]", "\\[\na\n\\]", "$$\na\n$$"])
def test_formulas_on_lines_of_their_own(source: str) -> None:
    assert parse(source) == (MathBlock("a"),)


def test_line_ends_are_kept_in_a_chat_and_not_in_a_card() -> None:
    assert plain_text(parse("a\nb")[0]) == "a\nb"
    assert plain_text(parse("a\nb", breaks=False)[0]) == "a b"


def test_addresses_in_text_become_links() -> None:
    assert spans("see https://a.b/c?d=(e). Then") == (
        Span("see "),
        Span("https://a.b/c?d=(e", link="https://a.b/c?d=(e"),
        Span("). Then"),
    )
    assert list(plain_spans("a\nhttp://b.c/d")) == [
        Span("a"),
        Span("\n"),
        Span("http://b.c/d", link="http://b.c/d"),
    ]


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[a](javascript:alert(1))",
    "[a](JaVaScRiPt:alert(1))",
    "[a](java&#115;cript:alert(1))",
    "[a](java\tscript:alert(1))",
    "[a](&#x6A;avascript:alert(1))",
    "[a](data:text/html;base64,PHNjcmlwdD4=)",
    "[a](vbscript:x)",
    "[a](file:///etc/passwd)",
    "[a](\\\\server\\share)",
    "[a](//evil.example/x)",
    "<javascript:alert(1)>",
    "<data:text/html,x>",
    "[a][b]\n\n[b]: javascript:alert(1)",
    "[a][b]\n\n[b]: <data:text/html,x>",
    '<iframe srcdoc="<script>x</script>"></iframe>',
    "<svg onload=alert(1)>",
    '```"><script>x</script>\ncode\n```',
    "![a](javascript:alert(1))",
    "![a](file:///etc/passwd)",
    "[a](corral://settings)",
]


@pytest.mark.parametrize("source", HOSTILE)
def test_hostile_text_gives_no_link(source: str) -> None:
    for block in parse(source):
        found = block.spans if isinstance(block, TextBlock) else ()
        assert [span.link for span in found if span.link] == []


def test_an_image_is_a_link_and_is_never_loaded() -> None:
    (span,) = spans("![a cat](https://tracker.example/c.png?q=secret)")
    assert span == Span("a cat", image=True, link="https://tracker.example/c.png?q=secret")


@pytest.mark.parametrize("address", ["http://a", "HTTPS://a", "mailto:a@b.c"])
def test_allowed_links(address: str) -> None:
    assert allowed_link(address)


@pytest.mark.parametrize("address", ["", "a/b", "ftp://a", "http//a", "http://[", "javascript:1"])
def test_other_links_are_not_offered(address: str) -> None:
    assert not allowed_link(address)


@pytest.mark.parametrize(
    "source",
    [
        *(">" * 10_000, "- " * 10_000, "[" * 10_000, "*a" * 10_000, "\\(" * 10_000, "$a" * 10_000),
        *("`a``b" * 5_000, "![a](" * 4_000, "x" * 1_000_000, "|" * 5_000 + "\n" + "|-" * 5_000),
    ],
    ids=lambda source: source[:5],
)
def test_hostile_length_takes_no_time(source: str) -> None:
    friendly = SAMPLE * (20_000 // len(SAMPLE))
    usual = least_cpu_seconds(lambda: parse(friendly), times=3)
    assert least_cpu_seconds(lambda: parse(source), times=2) < 20 * usual


@given(texts)
@settings(max_examples=150, deadline=None)
def test_parsing_never_raises(text: str) -> None:
    for block in parse(text):
        assert isinstance(plain_text(block), str)


@given(st.one_of(texts, lined), st.data())
@settings(max_examples=300, deadline=None)
def test_any_split_ends_in_the_same_blocks(text: str, data: st.DataObject) -> None:
    streaming = StreamingMarkdown()
    rest = text
    while rest:
        size = data.draw(st.integers(1, max(1, len(rest))))
        streaming.append(rest[:size])
        rest = rest[size:]
    assert streaming.finish() == parse(text)


def test_long_lists_and_tables_are_taken_in_piece_by_piece() -> None:
    rows = "".join(f"| {number} | `x` |\n" for number in range(30))
    items = "".join(f"{number}. item\n" for number in range(1, 30))
    loose = "".join(f"- item {number}\n\n" for number in range(30))
    text = f"| a | b |\n|---|---|\n{rows}\n{items}\n***\n\n{loose}\nend"
    streaming = StreamingMarkdown()
    for start in range(0, len(text), 7):
        streaming.append(text[start : start + 7])
    assert tuple(streaming.blocks) == parse(text)
    assert streaming.finish() == parse(text)


@pytest.mark.parametrize(
    "line", ["| {} | some words here | `x` |\n", "1. **item {}** `code` words\n"]
)
def test_long_lists_and_tables_grow_in_linear_time(line: str) -> None:
    def write(lines: int) -> None:
        streaming = StreamingMarkdown()
        streaming.append("| a | b | c |\n|---|---|---|\n" if line[0] == "|" else "")
        for number in range(lines):
            streaming.append(line.format(number))

    short, long = (least_cpu_seconds(partial(write, lines), times=3) for lines in (200, 800))
    assert long < 9 * short  # linear is 4, quadratic is 16


def test_finished_blocks_are_never_parsed_again() -> None:
    streaming = StreamingMarkdown()
    seen: list[object] = []
    for character in SAMPLE:
        streaming.append(character)
        assert all(a is b for a, b in zip(seen, streaming.blocks, strict=False))
        seen = list(streaming.blocks[: streaming.stable])
    assert streaming.stable > 15


def test_blocks_while_writing_are_those_of_the_whole_text() -> None:
    streaming = StreamingMarkdown()
    for character in SAMPLE:
        streaming.append(character)
    assert tuple(streaming.blocks) == parse(SAMPLE)


def test_the_closing_fence_does_not_flash_as_code() -> None:
    streaming = StreamingMarkdown()
    for piece in ("```py\na = 1\n", "`", "`", "`"):
        streaming.append(piece)
        code = streaming.blocks[0]
        assert isinstance(code, CodeBlock)
        assert code.text == "a = 1"


def test_an_open_code_block_grows_in_linear_time() -> None:
    def write(lines: int) -> None:
        streaming = StreamingMarkdown()
        streaming.append("```py\n")
        for number in range(lines):
            streaming.append(f"value_{number} = {number}\n")
        code = streaming.blocks[0]
        assert isinstance(code, CodeBlock)
        assert code.text.count("\n") == lines - 1

    short, long = (least_cpu_seconds(partial(write, lines), times=3) for lines in (750, 3_000))
    assert long < 9 * short  # linear is 4, quadratic is 16


def test_link_references_at_the_end_are_taken_up() -> None:
    streaming = StreamingMarkdown()
    for piece in ("See [it][1].\n\nMore.\n\n", "[1]: https://a.b\n"):
        streaming.append(piece)
    first = streaming.finish()[0]
    assert isinstance(first, TextBlock)
    assert any(span.link == "https://a.b" for span in first.spans)


def test_a_rule_is_a_block() -> None:
    assert isinstance(parse("a\n\n---\n\nb")[1], RuleBlock)
