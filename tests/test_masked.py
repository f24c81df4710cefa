"""What looks like a secret is covered where it is shown; what only sounds like one stays."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagespec.masked import masked, secrets

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
SECRET = {
    "Hugging Face": f"hf_{LETTERS[:34]}",
    "GitHub": f"ghp_{LETTERS}",
    "GitHub, fine": f"github_pat_{LETTERS}",
    "GitLab": f"glpat-{LETTERS[:20]}",
    "AWS": "AKIA" + "QWERTYUIOP123456",
    "Google": f"AIza{LETTERS[:35]}",
    "Slack": f"xoxb-{LETTERS[:12]}",
    "OpenAI": f"sk-proj-{LETTERS}",
    "Anthropic": f"sk-ant-api03-{LETTERS}",
    "Stripe": f"sk_live_{LETTERS[:24]}",
    "signed": f"eyJ{LETTERS[:12]}.eyJ{LETTERS[:12]}.{LETTERS[:12]}",
}


@pytest.mark.parametrize("secret", SECRET.values(), ids=SECRET)
def test_shapes(secret: str) -> None:
    text = f"echo {secret} > /x"
    assert [text[found.start : found.end] for found in secrets(text)] == [secret]
    assert masked(text) == f"echo {'*' * len(secret)} > /x"
    assert [*secrets(f"x{secret}"), *secrets(secret[:10])] == []


COVERED = [
    f"export WANDB_API_KEY=<{LETTERS}>",
    f"  WANDB_API_KEY: <{LETTERS}>",
    f'{{"wandb_api_key": "<{LETTERS}>"}}',
    f"  - ENV HUB_TOKEN <{LETTERS}>",
    "A_PASSWORD='<correct horse>'",
    "env: {A_PASSWORD: <correct horse>, B: c}",
    "    PGPASSWORD: <hunter2> # for now",
    f"tool login --api-key <{LETTERS}>",
    f"tool login --api-key=<{LETTERS}>",
    "wandb login --relogin <" + "0123456789" * 4 + ">",
    f"curl -H 'Authorization: Bearer <{LETTERS}>' https://h",
    "curl -fsS -u me:<correct-horse> https://h",
    "pip install -i https://me:<correct-horse>@h/simple a",
    "- git+https://me:<correct-horse>@h/a@main",
    "DATABASE_URL: postgres://app:<correct-horse>@db:5432/x",
    "-----BEGIN RSA PRIVATE KEY-----",
]


@pytest.mark.parametrize("marked", COVERED)
def test_values(marked: str) -> None:
    """What stands between `<` and `>` is covered, and nothing else; where there is none, everything."""
    start, _, rest = marked.partition("<")
    value, _, end = rest.partition(">")
    text = start + value + end
    assert masked(text) == (start + "*" * len(value) + end if rest else "*" * len(text))


PLAIN = [
    "HF_TOKEN=$HF_TOKEN",
    "HF_TOKEN: ${HF_TOKEN}",
    'OPENAI_API_KEY: "EMPTY"',
    "API_KEY: your-api-key-of-32-characters",
    f"API_KEY: example-{LETTERS}",
    'EOS_TOKEN: "<|endoftext|>"',
    f"PAD_TOKEN: {LETTERS}",
    "MAX_TOKEN: 128000",
    "DB_PASSWORD: ''",
    "DB_PASSWORD: changeme",
    "SSH_PRIVATE_KEY: /root/.ssh/id_rsa_of_2024",
    "API_SECRET: arn:aws:secretsmanager:eu-1:123456789012",
    "GIT_COMMIT: " + "0123456789" * 4,
    "TOKENIZERS_PARALLELISM: false",
    "MODAL_SECRET: huggingface-secret-2024",
    "git clone https://x-access-token:$TOKEN@github.com/a/b",
    "git clone ssh://git@github.com/a/b",
    "postgres://postgres:postgres@db/x",
    "postgres://me:correct-horse@localhost/x",
    "https://h:8080/a@b",
    "scikit-learn sk-learn-contrib-something-very-long",
    "AKIAIOSFODNN7EXAMPLE",
    "docker run -u 1000:1000 x",
    "-----BEGIN CERTIFICATE-----",
    "echo password: see the vault",
]


@pytest.mark.parametrize("text", [text for text in PLAIN if not text.startswith("echo")])
def test_what_is_no_secret(text: str) -> None:
    assert masked(text) == text


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_secret_in_a_command(text: str) -> None:
    assert list(secrets(text)) == []


PIECES = st.sampled_from([*PLAIN, *COVERED, *SECRET.values(), " ", ":", "=", '"', "'", "\n", "@", "://", "--", "é"])


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), st.lists(PIECES, max_size=6).map("".join)))
def test_covering_keeps_every_place(text: str) -> None:
    covered = masked(text)
    assert len(covered) == len(text)
    assert all(new in (old, "*") for new, old in zip(covered, text, strict=True))
    for found in secrets(text):
        assert set(covered[found.start : found.end]) == {"*"}
