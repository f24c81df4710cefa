"""The record: what is written is read again, by whoever asks, whatever happened to the one who wrote."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from imagespec.build.record import Record, home
from tests.build.project import ROOT, until


def test_an_empty_folder_is_left_alone(tmp_path: Path) -> None:
    record = Record(tmp_path / ".imagespec")
    assert record.layer("local", "a") is None
    assert record.build("local", "spec.yaml") is None
    assert not record.passed("local", "a", "true")
    assert list(tmp_path.iterdir()) == []


def test_layers(tmp_path: Path) -> None:
    Record(tmp_path).add_layer("local", "a", "env", 1.5, "here")
    Record(tmp_path).add_layer("local", "a", "env", 2.5, "there")
    layer = Record(tmp_path).layer("local", "a")
    assert layer is not None
    assert (layer.op, layer.seconds, layer.place) == ("env", 2.5, "there")
    assert Record(tmp_path).layer("modal", "a") is None


def test_checks(tmp_path: Path) -> None:
    record = Record(tmp_path)
    record.add_check("local", "a", "import six", "printed")
    assert record.passed("local", "a", "import six")
    assert record.output("local", "a", "import six") == "printed"
    assert not record.passed("local", "b", "import six")
    record.forget_check("local", "a", "import six")
    assert not record.passed("local", "a", "import six")


def test_the_last_build_of_a_spec(tmp_path: Path) -> None:
    record = Record(tmp_path)
    record.add_build("local", "a.yaml", "digest", "key")
    build = record.build("local", "a.yaml")
    assert build is not None
    assert (build.image, build.place) == ("digest", "key")


def test_it_stays_out_of_the_repository(tmp_path: Path) -> None:
    Record(tmp_path / ".imagespec").add_layer("local", "a", "env", 0.0)
    assert (tmp_path / ".imagespec" / ".gitignore").read_text() == "*\n"


def test_a_damaged_record_says_so(tmp_path: Path) -> None:
    (tmp_path / "record.sqlite").write_text("no database at all, and long enough to be read as one" * 50)
    with pytest.raises(OSError, match="damaged"):
        Record(tmp_path).layer("local", "a")


def test_writers_at_the_same_time(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from imagespec.build.record import Record\n"
        "for i in range(30): Record(Path(sys.argv[1])).add_layer('local', f'{sys.argv[2]}-{i}', 'env', 0.0)"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(n)], cwd=ROOT) for n in range(4)]
    assert [writer.wait() for writer in writers] == [0, 0, 0, 0]
    assert all(Record(tmp_path).layer("local", f"{n}-{i}") for n in range(4) for i in range(30))


def test_a_writer_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys; from itertools import count; from pathlib import Path; from imagespec.build.record import Record\n"
        "for i in count(): Record(Path(sys.argv[1])).add_layer('local', str(i), 'env', 0.0)"
    )
    for _ in range(5):
        writer = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT)
        until(lambda: Record(tmp_path).layer("local", "5"), "a few entries")
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        Record(tmp_path).add_layer("local", "last", "env", 1.0)
        assert Record(tmp_path).layer("local", "last") is not None
        (tmp_path / "record.sqlite").unlink()
        (tmp_path / "record.sqlite-journal").unlink(missing_ok=True)


def test_home_is_beside_the_specs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "specs" / "examples").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert home([tmp_path / "specs" / "a.yaml"]) == tmp_path / ".imagespec"
    assert home([tmp_path / "specs" / "examples" / "a.yaml"]) == tmp_path / ".imagespec"
    assert home([Path("/nowhere.yaml")]) == tmp_path / "elsewhere" / ".imagespec"
