"""What a reader reads is run: the blocks of README and docs, and the examples of docstrings."""

import re
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.document import Document, PythonDocStringDocument
from sybil.example import SybilFailure
from sybil.parsers.markdown import PythonCodeBlockParser
from sybil.parsers.rest import DocTestParser

import tinygrad_lite as tl

ROOT = Path(__file__).parents[1]
PACKAGE = Path(tl.__file__).parent
CHAPTERS = sorted(ROOT.glob("docs/*.md"))
DOCUMENTS = sorted(ROOT.glob("README.md")) + CHAPTERS
MODULES = sorted(PACKAGE.rglob("*.py"))
PUBLIC = [
    (f"{prefix}.{name}", getattr(room, name))
    for prefix, room in (
        ("tl", tl),
        ("tl.nn", tl.nn),
        ("tl.nn.optim", tl.nn.optim),
        ("tl.f", tl.f),
        ("tl.data", tl.data),
        ("tl.compiler", tl.compiler),
    )
    for name in room.__all__
    if callable(getattr(room, name))
]

DOCTESTS = DocTestParser()
MARKDOWN = Sybil(parsers=[PythonCodeBlockParser()])
KNOWN_FENCES = {"python", "console", "json", "mermaid", "sh", "text", "toml"}


def relative(path):
    return str(path.relative_to(ROOT if path.is_relative_to(ROOT) else PACKAGE.parent))


def docstrings(path):
    """A Sybil document for each docstring of a module: none may lean on another's imports."""
    text = path.read_text(encoding="utf-8")
    for start, _, docstring in PythonDocStringDocument.extract_docstrings(text):
        lines_before = "\n" * text.count("\n", 0, start)  # so that a failure names its line
        document = Document(lines_before + docstring, str(path))
        for region in DOCTESTS(document):
            document.add(region)
        yield document


def run(document):
    """Evaluate all examples, as if they were typed into one script. Returns how many."""
    document.namespace["__name__"] = "__main__"
    examples = list(document.examples())
    for example in examples:
        example.evaluate()
    return len(examples)


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder that examples may write to, no windows, and the same random numbers each time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    tl.seed(0)
    return tmp_path


@pytest.mark.parametrize("path", DOCUMENTS, ids=relative)
def test_document_runs(path, workplace):
    run(MARKDOWN.parse(path))


@pytest.mark.parametrize("path", CHAPTERS, ids=relative)
def test_chapter_has_examples(path):
    assert list(MARKDOWN.parse(path).examples())


@pytest.mark.parametrize("path", DOCUMENTS, ids=relative)
def test_fences_of_document_are_of_known_languages(path):
    """A block of Python under another name, or under none, would not be run."""
    fences = re.findall(r"^\s*```(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    opening, closing = fences[::2], fences[1::2]
    assert set(opening) <= KNOWN_FENCES
    assert set(closing) <= {""}


@pytest.mark.parametrize("path", DOCUMENTS, ids=relative)
def test_lines_of_document_are_short(path):
    text = re.sub(r"```sh\n.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert [line for line in text.splitlines() if len(line) > 100] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=relative)
def test_document_has_no_placeholder(path):
    assert re.findall(r"^[A-Z]+_[A-Z_]+$", path.read_text(encoding="utf-8"), re.MULTILINE) == []


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_docstring_examples_run(path, workplace):
    for document in docstrings(path):
        run(document)


@pytest.mark.parametrize("thing", [thing for _, thing in PUBLIC], ids=[name for name, _ in PUBLIC])
def test_public_name_has_an_example(thing):
    assert ">>> " in (thing.__doc__ or "")


# ---- the checks are checked ------------------------------------------------------------------

WRONG_RESULT = """
Text.

```python
>>> 1 + 1
3

```
"""
UNEXPECTED_ERROR = """
```python
x = 1
x / 0
```
"""
IN_ORDER = """
```python
x = 2
```

```sh
exit 1
```

<details>

```python
>>> x + 1
3
>>> y = 4  # comes before the next block
```

</details>

```python
assert x + y == 6
```
"""


def parsed(tmp_path, text):
    path = tmp_path / "document.md"
    path.write_text(text, encoding="utf-8")
    return MARKDOWN.parse(path)


def test_wrong_result_in_a_document_fails(tmp_path):
    with pytest.raises(SybilFailure, match="line 5"):
        run(parsed(tmp_path, WRONG_RESULT))


def test_error_in_a_block_fails(tmp_path):
    with pytest.raises(ZeroDivisionError):
        run(parsed(tmp_path, UNEXPECTED_ERROR))


def test_blocks_of_a_document_run_in_order_and_share_names(tmp_path):
    assert run(parsed(tmp_path, IN_ORDER)) == 4


def test_wrong_result_in_a_docstring_fails_and_names_its_line(tmp_path):
    path = tmp_path / "module.py"
    path.write_text('x = 1\n\n\ndef f():\n    """One.\n\n    >>> 1 + 1\n    3\n    """\n')
    (document,) = docstrings(path)
    with pytest.raises(SybilFailure, match="line 7"):
        run(document)


def test_docstring_may_not_use_the_names_of_its_module(tmp_path):
    path = tmp_path / "module.py"
    path.write_text('x = 1\n\n\ndef f():\n    """One.\n\n    >>> x\n    1\n    """\n')
    (document,) = docstrings(path)
    with pytest.raises(SybilFailure, match="NameError"):
        run(document)
