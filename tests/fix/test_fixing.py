"""Specs before and after `check --fix`: what is mended, what is left alone and why, in which file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from imagespec.fix.fixing import Outcome, fix

ROOT = Path(__file__).resolve().parents[2]
BASE = 'base: {debian_slim: "3.12.10"}\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "data.txt").write_text("data")
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_text("")
    (tmp_path / "pkg" / "app.py").write_text("def prepare(): ...\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fixed(*names: str, **texts: str) -> tuple[Outcome, dict[str, str]]:
    """Write specs by name, mend the named ones or all, and say what their files would hold then."""
    for name, text in texts.items():
        Path(f"{name}.yaml").write_text(text)
    outcome = fix([Path(f"{name}.yaml") for name in (names or texts)])
    return outcome, texts | {each.source.path.stem: each.text for each in outcome.files}


PAIRS: dict[str, tuple[str, str]] = {
    "IS101": ("apt_: [git] # c\n", "apt: [git] # c\n"),
    "IS101 below": ("python:\n  packges: [six==1.17.0]\n", "python:\n  packages: [six==1.17.0]\n"),
    "IS101 in a step": ("steps:\n  - apt_instal: [git]\n", "steps:\n  - apt_install: [git]\n"),
    "IS101 twice": ("pyhton:\n  packges: [six==1.17.0]\n", "python:\n  packages: [six==1.17.0]\n"),
    "IS102": ('env:\n  A: "1"\n  B: "2"\n  A: "1" # again\n', 'env:\n  A: "1"\n  B: "2"\n'),
    "IS102 of a list": ("apt: [git] # c\napt:\n  - git\n", "apt: [git] # c\n"),
    "IS102 of a map": ("env: {A: x}\nenv:\n  A: x\n", "env: {A: x}\n"),
    "IS102 of three": ('env: {A: "1", A: "1", A: "2"}\n', 'env: {A: "1", A: "2"}\n'),
    "IS103 list": ("apt: git\n", "apt: [git]\n"),
    "IS103 text": ("workdir: [/app]\n", "workdir: /app\n"),
    "IS103 truth": ('source:\n- package: pkg\n  copy: "no"\n', "source:\n- package: pkg\n  copy: false\n"),
    "IS103 number": (
        'function: {call: "pkg.app:prepare", timeout: "60"}\n',
        'function: {call: "pkg.app:prepare", timeout: 60}\n',
    ),
    "IS105": (
        "env:\n  A: 1 # c\n  B: 3.10\n  C: no\n  D: 1:30\n",
        'env:\n  A: "1" # c\n  B: "3.10"\n  C: "no"\n  D: "1:30"\n',
    ),
    "IS105 key": ('env: {on: "x", off: "y"}\n', 'env: {"on": "x", "off": "y"}\n'),
    "IS501 below a key of its own": (
        "? python\n: installer: pip\n  packages: [six==1.17.0]\n",
        "? python\n: packages: [six==1.17.0]\n",
    ),
    "IS105 quotes": ("env: {A: “x y”}\n", "env: {A: x y}\n"),
    "IS201": ("python: [six=1.17.0, 'tqdm 4.67.1']\n", "python: [six==1.17.0, 'tqdm==4.67.1']\n"),
    "IS202": ("apt: [Git, wget==1.2]\n", "apt: [git, wget=1.2]\n"),
    "IS207": (
        "run: {commands: [ls], volumes: {/data/: v}}\n",
        "run: {commands: [ls], volumes: {/data: v}}\n",
    ),
    "IS212": ("source:\n  - package: pkg/app.py\n", "source:\n  - package: pkg.app\n"),
    "IS227": (
        "steps:\n  - env: {}\n  # stays\n  - apt_install: [git]\n",
        "steps:\n  # stays\n  - apt_install: [git]\n",
    ),
    "IS237": ('run: ["", "true"]\n', 'run: ["true"]\n'),
    "IS501": ("python:\n  installer: pip\n  packages: [six==1.17.0]\n", "python:\n  packages: [six==1.17.0]\n"),
    "IS501 in a step": ("steps:\n  - pip_install: [six==1.17.0]\n", "steps:\n  - uv_pip_install: [six==1.17.0]\n"),
    "IS502": ("source:\n  - {package: pkg, copy: true}\n", "source:\n  - {package: pkg}\n"),
}


@pytest.mark.parametrize("case", PAIRS)
def test_mended(folder: Path, case: str) -> None:
    before, after = PAIRS[case]
    outcome, texts = fixed(spec=BASE + before)
    assert texts["spec"] == BASE + after
    assert {each.finding.code for each in outcome.mended} == {case[:5]}
    assert not outcome.refused
    assert not any(d.fix for d in outcome.left)
    assert not fixed(spec=texts["spec"])[0].files


LEFT = {
    "two names are near": "steps:\n  - uv_pip_install_from_requirements: r.txt\n",
    "values differ": 'env: {A: "1", A: "2"}\n',
    "values differ below": "apt: [git]\napt: [git, curl]\n",
    "a command line is no list": "entrypoint: python app.py\n",
    "the meaning of an argument": 'function: {call: "pkg.app:prepare", args: [no]}\n',
    "uv asks indexes in another order": (
        "python: {installer: pip, packages: [six==1.17.0], extra_index_url: https://index.example}\n"
    ),
    "options of pip": 'python: {installer: pip, packages: [six==1.17.0], options: "--no-deps"}\n',
}


@pytest.mark.parametrize("case", LEFT)
def test_left_to_the_author(folder: Path, case: str) -> None:
    outcome, _ = fixed(spec=BASE + LEFT[case])
    assert (outcome.mended, outcome.files, outcome.refused) == ((), (), ())
    assert outcome.before == outcome.left != ()


REFUSED = {
    "an alias shares it with other places": (
        "run: {commands: [ls], env: &e {A: 1}}\nfunction: {call: 'pkg.app:prepare', env: *e}\n"
    ),
    "its value is that of an alias": "env: {A: &a 1, B: *a}\n",
    "it cannot be edited without changing something else": "run: {commands: [ls], env: {A: &e 1}}\ndescription: *e\n",
}  # fmt: skip


@pytest.mark.parametrize("reason", REFUSED)
def test_refused(folder: Path, reason: str) -> None:
    outcome, _ = fixed(spec=BASE + REFUSED[reason])
    assert outcome.files == ()
    assert reason in [why for _, why in outcome.refused]


def test_a_fix_that_brings_an_error_is_taken_back(folder: Path) -> None:
    """Mounted files must come last, so these have to stay copied; the rest is mended all the same."""
    copied = "  - add_local_file: {local_path: data.txt, remote_path: /%s, copy: true}%s\n"
    steps = "steps:\n" + copied % ("a", "") + copied % ("b", "  # imagespec: ignore[IS502]")
    outcome, texts = fixed(spec=BASE + steps + "env: {A: 1}\n")
    assert texts["spec"] == BASE + steps + 'env: {A: "1"}\n'
    assert [why.partition(":")[0] for _, why in outcome.refused] == ["it would bring IS221"]
    assert [d.code for d in outcome.left] == ["IS502"]


def test_what_a_comment_silences_stays(folder: Path) -> None:
    text = BASE + "python:\n  installer: pip # imagespec: ignore[IS501]\n  packages: [six==1.17.0]\n"
    assert fixed(spec=text)[0].files == ()


def test_a_rule_finds_its_place_beside_a_wrong_part(folder: Path) -> None:
    """Rules see the spec without what is wrong in it, and count items without it."""
    text = BASE + "source:\n  - {packag: pkg, copy: true, kubernetes: 1}\n  - {file: data.txt, to: /d, copy: true}\n"
    outcome, texts = fixed(spec=text)
    assert texts["spec"].endswith("  - {file: data.txt, to: /d}\n")
    assert [d.code for d in outcome.left][:1] == ["IS101"]


@pytest.mark.parametrize("name", ["classifier", "dit"])
def test_the_source_of_a_shipped_spec_is_derived_from_its_app(tmp_path: Path, name: str) -> None:
    """Taken out, it comes back to the letter."""
    for folder in ("specs", "training"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    spec = tmp_path / "specs" / f"{name}.yaml"
    shipped = spec.read_text()
    spec.write_text(shipped.replace("source:\n  - package: training\n", ""))
    assert spec.read_text() != shipped
    assert [each.text for each in fix([spec]).files] == [shipped]


def test_new_sections_and_new_keys_of_items_at_once(folder: Path) -> None:
    """A section that is put in between moves the others, and each finds its place all the same."""
    (folder / "app.py").write_text(
        "import subprocess\nimport pkg.app\nimport modal\nimport imagespec\n"
        "app = modal.App('x')\nimage = imagespec.load('spec.yaml')\n\n"
        "@app.function(image=image)\ndef f():\n    subprocess.run(['wget', 'x'])\n    subprocess.run(['git', 'x'])\n"
    )
    for name in ("one", "two"):
        (folder / name).mkdir()
        (folder / name / ".env").write_text("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI\n")
        (folder / name / "x").write_text("x")
    head = BASE + "# apps\napps: [app.py]\nsource:\n"
    before = head + "  - {dir: one, to: /one} # one\n  - dir: two\n    to: /two\nenv: {A: 1}\n"
    _, texts = fixed(spec=before)
    after = head.replace("# apps", "apt: [wget, git]\n# apps") + "  - {dir: one, to: /one, ignore: [.env]} # one\n"
    after += '  - dir: two\n    to: /two\n    ignore: [.env]\n  - package: pkg\nenv: {A: "1"}\n'
    assert texts["spec"] == after


# ----------------------------------------------------------------------------------------------- files


APP = """import imagespec
import modal
app = modal.App("x")
image = imagespec.load("a")


