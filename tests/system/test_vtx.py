"""What only the machine with VT-x shows, Bochs: many vCPUs on one CPU, and one on many."""
import pytest
from test_scheduling import times


@pytest.mark.parametrize('smp', [1, 2])
def test_interrupts_off_does_not_keep_the_cpu(boot, guest_files, smp):
    """Virtual CPUs that run without end and without interrupts share a CPU with each other and with the shell."""
    host = boot(cpu='intel', smp=smp, isos=[guest_files.parent / 'tests/guests/spin.iso'])
    host.shell()
    host.command('create -q spin name=one vcpus=2 memory=64')
    host.command('create -q spin name=two vcpus=1 memory=64')
    host.command("wait one console 'spinning' 30")
    host.command("wait two console 'spinning' 30")
    before = times(host.command('list'))
    host.command('sleep 1')
    after = times(host.command('list'))
    assert all(after[name] > before[name] + 0.2 for name in ('one', 'two')), (before, after)
    host.command('destroy one')
    host.command('destroy two')
    host.poweroff()
