"""What a terminal shows after it has got some output: enough of one for the `weir` command."""

import re

_SEQUENCE = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])")


def screen_lines(output: str, columns: int) -> list[str]:
    """Return the lines of a terminal so wide and without end. Raises AssertionError for what it does not know."""
    lines: list[list[str]] = [[]]
    row = column = at = 0
    while at < len(output):
        sequence = _SEQUENCE.match(output, at)
        if sequence:
            at = sequence.end()
            number = int(sequence[1]) if sequence[1].isdigit() else 1
            match sequence[2]:
                case "A":
                    row = max(0, row - number)
                case "C":
                    column = min(columns - 1, column + number)
                case "K":
                    del lines[row][column if sequence[1] != "2" else 0 :]
                case "m" | "h" | "l":
                    pass
                case other:
                    raise AssertionError(f"unknown sequence {other}")
            continue
        character = output[at]
        at += 1
        assert character != "\x1b", output[at : at + 20]
        if character == "\r":
            column = 0
        elif character == "\n":
            row += 1
        else:
            if column == columns:
                row, column = row + 1, 0
            lines += [[] for _ in range(row + 1 - len(lines))]
            lines[row] += [" "] * (column + 1 - len(lines[row]))
            lines[row][column] = character
            column += 1
        lines += [[] for _ in range(row + 1 - len(lines))]
    return ["".join(line).rstrip() for line in lines]
