"""Plain English: phrases and names that code and documentation no longer use.

phrases.json lists the files that still have some, with the phrases. It can only become shorter: a new one fails, and so
does one that is listed but gone. Run as a program, this file writes the list again.
"""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
EXCEPTIONS = Path(__file__).with_name("phrases.json")

PATTERNS = (
    *(
        "mmearth_core/**/*.py",
        "plugins/*/mmearth_*/**/*.py",
        "plugins/*/mmearth_*/**/*.tmpl",
        "plugins/*/localearth/**/*.py",
    ),
    *("benchmarks/**/*.py", "docs/generate/*.py", "docs/*.md", "plugins/*/README.md", "examples/*/README.md", "*.md"),
)

WORDS = {
    "told": "reported, printed; as a name: facts, text",
    "anew": "again",
    "likewise": "also, the same",
    "whoever": "the process that",
    "lacks?": "has no",
    "mend(s|ed)?": "fix",
    "heeds?": "use",
    "wholly": "completely",
    "taken in": "imported",
    "at work": "running",
    "sent back": "returned for download",
    "begins anew": "starts again",
    "of ours": "of this project; a defect of ours: a bug",
    "(?<!there )(?<!where )is no (?!longer|more|limit)[a-z]+": "is not a, is not a valid, unknown",
    "stands more than once": "is duplicated",
    "(an?|one) \\w+ a line": "one ... per line",
    "(requests?|numbers?|tiles?|bytes|milliseconds|MB|ms|points|pixels) a (tile|second|hour|line|side|batch)": "per",
    "nothing was begun": "nothing was started",
    "make room or": "free disk space or",
    "is held to be": "is treated as",
    "it is not said": "... is not set",
    "without a further word": "without cleanup",
    "come by": "seen so far",
    "instead of the configuration's": "override the configured ...",
    "where (it|they|that) stands?": "where it is",
}
"""Phrases, as regular expressions, and what to write instead."""

NAMES = {
    *("Album", "DatasetFolder", "StoredLayer", "Tally", "RunRecord", "GiveUp", "LargestBatch", "Patience", "Belief"),
    *("Rehearsal", "BandSums", "Wishes", "GoOn", "LiveTask", "Unfit"),
}
"""Former names of classes."""


def phrases_in(text: str) -> list[str]:
    """The words and names that a text should not have; line breaks count as spaces."""
    flat = " ".join(text.replace("#", " ").split())
    words = [word for word in WORDS if re.search(rf"\b({word})\b", flat, re.IGNORECASE)]
    return sorted(words) + sorted(NAMES & set(re.findall(r"\w+", text)))


def found() -> dict[str, list[str]]:
    paths = sorted({path for pattern in PATTERNS for path in ROOT.glob(pattern)})
    phrases = {str(path.relative_to(ROOT)): phrases_in(path.read_text(encoding="utf-8")) for path in paths}
    return {path: words for path, words in phrases.items() if words}


def test_no_file_has_a_phrase_that_is_not_listed() -> None:
    listed, present = json.loads(EXCEPTIONS.read_text()), found()
    new = [(path, word) for path, words in present.items() for word in words if word not in listed.get(path, [])]
    assert {(path, word): WORDS.get(word, "was renamed") for path, word in new} == {}
    gone = {path: sorted(set(words) - set(present.get(path, []))) for path, words in listed.items()}
    assert {path: words for path, words in gone.items() if words} == {}, "run: python tests/test_phrases.py"


def test_phrases_are_found_across_lines_and_not_in_other_words() -> None:
    assert phrases_in("with an id\n    # a line") == ["(an?|one) \\w+ a line"]
    assert phrases_in("It is no longer used, and it is no more than 5; untold, slack, amend; _told") == []
    assert phrases_in("class Tally: told") == ["told", "Tally"]


if __name__ == "__main__":
    EXCEPTIONS.write_text(json.dumps(found(), indent=1) + "\n")
