"""Whoever hands a command a wrong file is told which file, where and why, and gets exit code 2."""

import io
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from patterns.cli import _io


def refusal(capsys: pytest.CaptureFixture[str], read: object, *arguments: object, **options: object) -> str:
    with pytest.raises(typer.Exit) as ended:
        list(read(*arguments, **options))  # pyright: ignore[reportCallIssue]
    assert ended.value.exit_code == 2
    out, err = capsys.readouterr()
    assert out == ""
    return err


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def written(tmp_path: Path, content: str | bytes) -> str:
    file = tmp_path / "file.json"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(file)


def test_one_document_may_span_lines(tmp_path: Path) -> None:
    assert _io.read_json(written(tmp_path, '\n{\n "a": [1]\n}\n')) == {"a": [1]}


def test_json_lines_come_with_the_line_each_begins_on(tmp_path: Path) -> None:
    read = list(_io.read_json_lines(written(tmp_path, '{"a":1}\n\n{"b":\n2}\r\n"c"\n')))
    assert read == [(1, {"a": 1}), (3, {"b": 2}), (5, "c")]


def test_standard_input_that_is_closed_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert refusal(capsys, _io.read_json_lines, "-") == "patterns: standard input: is closed\n"


def test_values_come_as_they_are_read_from_a_pipe_that_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def pipe() -> Iterator[bytes]:
        for i, line in enumerate([b'{"a": 1}\n', b"[\n", b"2]\n", b"3\n", b"4\n"]):
            read.append(i)
            yield line

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=pipe()))
    seen = [(line, value, len(read)) for line, value in _io.read_json_lines("-")]
    assert seen == [(1, {"a": 1}, 1), (2, [2], 3), (4, 3, 4), (5, 4, 5)]


@given(
    st.lists(JSON, min_size=1, max_size=5), st.sampled_from([None, 0, 2]), st.sampled_from(["\n", "\r\n", "\n\n", " "])
)
def test_however_values_are_laid_out_they_are_read_back(values: list[Any], indent: int | None, between: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        content = between.join(json.dumps(value, indent=indent, ensure_ascii=False) for value in values)
        path = written(Path(folder), content)
        read = list(_io.read_json_lines(path))
        assert [value for _, value in read] == values
        lines = content.split("\n")
        for line, value in read:
            assert lines[line - 1].strip(), (line, value)


def test_one_long_document_takes_time_in_step_with_its_length(tmp_path: Path) -> None:
    calls = 0
    decode = json.JSONDecoder.raw_decode

    def counted(self: Any, *arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        return decode(self, *arguments)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(json.JSONDecoder, "raw_decode", counted)
        assert len(_io.read_json(written(tmp_path, json.dumps(list(range(20_000)), indent=0)))) == 20_000
    assert calls < 30, "20,002 lines: it is tried again when twice as much is there"


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    assert _io.read_json(written(tmp_path, b"\xef\xbb\xbf{}")) == {}


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"[1]")))
    assert _io.read_json("-") == [1]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "must be JSON, got nothing"),
        (" \n", "must be JSON, got nothing"),
        ('{"a": 1,}', "must be JSON: Illegal trailing comma before end of object at line 1 column 8"),
        ('{}\n{"a" 1}', "must be JSON: Expecting ':' delimiter at line 2 column 6"),
        ("{}\n[NaN]", "line 2: must be JSON: NaN is not JSON"),
        (b"\xff", "must be UTF-8 text, got the byte 0xff at 0"),
        (b"{}\n\xff", "must be UTF-8 text, got the byte 0xff at 3"),
        ('{}\n\n{"a":\n tru}', "must be JSON: Expecting value at line 4 column 2"),
        ('{}\n{"a":\n', "must be JSON: Expecting value at line 3 column 1"),
        ("[" * 200_000, "line 1: must be JSON, got values nested too deep to read"),
    ],
)
def test_what_is_not_json_is_refused_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | bytes, complaint: str
) -> None:
    path = written(tmp_path, content)
    if "trailing" in complaint and sys.version_info < (3, 13):
        complaint = "must be JSON: Expecting property name enclosed in double quotes at line 1 column 9"
    assert refusal(capsys, _io.read_json_lines, path) == f"patterns: {path}: {complaint}\n"


def test_two_documents_where_one_is_wanted_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, "{} {}")
    assert refusal(capsys, _io.read_json, path) == f"patterns: {path}: must have one JSON value, got 2\n"


def test_a_key_that_stands_twice_is_refused_where_one_would_be_dropped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, '{"a": {"b": 1, "b": 2}}')
    complaint = f'patterns: {path}: line 1: must be JSON: the key "b" stands twice in one object\n'
    assert refusal(capsys, _io.read_json, path, unique_keys=True) == complaint
    assert _io.read_json(path) == {"a": {"b": 2}}


def test_a_file_that_is_not_there_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "none.json")
    assert refusal(capsys, _io.read_text, path) == f"patterns: {path}: No such file or directory\n"
    assert refusal(capsys, _io.read_text, str(tmp_path)) == f"patterns: {tmp_path}: Is a directory\n"


def test_text_is_printable_on_any_terminal() -> None:
    assert _io.printable("\ud83d é") == "\\ud83d é"
