"""What the shell printed while it ran a file of commands, command by command."""
import json
import re


class Answers:
    """Of what run_commands returned: answers['list'] is what the command `list` printed, the last one if several."""

    def __init__(self, printed):
        self.all = []
        for part in re.split(r'^bulkhead> ', printed.replace('\r', ''), flags=re.MULTILINE)[1:]:
            command, _, answer = part.partition('\n')
            self.all.append((command.strip(), answer))

    def __getitem__(self, command):
        found = [answer for asked, answer in self.all if asked == command]
        assert found, f'{command} was not run; what was: {[asked for asked, _ in self.all]}'
        return found[-1]

    def json(self, command):
        """The JSON text that COMMAND printed; lines of logs stand between whole lines only and are left out."""
        return parse_json(self[command])


def parse_json(text):
    lines = [line for line in text.split('\n') if not re.match(r'\[[A-Za-z0-9_-]+\] ', line)]
    return json.loads('\n'.join(lines))
