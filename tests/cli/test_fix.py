"""`imagespec check --fix` and `--diff`: what is written, what is printed where, and the exit code."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from imagespec.fix.fixing import fix
from imagespec.fix.writing import write
from imagespec.lock.lockfile import Package
from tests.emit.handmade import lock, wheel

from .conftest import Run

PACKAGES = (("six", "1.17.0"), ("modal", "1.6.4"))
BEFORE = 'base: {debian_slim: "3.12.10"}\napt_: [git] # tools\nenv:\n  A: 1\n  PORT: 8080  # the\n'
AFTER = 'base: {debian_slim: "3.12.10"}\napt: [git] # tools\nenv:\n  A: "1"\n  PORT: "8080"  # the\n'
DIFF = """\
--- a/specs/one.yaml
+++ b/specs/one.yaml
@@ -1,5 +1,5 @@
 base: {debian_slim: "3.12.10"}
-apt_: [git] # tools
+apt: [git] # tools
 env:
-  A: 1
-  PORT: 8080  # the
+  A: "1"
+  PORT: "8080"  # the
"""


@pytest.fixture
def one(folder: Path) -> Path:
    path = folder / "specs" / "one.yaml"
    path.parent.mkdir()
    path.write_text(BEFORE)
    return path


def test_fix(run: Run, one: Path) -> None:
    code, out, err = run("check", "--fix")
    assert (code, out) == (0, "")
    assert err == "fixed 3 findings in specs/one.yaml: IS101, IS105 (2)\n1 spec checked: nothing found\n"
    assert one.read_text() == AFTER
    assert run("check", "--fix") == (0, "", "1 spec checked: nothing found\n")


def test_what_is_left_is_reported_as_ever(run: Run, one: Path) -> None:
    one.write_text(BEFORE + "  B C: x\n")
    code, out, err = run("check", "one", "--fix", "--format", "json")
    assert code == 1
    assert [(d["code"], d["line"]) for d in json.loads(out)] == [("IS203", 6)]
    assert err == "fixed 3 findings in specs/one.yaml: IS101, IS105 (2)\n"


def test_what_has_a_fix_and_is_not_fixed_is_said(run: Run, one: Path) -> None:
    text = 'base: {debian_slim: "3.12.10"}\nenv: {A: &a 1, B: *a}\n'
    one.write_text(text)
    code, out, err = run("check", "--fix")
    assert (code, one.read_text()) == (1, text)
    assert "specs/one.yaml:2: IS105 is left to you: its value is that of an alias\n" in err
    assert out.startswith("error[IS105]")


@pytest.mark.parametrize("options", [("--diff",), ("--fix", "--diff")])
def test_diff(run: Run, one: Path, options: tuple[str, ...]) -> None:
    """The exit code is that of `check`."""
    code, out, err = run("check", *options)
    assert (code, out) == (1, DIFF)
    assert err == "would fix 3 findings in specs/one.yaml: IS101, IS105 (2)\nwould be left: nothing found\n"
    assert one.read_text() == BEFORE


def test_the_diff_can_be_applied(run: Run, one: Path) -> None:
    one.write_bytes(BEFORE.rstrip("\n").replace("\n", "\r\n").encode())
    (one.parent.parent / "all.diff").write_bytes(run("check", "--diff")[1].encode())
    subprocess.run(["git", "apply", "all.diff"], check=True)
    assert one.read_bytes() == AFTER.rstrip("\n").replace("\n", "\r\n").encode()


def test_the_diff_of_a_file_with_a_mark_of_byte_order_can_be_applied(run: Run, one: Path) -> None:
    one.write_bytes(b"\xef\xbb\xbf" + BEFORE.encode())
    (one.parent.parent / "all.diff").write_bytes(run("check", "--diff")[1].encode())
    subprocess.run(["git", "apply", "all.diff"], check=True)
    assert one.read_bytes() == b"\xef\xbb\xbf" + AFTER.encode()


def test_no_diff(run: Run, one: Path) -> None:
    one.write_text('base: {debian_slim: "3.12"}\n')
    assert run("check", "--diff") == (0, "", "would be left: 1 note\n")


def test_diff_as_json(run: Run, one: Path) -> None:
    code, out, _ = run("check", "--diff", "--format", "json")
    assert code == 1
    assert json.loads(out) == [{"file": "specs/one.yaml", "codes": ["IS101", "IS105", "IS105"], "diff": DIFF}]
    assert run("check", "--diff", "--format", "sarif")[0] == 2
    assert one.read_text() == BEFORE


def test_bytes_links_and_permissions_stay(run: Run, one: Path) -> None:
    real = one.parent / "real.txt"
    one.unlink()
    real.write_bytes(b"\xef\xbb\xbf" + BEFORE.replace("\n", "\r\n").encode())
    real.chmod(0o640)
    one.symlink_to(real.name)
    assert run("check", "--fix")[0] == 0
    assert real.read_bytes() == b"\xef\xbb\xbf" + AFTER.replace("\n", "\r\n").encode()
    assert (one.is_symlink(), stat.S_IMODE(real.stat().st_mode)) == (True, 0o640)


def test_a_read_only_file(run: Run, one: Path) -> None:
    one.chmod(0o444)
    code, out, err = run("check", "--fix")
    assert (code, out) == (1, "")
    assert err == "Error: `specs/one.yaml` is read-only: chmod u+w, and run this again; nothing was written\n"
    assert one.read_text() == BEFORE


def test_none_is_written_where_one_cannot_be(run: Run, one: Path) -> None:
    two = one.with_name("two.yaml")
    two.write_text(BEFORE)
    two.chmod(0o444)
    assert "`specs/two.yaml` is read-only" in run("check", "--fix")[2]
    assert one.read_text() == BEFORE


def test_a_file_that_is_edited_meanwhile(one: Path) -> None:
    """Nothing of the other's edit is lost, and the other file is not touched either."""
    two = one.with_name("two.yaml")
    two.write_text(BEFORE)
    outcome = fix([one, two])
    two.write_text("# by somebody else\n")
    with pytest.raises(OSError, match=r"`specs/two\.yaml` was edited meanwhile; nothing was written"):
        write(outcome.files)
    assert (one.read_text(), two.read_text()) == (BEFORE, "# by somebody else\n")


