"""What tests of the whole system share: Bulkhead booted in QEMU, its shell, its log."""
import contextlib
import fcntl
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

import pexpect
import pytest
from pexpect.popen_spawn import PopenSpawn

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'scripts'))
import build  # noqa: E402
import machine  # noqa: E402

LOGS = build.BUILD / 'logs'
PROMPT = 'bulkhead> '
LOG_LINE = re.compile(r'\[[^]]+\] ')
ESCAPES = re.compile(r'\x1b\[[0-9;?]*[A-Za-z]')
# A slow machine is not a failure: every time limit is multiplied by this.
PATIENCE = float(os.environ.get('BULKHEAD_PATIENCE', '1'))
# Bochs runs 50 to 80 million instructions a second, of which its machine needs 100 for a second of its own.
BOCHS_PATIENCE = 4
# What waits has a time limit of its own; a test that is still there after these many seconds keeps no others waiting.
TEST_SECONDS = 1800
# Vendor of the machines whose test does not say: amd, or intel in the suite of that name.
CPU = os.environ.get('BULKHEAD_CPU', 'amd')
# What a test of each kind runs on: vendor of the CPU, and number of CPUs. More on VT-x is in the suite intel.
MACHINES = [('amd', 1), ('amd', 4), ('intel', 1)] if CPU == 'amd' else [('intel', 1), ('intel', 4)]


def pytest_configure(config):
    config.addinivalue_line('markers', 'long: minutes of run time; only in the suite long')
    config.addinivalue_line('markers', 'qemu: needs QEMU: its monitor, or more than Bochs can do')
    config.addinivalue_line('markers', 'alone: measures time, or what others measured: no test runs beside it')
    if not hasattr(config, 'workerinput'):
        config.pluginmanager.register(Results(config))


def pytest_collection_modifyitems(config, items):
    """In the suite intel, no tests for machines with AMD-V only."""
    of_amd = [item for item in items if CPU != 'amd' and hasattr(item, 'callspec') and
              str(item.callspec.params.get('cpu', '')).startswith('amd')]
    config.hook.pytest_deselected(items=of_amd)
    items[:] = [item for item in items if item not in of_amd]


@contextlib.contextmanager
def ended_after(seconds):
    def late(*_):
        pytest.fail(f'still running after {seconds:.0f} s')

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call():
    with ended_after(TEST_SECONDS * PATIENCE):
        yield


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_teardown():
    with ended_after(60 * PATIENCE):
        yield


class Results:
    """Prints a line per test that scripts/suites.py reads: RESULT OUTCOME SECONDS NAME REASON."""

    def __init__(self, config):
        self.config = config
        self.phases = {}

    def pytest_runtest_logreport(self, report):
        phases = self.phases.setdefault(report.nodeid, [])
        phases.append(report)
        if report.when != 'teardown':
            return
        outcomes = [phase.outcome for phase in phases]
        outcome = next((known for known in ('failed', 'skipped') if known in outcomes), 'passed')
        why = next((f' {phase.longrepr[2]}' for phase in phases if phase.skipped), '')
        seconds = sum(phase.duration for phase in phases)
        name = report.nodeid.partition('::')[2].replace(' ', '_')
        # Tests' output is captured; the terminal's reporter is not.
        terminal = self.config.pluginmanager.getplugin('terminalreporter')
        terminal.ensure_newline()
        terminal.write_line(f'RESULT {outcome} {seconds:.1f} {name}{why}')
        terminal.flush()


