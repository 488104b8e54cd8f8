"""Every verb of the shell: its good use, each of its errors, its JSON against the schemas; and hostile lines."""
import json
import re
import time

import jsonschema
import pexpect
import pytest
from conftest import MACHINES
from shell_output import parse_json

import build

# On the host: d, paused, with a console; bare, paused, without console and without ACPI.
DOMAINS = ['create -p grub name=d vcpus=2', 'create -pq grub name=bare serial=none acpi=0 memory=16']
UNKNOWN = 'nobody is an invalid domain identifier; domains are: d, bare'
TIME = 'is no time in seconds; as in 5 or 0.5'
NAME = 'is no name; accepted: 1 to 63 of A-Z a-z 0-9'
PAUSED = 'it is paused; see unpause'
SERVERS = 'nobody is neither a domain (see list) nor a server; servers are:'

# Of each verb, in an order in which they can be run: what is typed, and what the answer must hold. What each verb
# refuses by its synopsis is not here but made of it, see refusals().
CASES = {
    'console': [('console nobody', UNKNOWN), ('console bare', 'bare has no serial console; see the key serial')],
    'counters': [('counters', 'syscalls')],
    'crash': [('crash nobody', SERVERS + ' console, domain'), ('crash Domain-0', 'Domain-0 is neither')],
    'create': [
        ('create', 'give a FILE aboard, or KEY=VALUE words'),
        ('create nothing', 'no such configuration aboard: nothing; aboard are: debian'),
        ('create -f', 'option -f needs a value: FILE'),
        ('create -n -f grub vcpus=5', 'command line:1: vcpus: 5 is out of range; accepted: 1 to 4'),
        ('create -n grub vcpu=2', 'vcpu: is no key of xl.cfg(5); did you mean vcpus?'),
        ('create -n grub 2', '"2" is not a setting; accepted: key=value, key+=value'),
        ('create -p grub name=d', 'domain d already exists, with id 1'),
        ('create -p grub name=big memory=4000', 'big: too little memory: of its 4000 MiB'),
        ('create -n grub name=other', '"name": "other"'),
        ('create -n grub cpus=^1,0-62', '"cpus": ["0-62"]'),
        ('create -n grub "cpus=[\'0-2,5,^1\', \'63\']" vcpus=2 rtc_timeoffset=-60', '"cpus": ["0,2,5", "63"]'),
        ('create -n grub "cpus=[\'0-2,5,^1\', \'63\']" vcpus=2 rtc_timeoffset=-60', '"rtc_timeoffset": -60'),
        ('create -n grub', '"cpus": ["all"]')],
    'debug-keys': [('debug-keys x', "'x' is no debug key; h lists them"), ('debug-keys hx', 'no debug key'),
                   ('debug-keys h', 'R  reset the machine at once')],
    'dmesg': [('dmesg --last', 'no log of an earlier run is in memory'), ('dmesg', 'Bulkhead')],
    'domid': [('domid nobody', UNKNOWN), ('domid bare', '2')],
    'domname': [('domname 99', '99 is an invalid domain identifier; domains are: d, bare'), ('domname 2', 'bare')],
    'echo': [('echo a  "b  c"', 'a b  c'), ('echo -- -n', '-n')],
    'files': [('files', 'images/grub.iso')],
    'help': [('help nonsuch', 'no such verb: nonsuch; help without operand lists all'),
             ('help creat', 'no such verb: creat; did you mean create?')],
    'info': [('info', 'nr_cpus')],
    'list': [('list nobody d', UNKNOWN), ('list d', r'--p---')],
    'log': [('log nobody', SERVERS + ' init, console, domain'), ('log domain', 'created, paused'), ('log d', '')],
    'pause': [('pause nobody', UNKNOWN), ('pause d', 'd: it is paused already; see unpause')],
    'regs': [('regs nobody', UNKNOWN), ('regs d 2', '2 is no virtual CPU of d; accepted: 0 to 1'),
             ('regs d x', 'x is no virtual CPU of d'), ('regs d 1', 'vCPU 1: offline'), ('regs d', 'rip')],
    'reboot': [('reboot nobody', UNKNOWN), ('reboot d', PAUSED)],
    'rename': [('rename nobody x', UNKNOWN), ('rename d bare', 'domain bare already exists, with id 2'),
               ('rename d 17', '17 ' + NAME), ("rename d 'a b'", 'a b ' + NAME), ("rename d ''", NAME),
               ('rename d -- -x', '-x ' + NAME), ('rename d Domain-0', 'Domain-0 ' + NAME),
               ('rename d e; domid e; rename e d', '1')],
    'shutdown': [('shutdown', 'which domain? -a is for all'), ('shutdown nobody', UNKNOWN),
                 ('shutdown d', 'd: ' + PAUSED), ('shutdown -a d', '-a is for all domains, d is one; give either')],
    'sleep': [*((f'sleep {wrong}', f'{wrong} {TIME}') for wrong in ('soon', '1e3', '.', '99999999999')),
              ('sleep 0.1; echo slept', 'slept')],
    'top': [*((f'top -n {wrong}', f'{wrong} is no number of looks; accepted: 1 to 1000000')
              for wrong in ('0', 'x', '1.5')),
            ('top -d 0', f'0 {TIME}'), ('top -d x', f'x {TIME}'), ('top -n', 'option -n needs a value: N'),
            ('top -b -n 1', 'CPU(%)')],
    'uptime': [('uptime nobody d', UNKNOWN), ('uptime', ' 0:')],
    'vcpu-list': [('vcpu-list nobody', UNKNOWN), ('vcpu-list d', '--p')],
    'wait': [('wait d state asleep 1', 'asleep is no state; accepted: running, blocked, paused'),
             ('wait d smell x 1', 'smell cannot be waited for; accepted: state, console, screen'),
             ('wait d state paused soon', f'soon {TIME}'), ('wait nobody console x 1', UNKNOWN),
             ('wait bare console x 1', 'bare has no serial console'),
             ('wait d state running 0.1', 'd: no "running" within 0.1 s'),
             ('wait d state running 0.1', 'its state is paused'),
             ('wait d console xyz 0.1', 'its console has printed nothing since'),
             ('wait d state paused 1; echo met', 'met')],
    'unpause': [('unpause nobody', UNKNOWN), ('unpause d; unpause d', 'd: it is not paused; see pause'),
                ('unpause bare; shutdown bare', 'bare: it has no power button: acpi=0')],
    'type': [('type nobody x', UNKNOWN), ('type d "<nokey>"', '<nokey> is no key; a < is written <lt>'),
             ('type -c d "<nokey>"', 'is no key; a < is written <lt>'),
             ('type -c bare x', 'bare: it has no serial console'),
             ('type d "<esc>"; echo typed', 'typed')],
    'screen': [('screen -d nobody', UNKNOWN), ('wait d screen GRUB 60; screen -d d', 'GRUB')],
    'reset': [('reset nobody', UNKNOWN), ('shutdown -w d', 'd: its guest does not listen to the power button'),
              ('reboot d', 'it has not started yet, or has no ACPI; see console or screen, and destroy'),
              ('reset d; wait d state running 5; echo again', 'again')],
    'destroy': [('destroy nobody', UNKNOWN), ('destroy 0', '0 is an invalid domain identifier'),
                ('destroy bare', ''), ('list', 'd '),
                ('destroy d; destroy d', 'd is an invalid domain identifier; there are no domains')],
    'restart': [],   # test_shell.py does it
    'poweroff': [],  # at the end of the test
}
NO_VERBS = [
    ('crate x', 'crate: no such verb; did you mean create? help lists all'),
    ('frobnicate', 'frobnicate: no such verb; help lists all'),
    ('xl frobnicate', 'frobnicate: no such verb'), ('xl', 'xl: no such verb'),
    ("echo 'abc", "error: a ' is not closed"),
    ('echo "abc', 'error: a " is not closed')]
