"""What breaks leaves a report that names functions and lines of the source."""
import mmap
import re
import socket
import time

import build
import pytest
from conftest import MACHINES

PLACE = re.compile(r' (at|called from|inlined in) (?:0x[0-9a-f]+ )?(\w+) \(([\w./-]+):(\d+)\)')


def places(text):
    """[(how, function, file, line)] of the report in TEXT."""
    return [(how, function, file, int(line)) for how, function, file, line in PLACE.findall(text)]


def check_places(report):
    """Every place is one of the source: the function is there above that line; what it called inline, on it."""
    found = places(report)
    assert found, report
    for (how, function, file, line), (_, inner, _, _) in zip(found, [found[0], *found]):
        source = (build.ROOT / file).read_text().split('\n')
        assert any(re.search(rf'\b{function}\b', text) for text in source[:line]), (function, file, line)
        if how == 'inlined in':
            assert any(inner in text for text in source[line - 1:line + 3]), (inner, function, file, line)
    return [function for _, function, _, _ in found]


@pytest.mark.parametrize('cpu, smp', MACHINES)
def test_server_fault(boot, cpu, smp):
    """A server without its code, and a VMM: init reports each fault, and the host goes on."""
    host = boot(cpu=cpu, smp=smp, debian=False)
    host.shell()
    host.command('create -q grub vcpus=2')
    # Whichever thread of the VMM runs next is the one that finds no code: a vCPU's, or the one that was asked.
    for name, who, functions, end in (
            ('grub', 'the VMM of domain grub', {'control_serve', 'vcpu_thread'}, r'domain 1 \(grub\) crashed'),
            ('console', 'console', {'server_main'}, 'console is started again, restart 1'),
            ('domain', 'domain', {'verb_crash'}, 'domain is started again, restart 1')):
        host.line(f'crash {name}')
        host.expect(rf'{who} has ended: page fault \(vector 14, error code 0x14, address (0x[0-9a-f]+)\)')
        address = host.serial.match.group(1)
        host.expect(end)
        report = host.serial.before
        assert re.search(rf' at {address} \w+ \([\w./]+:\d+\)', report), report
        assert functions & set(check_places(report)), report
        host.shell()
    assert 'bulkhead' in host.command('info')
    host.poweroff()


def check_panic(report, reason, function):
    """A panic's report: its reason, a place in the source, then functions that called each other, up to an entry."""
    assert re.search(rf'PANIC on CPU \d+: {reason}', report), report
    functions = check_places(report)
    assert functions[0] == function, report


@pytest.mark.parametrize('cpu, smp, uefi', [
    *((*machine, False) for machine in MACHINES),
    pytest.param('amd', 1, True, marks=[pytest.mark.long, pytest.mark.qemu])])
def test_panic(boot, cpu, smp, uefi):
    """The core's end stops all CPUs and names its place; the next boot knows of it and shows the whole log."""
    host = boot(cpu=cpu, smp=smp, uefi=uefi, reboot=True, debian=False)
    host.shell(120)
    assert 'no log of an earlier run is in memory' in host.command('dmesg --last')
    host.command('create -q grub')
    host.line('crash grub')
    host.expect(r'domain 1 \(grub\) destroyed')
    host.shell()
    host.line('debug-keys C')
    host.expect('The machine is reset in 5 s')
    report = host.serial.before
    reason = r'asked for from user level \(kernel/syscall.c:\d+\)'
    check_panic(report, reason, 'sys_hardware_control')
    assert re.search(r'called from 0x[0-9a-f]+ syscall_entry', report)
    assert len(re.findall(r'CPU \d was in (user level|the core)', report)) == smp - 1, report
    assert 'does not answer' not in report
    if cpu != 'amd' and smp > 1:
        return  # Behind a reset of several CPUs Bochs' clock stands still, and its firmware waits for the keyboard.
    host.shell(120)
    assert re.search(f'the last run ended in a panic: {reason}; see dmesg --last', host.command('dmesg'))
    last = host.command('dmesg --last')
    assert 'The last run ended in a panic.' in last
    check_panic(last, reason, 'sys_hardware_control')
    assert 'the VMM of domain grub has ended: page fault' in last
    host.poweroff()


