"""Reports of `weir check`: a table for people, lines of JSON, and JUnit XML for CI."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from xml.etree import ElementTree

from weir.analysis.checked_run import CheckResult
from weir.core import serialization

MARKS = {True: "ok", False: "BROKEN", None: "not checked"}
MAX_CELL = 60
"""Characters of a figure in the table; the sentence below it has the rest."""

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class FileReport:
    """Results of one file."""

    file: str
    chain: str
    results: tuple[CheckResult, ...]
    problem: str = ""
    """Why the file could not be checked; "" if it could."""

    @property
    def holds(self) -> bool | None:
        """Whether all rules hold; None if none is broken, but one could not be checked."""
        states = [result.holds for result in self.results]
        return False if False in states else None if None in states or self.problem else True


def as_table(reports: Sequence[FileReport]) -> str:
    """Return a table for each file, and a sentence for each rule that does not hold."""
    lines = []
    for report in reports:
        lines.append(f"{report.file}" + (f": {report.chain}" if report.chain else ""))
        lines += _rows(report.results)
        lines += [f"  {result.sentence}" for result in report.results if not result.holds]
        lines += [f"  not checked: {report.problem}"] if report.problem else []
        lines.append("")
    lines.append(_summary(reports))
    return serialization.replace_lone_surrogates("\n".join(lines)) + "\n"


def _rows(results: Sequence[CheckResult]) -> list[str]:
    cells = [[MARKS[result.holds], *map(_cell, (result.rule, result.figure, result.bound))] for result in results]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    ]


def _cell(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_CELL else f"{line[: MAX_CELL - 1]}…"


def _summary(reports: Sequence[FileReport]) -> str:
    results = [result for report in reports for result in report.results]
    broken = sum(result.holds is False for result in results)
    unchecked = sum(result.holds is None for result in results) + sum(bool(report.problem) for report in reports)
    held = sum(result.holds is True for result in results)
    files = f"{len(reports)} {'file' if len(reports) == 1 else 'files'}"
    return f"{files}: {held} hold, {broken} broken, {unchecked} not checked."


def as_json_lines(reports: Sequence[FileReport]) -> str:
    """Return a line of JSON for each file."""
    return "".join(serialization.dumps({**asdict(report), "holds": report.holds}).decode() + "\n" for report in reports)


def as_junit(reports: Sequence[FileReport]) -> bytes:
    """Return JUnit XML: a test suite for each file, a test case for each rule."""
    root = ElementTree.Element("testsuites")
    for report in reports:
        unchecked = sum(result.holds is None for result in report.results) + bool(report.problem)
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=_xml(report.file),
            tests=str(len(report.results) + bool(report.problem)),
            failures=str(sum(result.holds is False for result in report.results)),
            errors=str(unchecked),
        )
        for result in report.results:
            case = ElementTree.SubElement(suite, "testcase", classname=_xml(report.chain), name=_xml(result.rule))
            if not result.holds:
                kind = "error" if result.holds is None else "failure"
                ElementTree.SubElement(case, kind, message=_xml(result.sentence))
        if report.problem:
            case = ElementTree.SubElement(suite, "testcase", classname=_xml(report.chain), name="recording")
            ElementTree.SubElement(case, "error", message=_xml(report.problem))
    xml: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return xml + b"\n"


def _xml(text: str) -> str:
    """Replace the characters that XML 1.0 cannot hold."""
    return _NOT_XML.sub("\ufffd", text)