# Commands whose JSON has a schema of the verb's name; that of list -l is list-long.
TABLES = ['info', 'list', 'list d', 'vcpu-list', 'uptime', 'uptime d', 'files', 'counters', 'top -b -n 1']


def schema(name):
    text = json.loads((build.ROOT / f'tests/schemas/{name}.json').read_text())
    jsonschema.Draft202012Validator.check_schema(text)
    return jsonschema.Draft202012Validator(text)


def refusals(verb, synopsis):
    """What a verb refuses by its synopsis: (command, what the answer must hold)."""
    usage = f'usage: {synopsis}'
    operands = [] if ' ' not in synopsis else re.sub(r'\[-[^]]*\]', '', synopsis).split()[1:]
    needed = 0 if not operands or operands[0].startswith('[') else len([o for o in operands if not o.startswith('[')])
    cases = [(f'{verb} -Z', 'unknown option -Z'), (f'{verb} --nonsense', usage)]
    if needed:
        cases += [(f'{verb} x' if needed > 1 else verb, 'too few operands'), (verb, usage)]
    if '...' not in synopsis:
        most = len(operands)
        words = ' '.join(f'x{i}' for i in range(most + 1))
        cases += [(f'{verb} {words}', f'too many operands: x{most}'), (f'{verb} {words}', usage)]
    if '--json' in synopsis:
        cases.append((f'{verb} --json=1', 'option --json takes no value'))
    return cases


def answers(host, cases):
    """The cases whose answer does not hold what it must. Each command is typed once."""
    wrong, asked = [], {}
    for command, wanted in cases:
        if asked.get('command') != command:
            asked = {'command': command, 'answer': host.command(command)}
        if wanted not in asked['answer']:
            wrong.append(f'{command}: {asked["answer"]!r} holds no {wanted!r}')
    return wrong