@pytest.mark.qemu
def test_stays_after_panic(boot, tmp_path):
    """With the core's option noreboot a machine keeps its last words on the screen."""
    host = boot(arguments='noreboot', reboot=True, debian=False, monitor=tmp_path / 'monitor')
    host.shell()
    host.line('debug-keys C')
    host.expect('The core has stopped[^\n]*\n')
    time.sleep(1)
    assert 'HLT=1' in host.monitor('info registers')
    host.monitor('system_reset')
    host.shell()
    assert 'The last run ended in a panic.' in host.command('dmesg --last')


@pytest.mark.qemu
@pytest.mark.parametrize('smp', [1, 4])
def test_last_log(boot, smp, tmp_path):
    """A run that was stopped, and one that was cut off, are told apart, and each log is of the run before."""
    host = boot(smp=smp, reboot=True, debian=False, monitor=tmp_path / 'monitor')
    host.shell()
    host.line('crash domain')
    host.expect('domain is started again')
    host.shell()
    host.line('restart')
    host.expect(r'\[init\] restart')
    host.shell()
    assert 'the last run was stopped in good order; see dmesg --last' in host.command('dmesg')
    last = host.command('dmesg --last')
    assert 'domain has ended: page fault' in last
    assert check_places(last)
    host.monitor('system_reset')
    host.shell()
    last = host.command('dmesg --last')
    assert 'The last run was cut off' in last
    assert 'the last run was stopped in good order' in last
    assert 'has ended' not in last
    assert 'Z is no debug key' in host.command('debug-keys Z').replace("'", '')
    assert 'end the core with a panic' in host.command('debug-keys h')
    host.line('debug-keys R')
    host.shell()
    assert 'The last run was stopped in good order' in host.command('dmesg --last')
    host.poweroff()


# MCi_STATUS: valid, not corrected, enabled, address and its kind valid, state corrupt; the code of a read from memory
VALID, UC, EN, MISC, ADDR, PCC, READ = (1 << 63, 1 << 61, 1 << 60, 1 << 59, 1 << 58, 1 << 57, 0x9f)
RIPV, EIPV, MCIP = 1, 2, 4  # MCG_STATUS
PHYSICAL = 0x8c  # MCi_MISC: a physical address


def machine_check(host, cpu, bank, status, global_status, address):
    printed = host.monitor(f'mce {cpu} {bank} {status:#x} {global_status:#x} {address:#x} {PHYSICAL:#x}')
    assert 'rror' not in printed, printed


def wait_until_idle(host):
    """Wait until every CPU of HOST halts: after its answer, a server may still run, which has no stack of the core."""
    end = time.monotonic() + 60 * host.patience
    while 'HLT=0' in host.monitor('info registers -a'):
        assert time.monotonic() < end, 'a CPU never halts'


def find_in_memory(host, path, megabytes, pattern):
    """Where PATTERN is in the machine's memory."""
    host.monitor(f'pmemsave 0 {megabytes << 20} "{path}"')
    with open(path, 'rb') as f, mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ) as memory:
        at = memory.find(pattern)
    path.unlink()
    assert at >= 0
    return at


