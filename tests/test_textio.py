"""Reading text: only `\\n` ends a line, and what is tolerated is said."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.errors import InputError
from evalharness.textio import check_text, read_lines, read_text, replacing


def written(content: bytes) -> Path:
    path = Path("file.txt")
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"a\nb\n", ("a", "b")),
        (b"a\nb", ("a", "b")),  # the last line needs no end
        (b"a\n\n", ("a", "")),  # an empty line is a segment
        (b"\n", ("",)),
        ("a\rb\u2028c\u0085d\x0be\n".encode(), ("a\rb\u2028c\u0085d\x0be",)),  # data, not line ends (pitfall D6)
        (b" a \t\n", (" a \t",)),
    ],
)
def test_lines_end_at_newline_only(content: bytes, lines: tuple[str, ...]) -> None:
    assert read_lines(written(content)) == lines


def test_byte_order_mark_is_left_out_and_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert read_lines(written(b"\xef\xbb\xbfa\n")) == ("a",)
    assert "file.txt: starts with a byte order mark" in caplog.text


def test_carriage_returns_before_newlines_are_left_out_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert read_lines(written(b"a\r\nb\nc\r\n")) == ("a", "b", "c")
    assert "2 of 3 lines end in \\r\\n" in caplog.text


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf"])
def test_empty_file_is_refused(content: bytes) -> None:
    with pytest.raises(InputError, match=r"file\.txt: the file is empty"):
        read_lines(written(content))


def test_not_utf8_names_file_line_and_byte() -> None:
    with pytest.raises(InputError, match=r"file\.txt:2: not UTF-8: byte 0xe9 at byte 4 of the line"):
        read_lines(written(b"fine\ncaf\xe9\n"))


def test_missing_file_and_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_lines("nowhere.txt")
    with pytest.raises(InputError, match="is a folder"):
        read_lines(tmp_path)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\ufeff")), min_size=1))
def test_any_lines_come_back(lines: list[str]) -> None:
    path = Path("any.txt")
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())
    assert read_lines(path) == tuple(lines)


@given(st.binary())
def test_any_bytes_are_lines_or_our_error(content: bytes) -> None:
    path = Path("bytes.bin")
    path.write_bytes(content)
    try:
        lines = read_lines(path)
    except InputError:
        return
    assert len(lines) == content.removeprefix(b"\xef\xbb\xbf").rstrip(b"").count(b"\n") + (not content.endswith(b"\n"))


def test_text_keeps_its_line_ends() -> None:
    assert read_text(written(b"a\r\nb\n")) == "a\r\nb\n"


def test_check_text_names_what_is_no_text() -> None:
    with pytest.raises(InputError, match=r"here: character 2 is an unpaired surrogate \(U\+D800\)"):
        check_text("a\ud800", where="here")
    with pytest.raises(InputError, match="here: is NoneType; expected a string"):
        check_text(None, where="here")


def test_a_failed_replacement_leaves_the_old_file() -> None:
    path = written(b"old")

    def fail_while_writing() -> None:
        with replacing(path) as file:
            file.write("new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_while_writing()
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in Path().iterdir()] == ["file.txt"]
