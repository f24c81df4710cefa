"""Text -> what looks like a secret in it, and the same text with that covered.

Findings quote the line that they are about, and end in the logs of CI: whatever is shown goes through `masked`. A value
is a secret by its shape (the tokens of well-known services), or by the name that it is given to. What is a reference, a
path or a placeholder is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Secret:
    """A stretch of a text, from one character up to another. `kind` says what it looks like; `address`: it is the
    password in a URL."""

    start: int
    end: int
    kind: str
    address: bool = False


_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(rf"(?<![A-Za-z0-9_-]){shape}(?![A-Za-z0-9])"))
    for kind, shape in (
        ("a token of Hugging Face", r"hf_[A-Za-z0-9]{30,}"),
        ("a token of GitHub", r"(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})"),
        ("a token of GitLab", r"glpat-[A-Za-z0-9_-]{20,}"),
        ("a key of AWS", r"A[KS]IA[A-Z0-9]{16}"),
        ("a key of Google", r"AIza[A-Za-z0-9_-]{35}"),
        ("a token of Slack", r"xox[abeprs]-[A-Za-z0-9-]{10,}"),
        ("a token of Modal", r"(?:ak|as)-(?=[A-Za-z]*\d)[A-Za-z0-9]{22}"),
        ("a token of PyPI", r"pypi-[A-Za-z0-9_-]{50,}"),
        ("a token of npm", r"npm_[A-Za-z0-9]{36}"),
        ("a key of Stripe", r"[rs]k_live_[A-Za-z0-9]{16,}"),
        ("an API key", r"(?:sk-|gsk_|r8_)(?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{20,}"),
        ("a signed token", r"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
        ("a private key", r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY-----.*"),
    )
)

_NAME = re.compile(
    r"(?P<password>PASSWORD|PASSWD|PASSPHRASE)$"
    r"|(?:^|[_-])(?:(?P<token>TOKEN|API[_-]?KEY|ACCESS[_-]KEY|PRIVATE[_-]KEY|ENCRYPTION[_-]KEY)|SECRET(?:[_-]KEY)?)$",
    re.IGNORECASE,
)
_NOT_SECRET = re.compile(
    r"(?:^|[_-])(?:PAD|EOS|BOS|UNK|MASK|SEP|CLS|SOS|STOP|START|END|IMAGE|VIDEO|AUDIO|SPECIAL|TRIGGER|MAX|MIN|NUM|PER|NEXT)"
    r"[_-]TOKEN$|^MODAL[_-]SECRET$",
    re.IGNORECASE,
)
"""Tokens of language models, and names of Modal's secrets."""

_PLACEHOLDER = re.compile(
    r"(?:x{3,}|\*+|\.+|\d{1,7}|none|null|nil|true|false|yes|no|on|off|empty|tests?|testing|secret|token|password|passwd"
    r"|pass|api[-_]?key|key|user|root|admin|postgres|mysql|redis|minio|minioadmin|guest|default|anonymous|ollama"
    r"|lm-studio|my[-_].*|your.*|.*(?:example|placeholder|change[-_]?me|dummy|fake|sample|redacted|replace|todo|insert"
    r"|not[-_ ]?(?:needed|required|used|set)|unused|no[-_]key|xxxx|…|\.\.\.).*)",
    re.IGNORECASE | re.DOTALL,
)
_REFERENCE = re.compile(r"[/~<\[{%@]|\.{1,2}/|[A-Za-z][\w+.-]*://|(?:arn|vault|file|env|ssm|secret)s?:|[\w-]+/[\w-]+/")
"""How paths and names of secrets that lie elsewhere begin."""

