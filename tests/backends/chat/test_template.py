"""Chat templates: rendered as elsewhere, stopped when hostile, their weak spots worked around."""

import locale
import sys
import time
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.chat.sandbox import MAX_GROWTH
from backends.chat.template import CHATML, PLAIN, ChatTemplate, format_date
from backends.errors import TemplateError
from tests.timing import PATIENCE

MOMENT = datetime(2026, 3, 5, 7, 8, 9)
HELLO = [{"role": "user", "content": "Hello"}]


def render(source: str, messages: list[dict[str, str]] = HELLO) -> str:
    template = ChatTemplate(source, bos="<s>", eos="</s>", clock=lambda: MOMENT)
    return template.render(messages)


# Rendering


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (CHATML, "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"),
        (PLAIN, "User: Hello\nAssistant:"),
        ("{{ bos_token }}{{ messages[0].content }}{{ eos_token }}", "<s>Hello</s>"),
        ("{{ messages | tojson }}", '[{"role": "user", "content": "Hello"}]'),
        ("{{ {'a': 'é<>'} | tojson(indent=1) }}", '{\n "a": "é<>"\n}'),
        ("{{ {'a': nothing} | tojson }}", '{"a": null}'),
        ("{{ (messages | map(attribute='role')) | tojson }}", '["user"]'),
        ("{{ ('[1]' | from_json)[0] + 1 }}", "2"),
        ("{{ 'é🦙\ufdd0' | tojson(ensure_ascii=True) }}", '"\\u00e9\\ud83e\\udd99\ufdd0"'),
        ("{{ 'a\nb\n\nc' | indent(2, first=true) }}", "  a\n  b\n\n  c"),
        ("{{ 'a\nb' | indent('> ') }}", "a\n> b"),
        ("{% set l = [1, 2] %}{% set _ = l.append(3) %}{{ l.pop(0) }}{{ l }}", "1[2, 3]"),
        ("{{ ['\ufdd0'] }}{{ ['\ufdd1'] | string }}", "['\ufdd0']['\ufdd1']"),
        (r"{{ ['\\ufdd0'] ~ '' }}", r"['\\ufdd0']"),
        ("{{ tools is defined }}{{ functions }}{{ date_string }}", "False[]05 Mar 2026"),
        ("{{ strftime_now('%d %B %Y') }} {{ date_string }}", "05 March 2026 05 Mar 2026"),
        ("{% for i in [1, 2, 3] %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}", "1"),
        ("{% generation %}x{% endgeneration %}", "x"),
        ("  {% if true %}\nx\n  {% endif %}", "x\n"),
        ("{% set l = [] %}{% set _ = l.append('x') %}{{ l }}", "['x']"),
        ("{% set ns = namespace(n=0) %}{% set ns.n = ns.n + 1 %}{{ ns.n }}", "1"),
        ("{{ tools is defined }} {{ messages is iterable }}", "False True"),
        ("{{ 'a' ~ 1 ~ none }}{{ '%s-%d' % ('b', 2) }}{{ '{}{}'.format('c', 3) }}", "a1Noneb-2c3"),
        ("{{ ', '.join(['a', 'b']) }} {{ ['a', 'b'] | join('+') }}", "a, b a+b"),
        ("{{ 'aXb'.replace('X', '-') }} {{ 'aXb' | replace('X', '-') }}", "a-b a-b"),
        ("{{ 'a,b'.split(',')[-1] }}{{ 'x' in 'xyz' }}{{ 2 < 3 <= 3 }}", "bTrueTrue"),
        ("{{ ({'a': 1}.items() | list)[0][1] }}{{ {'b': 2}.get('b') }}", "12"),
        ("{% macro f(x) %}[{{ x }}]{% endmacro %}{{ f('a') + f('b') }}", "[a][b]"),
        ("{{ 'x' * 3 }}{{ [1] * 2 }}{{ 2 ** 3 }}{{ 7 % 4 }}", "xxx[1, 1]83"),
    ],
)
def test_what_templates_use_works(source: str, expected: str) -> None:
    assert render(source) == expected


@pytest.mark.parametrize(
    ("source", "title", "words"),
    [
        ("{{ raise_exception('roles must alternate') }}", "refuses", "roles must alternate"),
        ("{% if %}", "not valid", "line 1"),
        ("{{ nothing.at.all }}", "failed", "nothing"),
        ("{{ 1 / 0 }}", "failed", "ZeroDivisionError"),
        ("x" * 600_000, "too large", ""),
    ],
)
def test_a_failing_template_says_why(source: str, title: str, words: str) -> None:
    with pytest.raises(TemplateError) as caught:
        render(source)
    assert title in caught.value.message
    assert words in caught.value.detail


def test_the_messages_given_are_not_changed() -> None:
    messages = [{"role": "user", "content": "Hello"}]
    with pytest.raises(TemplateError):
        render("{% set _ = messages.append(1) %}", messages)
    with pytest.raises(TemplateError):
        render("{% set _ = messages[0].update(role='x') %}", messages)
    assert messages == HELLO


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("%A %a %B %b %d %-d %Y %H:%M", "Thursday Thu March Mar 05 5 2026 07:08"),
        ("%% %9999999d %q", "% %9999999d %q"),
    ],
)
def test_dates_are_english(pattern: str, expected: str) -> None:
    locale.setlocale(locale.LC_TIME, "C")
    assert format_date(MOMENT, pattern) == expected


