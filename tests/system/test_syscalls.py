"""Random system calls: of a protection domain without capabilities, which get only errors, and of domains that hold
capabilities of every kind, which harm nobody but themselves."""
import os
import re
import time

import pytest
from accounts import COPIER, exact
from conftest import CPU, MACHINES

import build

MANIFEST = '''server {name}
    file servers/fuzz
    priority 100
    cpu {cpu}
    heap {heap}
    channel log
'''
CALLS = 1000000
# Hexadecimal; BULKHEAD_SEED=... runs the test with another one, as one that a log names.
SEED = os.environ.get('BULKHEAD_SEED', '1000')
# States that a processor refuses, and these do not (dom0/syscall_fuzz/entry_checks.c).
UNCHECKED = {
    'amd': {'PAT type 2', 'PAT type 8'},
    'intel': {'EFER.LMA without CR0.PG', 'CS below SS.DPL', 'RIP 63:48'},
}
# What needs no hardware: all but SYS_HARDWARE_CONTROL and SYS_ASSIGN_INTERRUPT of kernel/abi.h.
SYSTEM_CALLS = 16


@pytest.mark.parametrize('cpu, smp', MACHINES)
def test_random_calls_fail(boot, cpu, smp):
    manifest = MANIFEST.format(name='syscall_fuzz', cpu=smp - 1, heap=1)
    host = boot(cpu=cpu, smp=smp, debian=False, texts={'etc/manifest': manifest},
                files={'servers/fuzz': build.BUILD / 'dom0/syscall_fuzz/syscall_fuzz'})
    host.expect(r'syscall_fuzz has ended: ([^\r\n]*)[\r\n]', 120)
    assert host.serial.match.group(1).startswith('invalid instruction')
    host.expect(r'at 0x[0-9a-f]+ (\w+)\+0x[0-9a-f]+', 10)
    assert host.serial.match.group(1) == 'every_call_failed'
    host.expect(r'RAX ([0-9a-f]+) ', 10)
    assert int(host.serial.match.group(1), 16) == CALLS


@pytest.mark.parametrize('cpu, smp', [pytest.param('amd', 1, marks=pytest.mark.long), ('amd', 4), ('intel', 1)])
def test_bad_states(boot, cpu, smp):
    """dom0/syscall_fuzz/bad_state.c: what a VMM writes for its vCPU, DR6 and XCR0 among it, harms nobody else; and
    each check that the processor makes at entry is made, but for what the emulators leave out."""
    manifest = (build.ROOT / 'dom0/init/manifest').read_text() + MANIFEST.format(name='bad_state', cpu=smp - 1, heap=1)
    host = boot(cpu=cpu, smp=smp, debian=False, texts={'etc/manifest': manifest},
                files={'servers/fuzz': build.BUILD / 'dom0/syscall_fuzz/bad_state'})
    # An #AC in the delivery of a software interrupt of the VMM's; QEMU has no #AC.
    host.expect(r'software interrupt: ([^\r\n]*)[\r\n]|BAD: [^\r\n]*[\r\n]|PANIC', 60)
    assert host.serial.match.group(1).startswith('delivered' if cpu == 'amd' else "#AC is the VMM's")
    host.expect(r'bad states: (\d+) runs, (\d+) refused|BAD: [^\r\n]*[\r\n]|PANIC', 60)
    assert int(host.serial.match.group(1) or 0) > 1000 and int(host.serial.match.group(2)) > 20
    entered = re.findall(r'entered, reason \d+: ([^\r\n]*);', host.serial.before)
    assert set(entered) == UNCHECKED[cpu]
    made = int(re.search(r'entry checks: (\d+) of \d+ made', host.serial.before).group(1))
    assert made > (10 if cpu == 'amd' else 60)


def test_entry_checks_are_documented():
    """Each state that one check refuses stands at its check in docs/entry-checks.md, and none is named that is not."""
    source = (build.ROOT / 'dom0/syscall_fuzz/entry_checks.c').read_text()
    names = re.findall(r'^ +\{"([^"]+)",', source, re.M)
    rows = [line.rsplit('|', 2)[1] for line in (build.ROOT / 'docs/entry-checks.md').read_text().split('\n')
            if line.startswith('|')]
    documented = {name for row in rows for name in re.findall(r'`([^`]+)`', row)}
    assert len(names) > 60 and set(names) <= documented
    assert {name for name in documented if ' ' in name} <= set(names)


def start_copier(host):
    host.command('create -q copier')
    host.command("wait copier console 'copier round 32' 60", 70)


def restart(host, server):
    host.line(f'crash {server}')
    host.expect(rf'{server} is started again')
    host.line('')
    host.shell()


@pytest.mark.parametrize('cpu, smp, calls', [
    (CPU, 1, 200000), (CPU, 4, 30000), ('intel', 1, 20000), pytest.param(CPU, 1, CALLS, marks=pytest.mark.long),
    pytest.param(CPU, 4, CALLS, marks=pytest.mark.long)])
def test_random_calls_on_capabilities(boot, cpu, smp, calls):
    """dom0/syscall_fuzz/capabilities.c; beside it a guest copies data and checks them."""
    server = f'fuzz-{SEED}-{calls}'
    manifest = (build.ROOT / 'dom0/init/manifest').read_text() + MANIFEST.format(name=server, cpu=smp - 1, heap=4)
    host = boot(cpu=cpu, smp=smp, debian=False, texts={'etc/manifest': manifest, 'etc/domains/copier': COPIER},
                files={'servers/fuzz': build.BUILD / 'dom0/syscall_fuzz/capability_fuzz',
                       'images/copier.iso': build.BUILD / 'tests/guests/copier.iso'})
    host.shell()
    start_copier(host)
    host.command('destroy copier')
    # dom0's servers keep the page tables of the first domain's windows for the next.
    before = exact(host.command('info --json'))
    start_copier(host)
    restart(host, server)
    host.expect(r'(\d+) random system calls by (\d+) domains: [^\r\n]*[\r\n]', 60 + calls / 2000)
    assert int(host.serial.match.group(1)) >= calls
    log = host.command(f'log {server}')
    succeeded = {int(call): int(times) for call, times in re.findall(r'system call (\d+) succeeded (\d+) times', log)}
    assert [call for call in range(SYSTEM_CALLS) if not succeeded[call]] == []
    host.command('type -c copier z')
    host.command("wait copier console 'echo z round' 30", 40)
    host.command('destroy copier')
    restart(host, server)
    end = time.monotonic() + 10 * host.patience
    while (after := exact(host.command('info --json'))) != before and time.monotonic() < end:
        time.sleep(0.2)  # until the server, on another CPU, has made what it had before
    assert after == before