_VALUE = r"""(?:"(?P<double>[^"\n]*)"|'(?P<single>[^'\n]*)'|(?P<bare>[^\s,;&|"'`(){}<>]+))"""
_ASSIGNED = re.compile(rf"(?<![\w-])-{{0,2}}(?P<name>[A-Za-z_][\w-]{{2,80}})=\\?{_VALUE}")
_FLAG = re.compile(rf"(?<![\w-])--?(?P<name>[A-Za-z][\w-]{{2,80}})[ \t]+{_VALUE}")
_ENV = re.compile(rf"(?<!\w)ENV[ \t]+(?P<name>[A-Za-z_]\w{{2,80}})[ \t]+{_VALUE}")
_PAIR = re.compile(
    r"""(?<![\w-])["']?(?P<name>[A-Za-z_][\w-]{2,80})["']?[ \t]*:[ \t]*"""
    r"""(?:"(?P<double>[^"\n]*)"|'(?P<single>[^'\n]*)'|(?P<bare>[^"'\s,{}\[][^,}\n]*))"""
)
_LOGIN = re.compile(r"\bwandb[ \t]+login[ \t]+(?:--[\w-]+[ \t]+)*(?P<bare>[0-9a-fA-F]{40})\b")
_HEADER = re.compile(r"(?i)authorization:[ \t]*(?:bearer|token|basic)[ \t]+(?P<bare>[A-Za-z0-9._~+/-]{16,}=*)")
_CURL_USER = re.compile(r"\bcurl\b[^|;&\n]{0,400}?[ \t](?:-u|--user)[= \t]*[\"']?[^\s:\"'$]{1,80}:(?P<bare>[^\s\"']+)")
_ADDRESS = re.compile(
    r"(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{1,20}://(?P<user>[^\s/:@'\"<>]{0,200}):(?P<bare>[^\s/@'\"<>]{1,400})@(?P<host>[^\s/:'\"]*)"
)


def given(name: str, value: str) -> bool:
    """Whether a name tells that a value is a secret, and the value is one."""
    kind = _NAME.search(name)
    if kind is None or _NOT_SECRET.search(name) or not literal(value):
        return False
    if kind["password"]:
        return len(value) >= 4
    long = 16 if kind["token"] else 8
    return len(value) >= long and not re.search(r"\s", value) and bool(re.search(r"\d", value) or len(value) >= 32)


def secrets(text: str) -> Iterator[Secret]:
    """What looks like a secret in a command, or in the value of a variable."""
    for kind, shape in _SHAPES:
        for match in shape.finditer(text):
            if literal(match[0]):
                yield Secret(match.start(), match.end(), kind)
    for pattern in (_ASSIGNED, _FLAG, _ENV):
        yield from _given(pattern, text)
    for pattern, kind in ((_LOGIN, "a key of Weights & Biases"), (_HEADER, "a token"), (_CURL_USER, "a password")):
        for match in pattern.finditer(text):
            if literal(match["bare"]):
                yield Secret(*match.span("bare"), kind)
    for match in _ADDRESS.finditer(text):
        local = match["host"] in ("localhost", "127.0.0.1") or match["user"] == match["bare"]
        if literal(match["bare"]) and not local:
            yield Secret(*match.span("bare"), "a password", address=True)


def masked(text: str) -> str:
    """`text` with a `*` for each character of what looks like a secret, so that all else keeps its place."""
    for secret in (*secrets(text), *_given(_PAIR, text)):
        text = text[: secret.start] + "*" * (secret.end - secret.start) + text[secret.end :]
    return text


def _given(pattern: re.Pattern[str], text: str) -> Iterator[Secret]:
    for match in pattern.finditer(text):
        group = next(name for name in ("double", "single", "bare") if match[name] is not None)
        value = match[group].partition(" #")[0].rstrip()
        if given(match["name"], value):
            start = match.start(group)
            yield Secret(start, start + len(value), f"the value of `{match['name']}`")


def literal(value: str) -> bool:
    """Whether a value is no reference to what is kept elsewhere, no path, and nothing that stands for a secret in
    documentation."""
    if re.search(r"[$`]|\{\{", value) or _REFERENCE.match(value):
        return False
    return bool(value) and not _PLACEHOLDER.fullmatch(value)