def test_a_file_that_cannot_be_replaced(one: Path) -> None:
    """Those before it are named: each file is whole, but not all of them are mended."""
    long = one.with_name("x" * 245 + ".yaml")  # beside it, no longer name fits
    long.write_text(BEFORE)
    with pytest.raises(OSError, match=r"cannot be written: file name too long; written before it: specs/one\.yaml"):
        write(fix([one, long]).files)
    assert (one.read_text(), long.read_text()) == (AFTER, BEFORE)


def test_a_lock_that_is_stale_then_says_so(run: Run, one: Path) -> None:
    spec = 'base: {debian_slim: "3.12.10"}\npython: [six==1.17.0, modal==1.6.4]\n'
    one.write_text(spec)
    wheels = [Package(name, version, files=(wheel(name, version),)) for name, version in PACKAGES]
    lock(one, wheels)
    assert "IS402" not in run("check")[1]
    code, out, err = run("check", "--fix")
    assert one.read_text() == spec.replace(", modal==1.6.4", "")
    assert "warning[IS402]" in out
    said = ["fixed 1 finding in specs/one.yaml: IS508", "the lock of specs/one.yaml is stale now; run: imagespec lock"]
    assert (code, err.splitlines()[:2]) == (1, said)


def test_a_stale_lock_beside_wrong_code(run: Run, one: Path) -> None:
    """What is wrong with the code says nothing about the lock."""
    one.with_name("app.py").write_text(
        'import imagespec\nimport modal\napp = modal.App("x")\nimage = imagespec.load("one.yaml")\n\n\n'
        "@app.function(image=image)\ndef f():\n    import numpy\n"
    )
    one.write_text('base: {debian_slim: "3.12.10"}\npython: [six==1.17.0]\napps: [app.py]\n')
    lock(one, [Package("six", "1.17.0", files=(wheel("six", "1.17.0"),))])
    _, out, _ = run("check")
    assert ("IS602" in out, "IS402" in out) == (True, False)
    one.write_text(one.read_text().replace("six==1.17.0", "six==1.16.0"))
    _, out, _ = run("check")
    assert ("IS602" in out, "IS402" in out) == (True, True)


def test_one_file_by_two_names(run: Run, one: Path) -> None:
    one.with_name("two.yaml").symlink_to(one.name)
    assert run("check", "--fix")[0] == 0
    assert one.read_text() == AFTER
    assert one.with_name("two.yaml").is_symlink()


def test_killed_at_any_time(one: Path) -> None:
    """A file is the old one or the new one."""
    specs = [one.with_name(f"s{n}.yaml") for n in range(12)]
    command = [sys.executable, "-m", "imagespec", "check", "--fix"]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    seen = set()
    for round in range(12):
        for path in (one, *specs):
            path.write_text(BEFORE)
        process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        limit = time.monotonic() + 20
        while round and process.poll() is None and time.monotonic() < limit:
            if sum(path.read_text() == AFTER for path in specs) >= round:
                process.send_signal(signal.SIGKILL)
        process.wait(30)
        texts = [path.read_text() for path in (one, *specs)]
        assert set(texts) <= {BEFORE, AFTER}
        seen.add(texts.count(AFTER))
    assert len(specs) + 1 in seen


def test_the_diff_covers_secrets(run: Run, one: Path) -> None:
    token = "hf_" + "aB3" * 12
    one.write_text(BEFORE + f"  HF_TOKEN: {token}\n")
    _, out, err = run("check", "--diff")
    assert "+  PORT" in out
    assert "HF_TOKEN: *" in out
    assert token not in out + err
