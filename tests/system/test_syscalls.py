"""A protection domain without capabilities: whatever system calls it makes, all it gets is errors."""
import pytest

import build

MANIFEST = '''server syscall_fuzz
    file servers/syscall_fuzz
    priority 100
    cpu {cpu}
    heap 1
    channel log
'''
CALLS = 1000000


@pytest.mark.parametrize('smp', [1, 4])
def test_random_calls_fail(boot, smp):
    host = boot(smp=smp, texts={'etc/manifest': MANIFEST.format(cpu=smp - 1)},
                files={'servers/syscall_fuzz': build.BUILD / 'dom0/syscall_fuzz/syscall_fuzz'})
    host.expect(r'syscall_fuzz has ended: ([^\r\n]*)[\r\n]', 120)
    assert host.serial.match.group(1).startswith('invalid instruction')
    host.expect(r'at 0x[0-9a-f]+ (\w+)\+0x[0-9a-f]+', 10)
    assert host.serial.match.group(1) == 'every_call_failed'
    host.expect(r'RAX ([0-9a-f]+) ', 10)
    assert int(host.serial.match.group(1), 16) == CALLS
