"""What a terminal of 80 by 25 shows after the bytes that it got: as much of ECMA-48 as the verb screen writes."""
import re

COLUMNS, ROWS = 80, 25
CONTROL = re.compile(r'\x1b\[([?0-9;]*)([A-Za-z])|([\x00-\x1f])|([^\x00-\x1f])', re.DOTALL)


class TerminalScreen:
    def __init__(self):
        self.cells = [[' '] * COLUMNS for _ in range(ROWS)]
        self.row = self.column = 0
        self.pending = ''  # the beginning of a sequence

    def text(self):
        return '\n'.join(''.join(row).rstrip() for row in self.cells)

    def feed(self, text):
        text = self.pending + text
        whole = re.search(r'\x1b(?:\[[?0-9;]*)?\Z', text)
        self.pending = whole.group() if whole else ''
        for match in CONTROL.finditer(text[:len(text) - len(self.pending)]):
            values, letter, control, character = match.groups()
            if letter:
                self._sequence(letter, [int(v or 0) for v in values.lstrip('?').split(';')])
            elif control:
                self._control(control)
            else:
                self._put(character)

    def _put(self, character):
        if self.column < COLUMNS:
            self.cells[self.row][self.column] = character
            self.column += 1

    def _control(self, control):
        if control == '\r':
            self.column = 0
        elif control == '\n' and self.row + 1 < ROWS:
            self.row += 1
        elif control == '\n':
            self.cells = self.cells[1:] + [[' '] * COLUMNS]

    def _sequence(self, letter, values):
        first = values[0]
        if letter == 'H':
            self.row = min(max(first, 1), ROWS) - 1
            self.column = min(max(values[1] if len(values) > 1 else 1, 1), COLUMNS) - 1
        elif letter == 'C':
            self.column = min(self.column + max(first, 1), COLUMNS - 1)
        elif letter == 'K':
            self.cells[self.row][self.column:] = [' '] * (COLUMNS - self.column)
        elif letter == 'J' and first == 2:
            self.cells = [[' '] * COLUMNS for _ in range(ROWS)]
        elif letter == 'J':
            self.cells[self.row][self.column:] = [' '] * (COLUMNS - self.column)
            self.cells[self.row + 1:] = [[' '] * COLUMNS for _ in range(ROWS - self.row - 1)]