@app.function(image=image)
def f():
    %s
"""
PARENT = "python:\n  installer: pip # slow\n  packages: [six==1.17.0]\n"


def test_the_file_in_which_it_stands_is_edited(folder: Path) -> None:
    child = f"extends: _base.yaml\n{BASE}python: [tqdm==4.67.1]\n"
    outcome, texts = fixed("one", _base=PARENT, one=child)
    assert texts == {"_base": "python:\n  packages: [six==1.17.0]\n", "one": child}
    assert [each.files for each in outcome.mended] == [(folder / "_base.yaml",)]


def test_children_that_agree_share_one_edit(folder: Path) -> None:
    child = f"extends: _base.yaml\n{BASE}"
    outcome, _ = fixed("one", "two", _base=PARENT, one=child, two=child)
    assert [each.source.path.name for each in outcome.files] == ["_base.yaml"]
    assert len(outcome.mended) == 1


@pytest.mark.parametrize("named", [("one",), ("one", "two")])
def test_a_child_for_which_it_is_right_keeps_it(folder: Path, named: tuple[str, ...]) -> None:
    """Whether it was asked for or not: `two` gives pip an option that uv does not have."""
    child = f"extends: _base.yaml\n{BASE}"
    outcome, _ = fixed(*named, _base=PARENT, one=child, two=child + 'python: {options: "--use-pep517"}\n')
    assert outcome.files == ()
    assert [why for _, why in outcome.refused] == [
        "`two.yaml` reads what it would change, and is not mended in this way"
    ]


def test_a_child_that_overrides_it_has_no_say(folder: Path) -> None:
    child = f"extends: _base.yaml\n{BASE}"
    _, texts = fixed("one", _base=PARENT, one=child, two=child + "python: {installer: uv}\n")
    assert texts["_base"] == "python:\n  packages: [six==1.17.0]\n"


def test_a_value_that_overrides_another_stays(folder: Path) -> None:
    """Without it, the parent's would come back."""
    child = f"extends: _base.yaml\n{BASE}python:\n  installer: pip\n"
    outcome, texts = fixed("one", _base=PARENT, one=child)
    assert texts["one"] == child
    assert outcome.refused[0][1] == "specs that it extends say something about it too"