@pytest.mark.qemu
@pytest.mark.parametrize('smp', [1, 4])
def test_machine_check(boot, smp, tmp_path):
    """Corrected errors are logged; one in a domain's memory ends the domain; one that may be anywhere, the machine."""
    host = boot(smp=smp, memory=512, reboot=True, debian=False, monitor=tmp_path / 'monitor')
    host.shell()
    machine_check(host, 0, 1, VALID | MISC | ADDR | READ, 0, 0x123000)
    for command in ('create -q grub memory=64', "wait grub screen 'GNU GRUB' 60", 'type grub c',
                    "wait grub screen 'grub>' 20", "type grub 'set a=qvx<enter>'",
                    "type grub 'set b=$a$a$a$a$a$a<enter>'", "type grub 'echo done${a}<enter>'",
                    "wait grub screen doneqvx 20", 'pause grub'):
        assert 'grub:' not in host.command(command, 90)
    # The value of b, which only the guest's memory has in one piece.
    bad = find_in_memory(host, tmp_path / 'memory', 512, b'qvxqvxqvxqvxqvxqvx')
    machine_check(host, 0, 2, VALID | UC | EN | MISC | ADDR | READ, RIPV | MCIP, bad)
    host.expect(rf'the VMM of domain grub has ended: machine check \(vector 18, error code 0, address {bad:#x}\)')
    host.shell()
    if smp == 4:
        machine_check(host, 0, 1, VALID | MISC | ADDR | READ, 0, 0x456000)
        host.command('sleep 11', 40)  # banks are looked at every 10 s
        assert 'corrected: CPU 0 bank 1 status 0x8c0000000000009f address 0x456000' in host.command('dmesg')
    log = host.command('dmesg')
    assert 'machine check, corrected: CPU 0 bank 1 status 0x8c0000000000009f address 0x123000' in log
    assert re.search(rf"machine check, a domain's memory: CPU 0 bank 2 status 0x[0-9a-f]+ address {bad:#x}", log)
    host.command('create -q grub memory=64')
    host.command('pause grub')
    wait_until_idle(host)
    machine_check(host, smp - 1, 3, VALID | UC | EN | MISC | ADDR | PCC | READ, RIPV | EIPV | MCIP, bad)
    host.expect('The machine is reset')
    report = host.serial.before
    reason = rf'machine check: bank 3 status 0xbe0000000000009f address {bad:#x}'
    assert re.search(rf'PANIC on CPU {smp - 1}: {reason}', report), report
    assert 'scheduler_dispatch' in check_places(report.split('PANIC')[1])
    assert 'does not answer' not in report
    host.shell()
    log = host.command('dmesg')
    assert f'the last run ended in a panic: {reason}' in log
    assert f'left from before this boot: CPU {smp - 1} bank 3 status 0xbe0000000000009f' in log
    assert reason in host.command('dmesg --last')
    host.poweroff()


class Debugger:
    """QEMU's gdb server at the socket PATH, which HOST's monitor starts. From then on the machine stands still."""

    def __init__(self, host, path):
        host.monitor(f'gdbserver unix:{path},server=on,wait=off')
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.settimeout(60)
        self.connection.connect(str(path))
        self.answer()  # that it has stopped

    def answer(self):
        packet = b''
        while not re.search(rb'#..$', packet):
            packet += self.connection.recv(4096)
        self.connection.sendall(b'+')
        return re.search(rb'\$([^#]*)#', packet).group(1).decode()

    def ask(self, text):
        self.connection.sendall(f'${text}#{sum(text.encode()) % 256:02x}'.encode())
        return self.answer()

    def set_register(self, number, value):
        """Numbers are gdb's: 7 is RSP, 16 is RIP."""
        registers = self.ask('g')
        text = value.to_bytes(8, 'little').hex()
        assert self.ask('G' + registers[:16 * number] + text + registers[16 * number + 16:]) == 'OK'

    def go(self):
        assert self.ask('D') == 'OK'
        self.connection.close()


@pytest.mark.qemu
@pytest.mark.parametrize('register,value,reason', [
    (16, 0xffffffff90000000, 'exception 14 in the core, error code 0x10, address 0xffffffff90000000'),
    (7, 0xffffffff90000000, 'exception 8 in the core')], ids=['jump', 'stack'])
def test_exception_in_core(boot, tmp_path, register, value, reason):
    """A jump to nowhere, and a stack that is gone: the second is a double fault, which has a stack of its own."""
    host = boot(memory=512, debian=False, monitor=tmp_path / 'monitor')
    host.shell()
    host.monitor('nmi')
    host.command('sleep 1')
    assert 'NMI on CPU 0: no source known, ignored' in host.command('dmesg')
    debugger = Debugger(host, tmp_path / 'gdb')
    debugger.set_register(register, value)
    debugger.go()
    host.send('\r')  # what wakes the idle CPU
    host.expect('The machine is reset')
    report = host.serial.before
    assert f'PANIC on CPU 0: {reason}' in report, report
    assert 'syscall_handle' in check_places(report)
    assert re.search(r'RIP 0xffffffff[0-9a-f]+ CS 0x8', report)
    assert 'a fault within the report' not in report
