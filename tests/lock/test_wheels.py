"""The files of a wheel -> its modules."""

from __future__ import annotations

import pytest

from imagespec.lock.wheels import modules_in

INFO = ["thing-1.0.dist-info/METADATA", "thing-1.0.dist-info/RECORD", "thing-1.0.dist-info/licenses/setup.py"]


@pytest.mark.parametrize(
    ("files", "modules"),
    [
        pytest.param(["PIL/__init__.py", "PIL/Image.py", "PIL/_imaging.abi3.so"], ["PIL"], id="a package"),
        pytest.param(["six.py"], ["six"], id="one file"),
        pytest.param(
            ["a/__init__.py", "a_b.py", "a/b/__init__.py", "ab/__init__.py"], ["a", "a_b", "ab"], id="several"
        ),
        pytest.param(["_ext.cpython-312-x86_64-linux-gnu.so", "x.abi3.so", "y.so"], ["_ext", "x", "y"], id="compiled"),
        pytest.param(["lib/libx.so", "libtorch.so", "x.libs/liby-1a2b.so.3"], [], id="libraries"),
        pytest.param(["libx.abi3.so", "liby.py"], ["libx", "liby"], id="modules with the name of a library"),
        pytest.param(["secret.pyc", "__pycache__/six.cpython-312.pyc"], ["secret"], id="without source"),
        pytest.param(
            ["google/cloud/storage/__init__.py", "google/cloud/storage/blob.py", "google/cloud/_http.py"],
            ["google.cloud._http", "google.cloud.storage"],
            id="a namespace",
        ),
        pytest.param(
            ["nvidia/__init__.py", "nvidia/cublas/__init__.py", "nvidia/cublas/lib/__init__.py"],
            ["nvidia.cublas"],
            id="a folder that many share, each with its own file there",
        ),
        pytest.param(
            ["thing-1.0.data/purelib/one/__init__.py", "thing-1.0.data/platlib/two.py"], ["one", "two"], id="data"
        ),
        pytest.param(
            ["thing-1.0.data/scripts/run.py", "thing-1.0.data/data/share/x.py", "thing-1.0.data"], [], id="no modules"
        ),
        pytest.param(["yaml-stubs/__init__.pyi", "six.pyi", "typed/__init__.pyi"], [], id="stubs"),
        pytest.param(["one.py", "tests/__init__.py", "docs/conf.py", "setup.py"], ["one"], id="by mistake"),
        pytest.param(["__init__.py", "__main__.py", "1.py", "a-b.py", "class.py", "a b/c.py"], [], id="no names"),
        pytest.param(
            [f"google/api/part_{n}.py" for n in range(40)] + ["google/rpc/code.py", "google/rpc/in/status.py"],
            ["google.api", "google.rpc"],
            id="hundreds",
        ),
        pytest.param(
            [f"google/cloud/part_{n}.py" for n in range(9)],
            [f"google.cloud.part_{n}" for n in range(9)],
            id="what is shared stands for nobody",
        ),
        pytest.param([], [], id="nothing"),
    ],
)
def test_modules_in(files: list[str], modules: list[str]) -> None:
    assert modules_in([*files, *INFO]) == tuple(modules)
    assert modules_in([*files, *INFO][::-1]) == tuple(modules)