def test_a_key_that_stands_twice_in_a_spec_that_extends_another(folder: Path) -> None:
    outcome, texts = fixed(
        "one", _base='env: {A: "0"}\n', one=f'extends: _base.yaml\n{BASE}env: {{A: "1", B: "2", A: "1"}}\n'
    )
    assert texts["one"] == f'extends: _base.yaml\n{BASE}env: {{A: "1", B: "2"}}\n'
    assert outcome.left == ()
    _, texts = fixed("one", _base='env: {A: "0"}\n', one=f"extends: _base.yaml\nextends: _base.yaml\n{BASE}")
    assert texts["one"] == f"extends: _base.yaml\n{BASE}"


@pytest.mark.parametrize("names", [("a", "b"), ("b", "a"), ("a",)])
def test_what_a_spec_and_one_that_extends_it_both_miss_is_added_once(folder: Path, names: tuple[str, ...]) -> None:
    """The hints of the two name different files, and the child inherits what is added to its parent."""
    Path("app.py").write_text(APP % "import pkg")
    outcome, texts = fixed(*names, a=f"{BASE}apps: [app.py]\n", b="extends: a.yaml\n")
    assert texts == {"a": f"{BASE}source:\n  - package: pkg\napps: [app.py]\n", "b": "extends: a.yaml\n"}
    assert (len(outcome.mended), outcome.refused) == (1, ())


def test_two_specs_that_miss_the_same_are_both_mended(folder: Path) -> None:
    Path("app.py").write_text(APP % "import pkg")
    spec = f"{BASE}apps: [app.py]\n"
    _, texts = fixed(a=spec, b=spec)
    assert texts["a"] == texts["b"] == f"{BASE}source:\n  - package: pkg\napps: [app.py]\n"


def test_a_key_that_stands_twice_below_a_key_that_does(folder: Path) -> None:
    _, texts = fixed(spec=BASE + 'env:\n  A: "1"\n  A: "1"\nenv: {A: "2"}\n')
    assert texts["spec"] == BASE + 'env:\n  A: "1"\nenv: {A: "2"}\n'


def test_a_file_outside_of_the_project_stays(folder: Path) -> None:
    (folder / "inner" / "specs").mkdir(parents=True)
    (folder / "_base.yaml").write_text(PARENT)
    one = folder / "inner" / "specs" / "one.yaml"
    one.write_text(f"extends: ../../_base.yaml\n{BASE}env: {{A: 1}}\n")
    outcome = fix([one])
    assert [each.source.path.name for each in outcome.files] == ["one.yaml"]
    assert [why for _, why in outcome.refused] == ["it stands in a file outside of the project"]


def test_what_is_read_only_in_part_is_left_whole(folder: Path) -> None:
    Path("spec.yaml").write_text("base: [\n")
    outcome = fix([Path("spec.yaml"), Path("none.yaml")])
    assert outcome.files == ()
    assert len(outcome.left) == 2
