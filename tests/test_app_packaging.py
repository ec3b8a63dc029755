"""A sample goes to Lambda with its libraries: the same bytes every time, and no files made for this machine."""

from importlib import metadata
from pathlib import Path

import pytest

from apps import _packaging
from apps._packaging import POWERTOOLS, packaged


@pytest.fixture(autouse=True)
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(_packaging, "BUILD", tmp_path / "build")
    return tmp_path / "build"


@pytest.fixture
def handlers(tmp_path: Path) -> Path:
    folder = tmp_path / "handlers"
    folder.mkdir()
    (folder / "index.py").write_text("def handler(event, context): ...")
    return folder


def test_libraries_stand_beside_the_code_with_what_they_require(handlers: Path) -> None:
    folder = Path(packaged(handlers, POWERTOOLS))
    assert (folder / "index.py").read_text() == "def handler(event, context): ..."
    for module in ("aws_lambda_powertools/__init__.py", "jmespath/__init__.py", "typing_extensions.py"):
        assert (folder / module).is_file()


def test_the_same_code_gives_the_same_folder_and_other_code_another(handlers: Path, build: Path) -> None:
    first = packaged(handlers)
    (handlers / "__pycache__").mkdir()
    (handlers / "__pycache__" / "index.pyc").write_bytes(b"made by running it")
    assert packaged(handlers) == first
    (handlers / "index.py").write_text("def handler(event, context): return 1")
    assert packaged(handlers) != first
    assert len(list(build.iterdir())) == 2


def test_compiled_files_are_refused(handlers: Path) -> None:
    with pytest.raises(ValueError, match=r"^distributions must be pure Python, got .+ with the compiled file .+\.so$"):
        packaged(handlers, "cryptography")


def test_a_library_that_is_not_installed_is_named(handlers: Path) -> None:
    with pytest.raises(metadata.PackageNotFoundError, match="no-such-library"):
        packaged(handlers, "no-such-library")