# Hostile templates

DOUBLING = "{% for i in range(60) %}{% set ns.x = REPEAT %}{% endfor %}{{ ns.x }}"
DAG = "{% for i in range(40) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}"
HOSTILE = {
    "a huge product": "{{ 'A' * 10 ** 10 }}",
    "a huge list": "{{ [1] * 10 ** 10 }}",
    "a huge number": "{{ 10 ** (10 ** 9) }}",
    "squaring": "{% set ns = namespace(x=9) %}" + DOUBLING.replace("REPEAT", "ns.x * ns.x"),
    "doubling": "{% set ns = namespace(x='abc') %}" + DOUBLING.replace("REPEAT", "ns.x + ns.x"),
    "gluing": "{% set ns = namespace(x='abc') %}" + DOUBLING.replace("REPEAT", "ns.x ~ ns.x"),
    "a huge join": "{{ range(100000) | join('a' * 1000000) }}",
    "a huge join method": "{{ ('a' * 1000000).join(['b', 'b'] * 50000) }}",
    "a huge replacement": "{{ ('a' * 1000000) | replace('a', 'b' * 1000000) }}",
    "a huge replacement method": "{{ ('a' * 1000000).replace('a', 'b' * 1000000) }}",
    "a huge indent": "{{ ('\n' * 1000000) | indent('a' * 1000000, blank=true) }}",
    "padding by %": "{{ '%999999999d' % 1 }}",
    "padding by format": "{{ '{:>999999999}'.format(1) }}",
    "padding by argument": "{{ '{:>{w}}'.format(1, w=999999999) }}",
    "repeating by format": "{{ ('{0}' * 1000).format('a' * 1000000) }}",
    "endless output": "{% for i in range(100000) %}{{ 'a' * 100000 }}{% endfor %}",
    "printing a web": "{% set ns = namespace(x=[]) %}" + DAG + "{{ ns.x }}",
    "comparing webs": "{% set ns = namespace(x=[]) %}" + DAG + "{{ ns.x == [ns.x] }}",
    "a web to JSON": "{% set ns = namespace(x=[]) %}" + DAG + "{{ ns.x | tojson }}",
    "a web to text": "{% set ns = namespace(x=[]) %}" + DAG + "{{ ns.x | string }}",
    "hoarding": "{% set l = [] %}{% for i in range(9999) %}"
    "{% set _ = l.append('a' * 7000000) %}{% endfor %}",
    "recursion": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "center": "{{ 'a'.center(10 ** 9) }}",
    "bytes": "{{ (1).to_bytes(10 ** 9, 'big') }}",
    "lipsum": "{{ lipsum(10 ** 6) }}",
    "deep nesting": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "classes": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "globals": "{{ namespace.__init__.__globals__['os'] }}",
    "import": "{% include '/etc/passwd' %}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_template_is_refused_soon(name: str) -> None:
    began = time.monotonic()
    with pytest.raises(TemplateError):
        render(HOSTILE[name])
    assert time.monotonic() - began < PATIENCE
    assert render(CHATML)  # and the next one is fine


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) ~ f(n - 1) }}{% endif %}{% endmacro %}{{ f(50) }}",
        "{{ range(99999) | map('string') | map('length') | map('string') | list * 9 | length }}",
    ],
)
def test_a_template_that_does_not_end_is_stopped(source: str) -> None:
    template = ChatTemplate(source)
    began = time.monotonic()
    with pytest.raises(TemplateError) as caught:
        template.render(HELLO, seconds=0.3)
    assert time.monotonic() - began < PATIENCE  # left alone it goes on for hours
    assert "0.3 seconds" in caught.value.message or "stopped" in caught.value.message


@pytest.mark.parametrize(
    "source",
    [
        "{{ messages.__class__ }}",
        "{{ 'a' | attr('__class__') }}",
        "{{ '{0.__class__}'.format(1) }}",
        "{{ messages | map(attribute='__class__') | first }}",
    ],
)
def test_attributes_of_python_are_not_there(source: str) -> None:
    assert "class" not in render(source)


def test_the_trace_function_of_before_comes_back() -> None:
    def mine(frame: object, event: str, argument: object) -> None:
        return None

    before = sys.gettrace()
    sys.settrace(mine)
    try:
        render(CHATML)
        assert sys.gettrace() is mine
    finally:
        sys.settrace(before)


def test_a_long_conversation_renders() -> None:
    messages = [{"role": "user", "content": "Hello there. " * 20}] * 5000
    rendered = render("{% if messages | length == 5000 %}" + CHATML + "{% endif %}", messages)
    assert rendered.count("<|im_start|>") == 5001
    assert len(rendered) < MAX_GROWTH


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="{}%# abfor'\"|.()[]~*+=0123", max_size=60))
def test_any_source_renders_or_raises_the_one_error(source: str) -> None:
    try:
        ChatTemplate(source).render(HELLO, seconds=1)
    except TemplateError as error:
        assert error.message  # noqa: PT017  # not every source fails