class Host:
    """A machine that runs Bulkhead. What it prints is in LOGS/NAME.log."""

    def __init__(self, name, image, **options):
        self.monitor_socket = options.get('monitor')
        self.log = open(LOGS / f'{name}.log', 'w', encoding='utf-8', errors='replace')
        self.cpu = options.setdefault('cpu', CPU)
        self.patience = PATIENCE * (1 if self.cpu == 'amd' else BOCHS_PATIENCE)
        command = machine.command_line(image, **options)
        # Pipes, not a terminal: nothing between the serial line and the test changes or echoes a byte.
        self.serial = PopenSpawn(command, encoding='utf-8', codec_errors='replace', timeout=60, maxread=65536,
                                 searchwindowsize=65536)
        self.serial.logfile_read = self.log

    def expect(self, pattern, seconds=60):
        """Wait for PATTERN, a regular expression or a list; the match object. A test fails with what was there."""
        try:
            self.serial.expect(pattern, timeout=seconds * self.patience)
        except (pexpect.TIMEOUT, pexpect.EOF) as error:
            kind = 'ended' if isinstance(error, pexpect.EOF) else f'waited {seconds * self.patience:.0f} s'
            seen = '\n'.join((self.serial.before or '').split('\n')[-25:])
            pytest.fail(f'{kind}; wanted: {pattern}\nsaw last:\n{seen}', pytrace=True)
        return self.serial.match

    def send(self, text):
        """Type TEXT, slowly enough for a UART's FIFO of 16 bytes and for what reads keys one by one."""
        for start in range(0, len(text), 8):
            self.serial.send(text[start:start + 8])
            time.sleep(0.02)

    def line(self, text):
        self.send(text + '\r')

    def shell(self, seconds=60):
        """Wait for the prompt of dom0's shell."""
        self.expect(re.escape(PROMPT), seconds)

    def command(self, text, seconds=60):
        """Run TEXT in dom0's shell, whose prompt is there; what it printed, without escape sequences and echo."""
        self.line(text)
        # A line of a log that comes before the echo's end clears what was typed and has it drawn again below. What is
        # longer than the terminal is wide is not cleared, so that its echo seems to have ended: the log's line, prompt
        # and echo then stand in the answer's place.
        echo = re.escape(text[-8:]) + r'(?:\r|\x1b\[[0-9;]*[A-Za-z])*\n'
        self.expect(echo)
        answer = self.answer(seconds)
        while answer and all(map(LOG_LINE.match, answer)) and self.serial.expect([echo, pexpect.TIMEOUT], 0.3) == 0:
            answer = self.answer(seconds)
        return '\n'.join(answer)

    def answer(self, seconds):
        """The lines up to the next prompt."""
        self.shell(seconds)
        printed = ESCAPES.sub('', self.serial.before).replace('\r', '\n')
        return [line for line in printed.split('\n') if line.strip()]

    def poweroff(self, seconds=30):
        """Power the machine off from the shell and wait for its end."""
        self.line('poweroff')
        self.expect(pexpect.EOF, seconds)

    def monitor(self, *commands):
        """Give COMMANDS to the monitor of a machine that has one; what it printed."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(60)
            connection.connect(str(self.monitor_socket))
            printed = ''
            for command in ('', *commands):
                connection.sendall(f'{command}\n'.encode() if command else b'')
                # The prompt comes once for the connection and once for each command.
                done = printed.count('(qemu) ') + 1
                while printed.count('(qemu) ') < done:
                    printed += connection.recv(4096).decode(errors='replace')
        return printed

    def close(self):
        self.serial.proc.terminate()
        try:
            self.serial.proc.wait(10)
        except subprocess.TimeoutExpired:
            self.serial.proc.kill()
            self.serial.proc.wait()
        self.log.close()


def log_name(request):
    return re.sub(r'[^A-Za-z0-9_.-]+', '-', f'{request.node.path.stem}.{request.node.name}').strip('-')


@pytest.fixture
def boot(request, tmp_path):
    """A function that boots Bulkhead; every machine ends with the test.

    boot(cpu='amd', smp=1, memory=2048, isos=[FILE], configs=[FILE], commands=['list'], texts={'NAME': 'TEXT'},
    files={'NAME': FILE}, debian=True, arguments='', kernel=FILE, uefi=False, icount=False, disks=[FILE],
    reboot=False, monitor=SOCKET, plugin='FILE,NAME=VALUE') returns a Host. FILE and NAME are as scripts/run has them.
    Without debian its images are not aboard, which Bochs has to load: who boots no Debian leaves them.
    """
    LOGS.mkdir(parents=True, exist_ok=True)
    hosts = []

    def start(isos=(), configs=(), commands=(), texts=None, arguments='', files=None, kernel=None, debian=True,
              **options):
        image = build.BUILD / 'bulkhead.iso'
        if isos or configs or commands or texts or arguments or files or kernel or not debian:
            output = tmp_path / f'bulkhead{len(hosts)}.iso'
            image = machine.make_image(output, isos, configs, commands, texts, arguments, files, kernel, debian)
        number = f'.{len(hosts)}' if hosts else ''
        hosts.append(Host(log_name(request) + number, image, **options))
        return hosts[-1]

    yield start
    for host in hosts:
        host.close()


@pytest.fixture
def host_that_prints(tmp_path):
    """A function that makes a Host of no machine, which prints TEXT whatever is typed."""
    def start(text):
        host = Host.__new__(Host)
        host.patience = PATIENCE
        (tmp_path / 'printed').write_bytes(text.encode())
        # It stays, as a machine does.
        host.serial = PopenSpawn(['tail', '-c', '+1', '-f', tmp_path / 'printed'], encoding='utf-8', timeout=60)
        started.append(host.serial.proc)
        return host

    started = []
    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def run_commands(boot):
    """A function that boots Bulkhead for COMMANDS only: (exit status, everything printed)."""
    def run(commands, seconds=120, **options):
        host = boot(commands=commands, **options)
        host.expect(r'\[commands\] exit status (\d+)', seconds)
        status = int(host.serial.match.group(1))
        return status, ESCAPES.sub('', host.serial.before)
    return run


@pytest.fixture
def guest_files():
    """The folder of the guests' images: .iso, .vmlinuz, .initrd of debian, debian-cloud, debian-686; grub.iso ..."""
    return build.BUILD / 'guests'


GOAL = object()


@pytest.fixture
def figure():
    """A function that records a figure of the bench: figure(name, value, unit, goal=None, peer=None, limit=goal).

    A value over its limit fails tests/bench/test_limits.py; limit=None for a goal that is not reached yet.
    """
    LOGS.mkdir(parents=True, exist_ok=True)
    recorded = {}

    def record(name, value, unit, goal=None, peer=None, limit=GOAL):
        recorded[name] = {'value': value, 'unit': unit, 'goal': goal, 'peer': peer,
                          'limit': goal if limit is GOAL else limit}

    yield record
    # Another test may record its own at the same time.
    with open(LOGS / 'bench.json', 'a+', encoding='utf-8') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        figures = json.loads(file.read() or '{}') | recorded
        file.truncate(0)
        file.write(json.dumps(figures, indent=2))