@pytest.mark.parametrize('smp', [1, 4])
def test_every_verb(boot, smp):
    host = boot(smp=smp, debian=False)
    host.shell()
    verbs = re.findall(r'^  ([a-z-]+) +\w', host.command('help'), re.MULTILINE)
    assert set(verbs) == set(CASES), 'a verb without cases, or cases without verb'
    wrong = answers(host, NO_VERBS)
    for command in DOMAINS:
        host.command(command)
    synopses = {verb: host.command(f'help {verb}').split('\n')[0].strip() for verb in verbs}
    wrong += [line for verb in CASES for line in answers(host, refusals(verb, synopses[verb]) + CASES[verb])]
    assert not wrong, '\n'.join(wrong)
    host.poweroff()


ERASE, REDRAWN = '\r\x1b[K', '\r\nbulkhead> '
LOGGED = '[domain] 3 (d): destroyed' + REDRAWN


@pytest.mark.parametrize('printed', [
    'list\x1b[0K\r\x1b[14C\r\nName' + REDRAWN,                # nothing comes between
    'l' + ERASE + LOGGED + 'list\r\nName' + REDRAWN,           # while it is typed
    'list' + ERASE + LOGGED + 'list\r\nName' + REDRAWN,        # before the end of the line
    'list\r\n' + LOGGED + 'list\r\nName' + REDRAWN,           # the same, of a line that is wrapped
    ERASE + LOGGED + 'list\r\nName' + REDRAWN,                 # behind the prompt
], ids=['alone', 'typing', 'before-the-end', 'wrapped', 'behind-the-prompt'])
def test_answers_beside_log_lines(host_that_prints, printed):
    """A line of a log between question and answer is not taken for the answer."""
    assert host_that_prints(printed).command('list') == 'Name'


@pytest.mark.parametrize('cpu, smp', MACHINES)
def test_json(boot, cpu, smp):
    """Every table as JSON is what its schema says, and a refusal prints no JSON."""
    host = boot(cpu=cpu, smp=smp, debian=False)
    host.shell()
    for command in DOMAINS:
        host.command(command)
    verbs = re.findall(r'^  ([a-z-]+) +\w', host.command('help'), re.MULTILINE)
    tables = {verb for verb in verbs if '--json' in host.command(f'help {verb}')}
    assert tables == {command.split()[0] for command in TABLES}
    for command in TABLES:
        schema(command.split()[0]).validate(parse_json(host.command(f'{command} --json')))
    documents = parse_json(host.command('list -l'))
    schema('list-long').validate(documents)
    assert [d['config']['name'] for d in documents] == ['d', 'bare']
    for verb in ('list', 'list -l', 'uptime', 'vcpu-list'):
        assert not re.search(r'[\[{]', host.command(f'{verb} nobody d --json'))
    host.poweroff()


# What no one types, all of it at once: the shell may say what it likes, but has to be there afterwards.
HOSTILE = {
    'long': 'x' * 3000,
    'words': 'echo ' + 'w ' * 1500,
    'controls': ''.join(chr(c) for c in range(1, 32) if chr(c) not in '\r\n\x1d'),
    'escapes': '\x1b[999999999A\x1b[1;2;3;4;5~\x1b[\x1bO\x1b]0;title\x07\x1b[200~paste\x1b[201~\x1b',
    'unicode': 'echo \u00e4\u20ac\U0001f600\u202e',
    'not UTF-8': b'echo \xff\xfe\xc3\x28\xed\xa0\x80\xf8\x88\x80\x80\x80\x80',
    'NULs': b'echo \0\0a\0b',
    'quotes': 'echo "a \'b" \'c "d',
    'backslash': 'echo a\\',
    'formats': 'echo %s%n%x%999999999d; destroy %s%s%n',
    'deep': 'create -n name=a disk=' + '[' * 900,
    'names': 'list ' + 'n' * 900,
    'many': 'echo a;' * 140,
    'burst': 'uptime\r' * 200,
}


@pytest.mark.parametrize('smp', [1, pytest.param(4, marks=pytest.mark.qemu)])  # as long lines as these: minutes
def test_hostile_lines(boot, smp):
    host = boot(smp=smp, debian=False)
    host.shell()
    before = parse_json(host.command('info --json'))
    for number, (name, line) in enumerate(HOSTILE.items()):
        # Without pauses: what does not fit is lost, and the host is none the worse.
        host.serial.proc.stdin.write((line if isinstance(line, bytes) else line.encode()) + b'\r\x03\x15')
        host.serial.proc.stdin.flush()
        for tries in range(20):  # bytes of the mark itself may be lost while the line before it is dealt with
            host.send(f'\x15echo mark{number}-$\r')
            if host.serial.expect([rf'\nmark{number}-\$\r?\n', pexpect.TIMEOUT], timeout=2 * host.patience) == 0:
                break
        else:
            pytest.fail(f'{name}: the shell does not come back')
    host.shell()
    time.sleep(1)
    host.serial.expect([pexpect.TIMEOUT, 'never'], timeout=1)
    after = parse_json(host.command('info --json'))
    for fact in ('free_pages', 'capabilities', 'threads', 'domains', 'kernel_pool_used'):
        assert after[fact] == before[fact], fact
    assert 'started again' not in host.command('log domain')
    host.poweroff()
