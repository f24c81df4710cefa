"""Secrets and strangers: what is found, what is not, and that no finding shows a secret."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagespec.compiler import check, every_code
from imagespec.diagnostic import Add, render_github, render_json, render_sarif, render_text

from .conftest import BASE, DIGEST, Check

KEY = "-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5\n-----END PRIVATE KEY-----\n"
TOKEN = "hf_notarealtokennotarealtoken012345"
LONG = "abcdefghijklmnopqrstuvwxyz0123456789"

CREDENTIALS = {
    ".env": "LOG=1\nWANDB_API_KEY=" + LONG,
    "deep/down/.env": "export DB_PASS='correct horse'",
    ".env.production": "DATABASE_URL=postgres://app:correct-horse@db/x",
    ".envrc": "export HUB_TOKEN=" + LONG,
    "id_rsa": "x",
    ".ssh/id_ed25519": "x",
    "server.pem": KEY,
    "tls/server.key": KEY,
    ".netrc": "machine h login me password correct-horse",
    ".pypirc": "[pypi]\npassword = x",
    ".npmrc": "//h/:_authToken=x",
    ".git-credentials": "https://me:x@h",
    ".modal.toml": "[me]\ntoken_secret = 'x'",
    ".aws/credentials": "aws_secret_access_key = x",
    ".docker/config.json": '{"auths": {"h": {"auth": "x"}}}',
    ".kube/config": "x",
    "kubeconfig": "clusters: []",
    "service-account.json": '{"private_key": "x"}',
    "my-credentials.json": '{"installed": {"client_secret": "x"}}',
    "kaggle.json": '{"username": "x", "key": "y"}',
    ".streamlit/secrets.toml": "x = 1",
}

HARMLESS = {
    ".env": "LOG_LEVEL=debug\nMAX_TOKENS=512\nTOKENIZER_PATH=/x\nAPI_KEY=\nHF_TOKEN=$HF_TOKEN\nDB_PASS=changeme # do\n",
    ".env.example": "WANDB_API_KEY=" + LONG,
    "deep/.env.sample": "WANDB_API_KEY=" + LONG,
    "id_rsa.pub": "x",
    "ca.pem": "-----BEGIN CERTIFICATE-----",
    "translations.key": "hello",
    ".netrc": "machine h",
    ".pypirc": "[pypi]\nusername = x",
    ".npmrc": "//h/:_authToken=${NPM_TOKEN}",
    ".modal.toml": "[me]\nactive = true",
    ".docker/config.json": "{}",
    "credentials.json": '{"columns": ["name"]}',
    "service-account.json": "no json",
    "environment.py": "API_KEY = 'x'",
    "kaggle.json": '{"username": "x"}',
    ".git-credentials": "",
}


@pytest.fixture
def said(found: Check) -> Check:
    """What is found of this family alone."""
    return lambda text: [place for place in found(text) if place[0].startswith("IS8")]


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize("name", CREDENTIALS)
def test_credentials(project: Path, said: Check, name: str) -> None:
    write(project / "code", name, CREDENTIALS[name])
    assert said("source: [{dir: code, to: /a}]") == [("IS801", 2, 16)]
    assert said(f"source: [{{dir: code, to: /a, ignore: ['{name}']}}]") == []
    assert said(f"source: [{{dir: code, to: /a, ignore: ['*', '**/*', '!{name}']}}]") == [("IS801", 2, 16)]
    assert said("steps: [{add_local_dir: {local_path: code, remote_path: /a}}]") == [("IS801", 2, 38)]
    (project / "Dockerfile").write_text(f"FROM python:3.12{DIGEST}\nCOPY code /a\n")
    assert said("base: {dockerfile: Dockerfile}") == [("IS801", 1, 20)]
    (project / ".dockerignore").write_text(f"code/{name}\n")
    assert said("base: {dockerfile: Dockerfile}") == []


@pytest.mark.parametrize("name", HARMLESS)
def test_no_credentials(project: Path, said: Check, name: str) -> None:
    write(project / "code", name, HARMLESS[name])
    write(project / "code", "main.py", "")
    assert said("source: [{dir: code, to: /a}]") == []


def test_packages_ship_their_source_alone(project: Path, said: Check) -> None:
    write(project / "pkg", "id_rsa", "x")
    assert said("source: [{package: pkg}]") == []
    assert said("source: [{package: pkg, ignore: [tools.py]}]") == [("IS801", 2, 20)]
    assert said("source: [{file: pkg/id_rsa, to: /root/.ssh/}]") == [("IS801", 2, 17)]


def test_many_files_are_counted(project: Path) -> None:
    for n in range(8):
        write(project / "code", f"{n}/id_rsa", "x")
    (project / "spec.yaml").write_text(BASE + "source: [{dir: code, to: /a}]")
    said = check(project / "spec.yaml")
    assert len(said) == 6
    assert "and 3 more files" in "".join(d.message for d in said)
    edits = [edit for d in said for edit in d.fix]
    assert sorted(e.value for e in edits if isinstance(e, Add)) == [f"{n}/id_rsa" for n in range(8)]
    assert {e.route for e in edits} == {("source", 0, "ignore")}


def test_what_cannot_be_read_is_no_credential(project: Path, said: Check) -> None:
    write(project / "code", "main.py", "")
    os.mkfifo(project / "code" / "id_rsa")
    (project / "code" / "id_dsa").symlink_to("nowhere")
    (project / "code" / "loop").symlink_to(".")
    assert said("source: [{dir: code, to: /a}]") == []


WRITTEN = {
    f"env: {{WANDB_API_KEY: {LONG}}}": ("IS802", 2, 7),
    f"env: {{WHATEVER: {TOKEN}}}": ("IS802", 2, 7),
    "env: {DB_PASSWORD: correct-horse}": ("IS802", 2, 7),
    f"env: {{X_TOKEN: '{LONG}$Y'}}": None,
    "env: {DB_PASSWORD: $OTHER}": None,
    "env: {OPENAI_API_KEY: EMPTY, PAD_TOKEN: '<pad>', MAX_TOKEN: '100', DB_PASSWORD: ''}": None,
    "env: {DATABASE_URL: 'postgres://app:correct-horse@db/x'}": ("IS805", 2, 7),
    "env: {DATABASE_URL: 'postgres://app:$PASSWORD@db/x'}": None,
    f"run: ['export HF_TOKEN={TOKEN}']": ("IS802", 2, 7),
    f"run: ['wandb login {LONG[:10] + '0' * 30}']": None,
    "run: ['wandb login 0123456789abcdef0123456789abcdef01234567']": ("IS802", 2, 7),
    "run: ['wandb login $WANDB_API_KEY']": None,
    "run: ['curl -u me:correct-horse https://h/x']": ("IS802", 2, 7),
    "run: ['git clone https://me:correct-horse@h/x']": ("IS805", 2, 7),
    "run: ['git clone https://me:$TOKEN@h/x', 'git clone git@h:x']": None,
    f"run: {{commands: [a], env: {{A_TOKEN: {LONG}}}}}": ("IS802", 2, 28),
    f"steps: [{{dockerfile_commands: ['ENV A_TOKEN {LONG}']}}]": ("IS802", 2, 32),
    f"steps: [{{dockerfile_commands: {{dockerfile_commands: [RUN a], build_args: {{A_TOKEN: {LONG}}}}}}}]": (
        "IS802",
        2,
        75,
    ),
    f"checks: {{commands: ['tool --token {LONG}']}}": ("IS802", 2, 21),
    "python: {uv: '1.0.0', packages: [six==1.17.0], index_url: 'https://me:correct-horse@h/simple'}": ("IS805", 2, 59),
    "python: {uv: '1.0.0', packages: [six==1.17.0], find_links: 'https://me:correct-horse@h/simple'}": (
        "IS805",
        2,
        60,
    ),
    "python: {uv: '1.0.0', packages: [six==1.17.0], options: '--index https://me:correct-horse@h/simple'}": (
        "IS805",
        2,
        57,
    ),
    "python: {uv: '1.0.0', packages: [six==1.17.0], index_url: 'https://me:${PASSWORD}@h/simple'}": None,
    f"function: {{call: 'pkg.tools:prepare', kwargs: {{api_key: {LONG}}}}}": ("IS802", 2, 48),
    "function: {call: 'pkg.tools:prepare', kwargs: {token_id: 5}}": None,
}


@pytest.mark.parametrize("spec", WRITTEN)
def test_written(said: Check, spec: str) -> None:
    shown = said(spec)
    assert shown == ([WRITTEN[spec]] if WRITTEN[spec] else [])


@pytest.mark.parametrize("spec", [spec for spec, place in WRITTEN.items() if place])
def test_no_finding_shows_a_secret(project: Path, spec: str) -> None:
    (project / "spec.yaml").write_text(BASE + spec)
    said = check(project / "spec.yaml")
    shown = render_text(said) + render_json(said) + render_github(said) + render_sarif(said, every_code(), "1")
    assert said
    for secret in (LONG, TOKEN, "correct-horse", "0123456789abcdef"):
        assert secret not in shown
    assert json.loads(render_json(said))


def test_findings_of_other_rules_do_not_show_it_either(project: Path) -> None:
    (project / "spec.yaml").write_text(
        BASE + f"python: {{packages: ['a {TOKEN}']}}\nenv: {{A B: {TOKEN}, A_TOKEN: 5}}\n"
    )
    said = check(project / "spec.yaml")
    assert {"IS201", "IS105"} <= {d.code for d in said}
    assert TOKEN not in render_text(said) + render_json(said) + render_github(said)


def test_secrets_of_a_dockerfile(project: Path, said: Check) -> None:
    (project / "Dockerfile").write_text(f"FROM python:3.12{DIGEST}\nARG A_TOKEN\nENV A_TOKEN={LONG}\nENV B_TOKEN=$A\n")
    assert said("base: {dockerfile: Dockerfile}") == [("IS802", 3, 1)]


COMMANDS: dict[str, tuple[list[str], list[str]]] = {
    "IS803": (
        [
            "curl https://h/x | sh",
            "curl -fsSL https://h/x | sudo -E bash -",
            "wget -qO- https://h/x | bash -s -- -y",
            "curl https://h/x | tee log | A=1 zsh",
            "curl https://h/x | python3 -",
            "curl https://h/x | python",
            "bash <(curl -s https://h/x)",
            'sh -c "$(curl -fsSL https://h/x)" "" --unattended',
            'python -c "$(curl https://h/x)"',
            'eval "$(curl https://h/x)"',
            ". <(wget -O- https://h/x)",
            "bash -c 'set -e; curl https://h/x | sh'",
            "a && (cd b; curl https://h/x | sh) || true",
        ],
        [
            "curl https://h/x | jq .",
            "curl https://h/x | python3 -m json.tool",
            "curl https://h/x | python3 -c 'import sys'",
            "curl https://h/x | gpg --dearmor -o /k",
            "curl https://h/x | bash -c 'cat > /x'",
            "curl https://h/x | sh /root/filter.sh",
            "curl https://h/x > x; sh y",
            "ls | sh",
            'eval "$(conda shell.bash hook)"',
            "V=$(curl https://h/version) && echo $V",
            "echo 'curl https://h/x | sh'",
            "# curl https://h/x | sh",
            "bash <(echo curl)",
        ],
    ),
    "IS806": (
        [
            "curl -L https://h/a.tgz | tar xz",
            "wget -qO- https://h/a.tgz | tar xz -C /opt",
            "wget https://h/a.deb && dpkg -i a.deb",
            "wget https://h/a.deb && apt-get install -y ./a.deb",
            "curl -fsSLo /tmp/a.zip https://h/b && unzip /tmp/a.zip",
            "curl https://h/a.zip > a.zip && unzip a.zip",
            "curl -LO https://h/a.tar.gz && tar xzf a.tar.gz",
            "wget -O /usr/local/bin/a https://h/b && chmod +x /usr/local/bin/a",
            "wget -qO/usr/local/bin/a https://h/b && chmod 755 /usr/local/bin/a",
            "curl --output=a.sh https://h/a.sh && bash a.sh",
            "wget https://h/a.py && python a.py",
            "wget https://h/a.whl && pip install a.whl",
            "wget https://h/a && ./a",
        ],
        [
            "curl -LO https://h/a.tgz && echo 'x  a.tgz' | sha256sum -c && tar xzf a.tgz",
            "wget https://h/a.json && python /root/x.py a.json",
            "wget https://h/a.pt -O /m.pt && chmod 644 /m.pt",
            "curl https://h/a.json | jq . > b.json",
            "curl -fsSL https://h/a.csv -o a.csv && wc -l a.csv",
            "wget https://h/a.gpg && gpg --import a.gpg",
            "tar xf a.tgz",
            "wget http://localhost/a.tgz && tar xf a.tgz",
            "curl -X POST https://h/done",
            "wget https://h/a.txt && pip install -r b.txt",
            "wget https://h/a.zip",
        ],
    ),
    "IS807": (
        [
            "curl -k https://h",
            "curl -fsSLk https://h",
            "curl --insecure https://h",
            "wget --no-check-certificate https://h/a",
            "pip install --trusted-host h six==1.17.0",
            "python -m pip install --trusted-host=h six==1.17.0",
            "uv pip install --allow-insecure-host h six==1.17.0",
            "git -c http.sslVerify=false clone https://h",
            "git config --global http.sslVerify false",
            "GIT_SSL_NO_VERIFY=1 git clone https://h",
            "export PYTHONHTTPSVERIFY=0",
            "apt-get -o Acquire::https::Verify-Peer=false update",
            "npm config set strict-ssl false",
            "conda config --set ssl_verify no",
        ],
        [
            "curl -ok https://h",
            "curl -o k https://h",
            "curl --key k https://h",
            "curl -k https://localhost:8000",
            "wget https://h/no-check-certificate",
            "pip install six==1.17.0",
            "pip install --trusted-host localhost six==1.17.0",
            "git config --global http.sslVerify true",
            "export PYTHONHTTPSVERIFY=1",
            "tool -k x",
            "conda config --set ssl_verify true",
        ],
    ),
    "IS804": (
        [
            "pip install --extra-index-url https://h/simple six==1.17.0",
            "pip install --extra-index-url=https://download.pytorch.org/whl/cu124 torch==2.5.1",
            "uv pip install --extra-index-url https://h/simple six==1.17.0",
        ],
        [
            "pip install --index-url https://h/simple six==1.17.0",
            "pip install --require-hashes --extra-index-url https://h/simple -r a.txt",
            "uv pip install --extra-index-url https://download.pytorch.org/whl/cu124 torch==2.5.1",
            "pip download --extra-index-url https://h/simple six==1.17.0",
        ],
    ),
}


@pytest.mark.parametrize("code", COMMANDS)
def test_commands(project: Path, said: Check, code: str) -> None:
    bad, good = COMMANDS[code]

    for command in bad:
        assert said(f"run:\n  - {json.dumps(command)}") == [(code, 3, 5)], command
        step = f"steps:\n  - dockerfile_commands:\n    - {json.dumps('RUN ' + command)}"
        assert said(step) == [(code, 4, 7)], command
        (project / "Dockerfile").write_text(f"FROM python:3.12{DIGEST}\nRUN {command}\n")
        assert said("base: {dockerfile: Dockerfile}") == [(code, 2, 1)], command
    for command in good:
        assert said(f"run:\n  - {json.dumps(command)}") == [], command


def test_a_download_in_one_command_is_used_in_the_next(said: Check) -> None:
    spec = "run:\n  - {}\n  - {}"
    assert said(spec.format("wget https://h/a.deb", "dpkg -i a.deb")) == [("IS806", 3, 5)]
    assert said(spec.format("wget https://h/a.deb", "sha256sum -c sums && dpkg -i a.deb")) == []


def test_added_addresses(said: Check) -> None:
    def lines(*each: str) -> str:
        return "steps:\n  - dockerfile_commands:\n" + "".join(f"    - {json.dumps(line)}\n" for line in each)

    assert said(lines("ADD https://h/a.tgz /tmp/", "RUN tar xf /tmp/a.tgz")) == [("IS806", 4, 7)]
    assert said(lines("ADD https://h/a /tmp/b.sh", "RUN sh /tmp/b.sh")) == [("IS806", 4, 7)]
    assert said(lines("ADD --checksum=sha256:0 https://h/a.tgz /tmp/", "RUN tar xf /tmp/a.tgz")) == []
    assert said(lines("ADD https://h/a.json /tmp/")) == []


INDEXES = {
    "packages: [six==1.17.0], extra_index_url: https://h/simple": ("IS804", 2, 65),
    "packages: [six==1.17.0], options: --extra-index-url https://h/simple": ("IS804", 2, 57),
    "packages: [six==1.17.0], extra_index_url: https://download.pytorch.org/whl/cu124": None,
    "packages: [six==1.17.0], extra_index_url: https://pypi.nvidia.com, options: --index-strategy unsafe-best-match": (
        "IS804",
        2,
        65,
    ),
    "packages: [six==1.17.0], index_url: https://h/simple": None,
    "packages: [six==1.17.0], options: '\"'": None,
    "packages: [six==1.17.0], env: {UV_EXTRA_INDEX_URL: https://h/simple}": ("IS804", 2, 74),
    "packages: [six==1.17.0], env: {PIP_EXTRA_INDEX_URL: https://h/simple}": None,
}


@pytest.mark.parametrize("section", INDEXES)
def test_indexes(said: Check, section: str) -> None:
    shown = said(f"python: {{uv: '1.0.0', {section}}}")
    assert shown == ([INDEXES[section]] if INDEXES[section] else [])


def test_an_index_of_pip_and_of_a_file(project: Path, said: Check) -> None:
    url = "https://download.pytorch.org/whl/cu124"
    assert said(f"steps: [{{pip_install: {{packages: [six==1.17.0], extra_index_url: '{url}'}}}}]") == [
        ("IS804", 2, 66)
    ]
    (project / "requirements.txt").write_text(f"--extra-index-url {url}\nsix==1.17.0\n")
    assert said("steps: [{pip_install_from_requirements: requirements.txt}]") == [("IS804", 1, 1)]
    (project / "requirements.txt").write_text(f"--extra-index-url {url}\nsix==1.17.0 --hash=sha256:{'0' * 64}\n")
    assert said("steps: [{pip_install_from_requirements: requirements.txt}]") == []


TLS = {
    "env: {GIT_SSL_NO_VERIFY: '1'}": ("IS807", 2, 26),
    "env: {NODE_TLS_REJECT_UNAUTHORIZED: '0'}": ("IS807", 2, 37),
    "env: {PIP_TRUSTED_HOST: h}": ("IS807", 2, 25),
    "env: {GIT_SSL_NO_VERIFY: '0', PYTHONHTTPSVERIFY: '1', PIP_TRUSTED_HOST: ''}": None,
    "env: {SSL_CERT_FILE: /x}": None,
    "python: {uv: '1.0.0', packages: [six==1.17.0], options: --trusted-host h}": ("IS807", 2, 57),
    "python: {uv: '1.0.0', packages: [six==1.17.0], options: --trusted-host localhost}": None,
    "steps: [{dockerfile_commands: [ENV PYTHONHTTPSVERIFY 0]}]": ("IS807", 2, 32),
    "steps: [{dockerfile_commands: [ENV PYTHONHTTPSVERIFY 1]}]": None,
}


@pytest.mark.parametrize("spec", TLS)
def test_tls(said: Check, spec: str) -> None:
    assert said(spec) == ([TLS[spec]] if TLS[spec] else [])


WORDS = [
    "curl",
    "wget",
    "https://h/a.tgz",
    "|",
    "sh",
    "-",
    "-o",
    "-O",
    "a.tgz",
    "tar",
    "xf",
    "&&",
    "$(",
    ")",
    "<(",
    "'",
]
WORDS += [
    '"',
    "chmod",
    "+x",
    "pip",
    "install",
    "--extra-index-url",
    "-k",
    "git",
    "config",
    "://",
    "ENV",
    "=",
    "`",
    "\\",
]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)))
def test_any_command_is_read(project: Path, text: str) -> None:
    path = project / "spec.yaml"
    path.write_text(BASE + f"run: [{json.dumps(text)}]\nenv: {{A_TOKEN: {json.dumps(text)}}}\n")
    assert isinstance(render_text(check(path)), str)
