"""What KVM takes for the same guests on the same machine, measured anew: ./scripts/test bench --peers."""
import os
import re

import pexpect
import pytest
from pexpect.popen_spawn import PopenSpawn

import kvm
from conftest import LOGS
from costs import counted, plugin
from test_boot import TO_POWEROFF
from test_exits import LEAST, MOST, measured

pytestmark = pytest.mark.skipif('BULKHEAD_PEERS' not in os.environ, reason='only with --peers')


def run(name, folder, script, guest, **options):
    """What the machine printed until its end."""
    with open(LOGS / f'peer-{name}.log', 'w', encoding='utf-8') as log:
        host = PopenSpawn(kvm.command_line(folder, script, guest, **options), encoding='utf-8', codec_errors='replace')
        host.logfile_read = log
        try:
            host.expect(pexpect.EOF, timeout=1200)
        finally:
            host.proc.kill()
    return host.before


def test_exits(guest_files, figure, tmp_path):
    counts = tmp_path / 'costs.json'
    printed = run('exits', tmp_path, kvm.BENCH, {'guest.iso': guest_files.parent / 'tests/guests/bench.iso'},
                  plugin=plugin(counts))
    seen = measured(printed)
    assert 'bench done' in printed, printed[-2000:]
    for name, (ticks, _) in seen.items():
        if name != 'nothing':
            assert LEAST < ticks < MOST, (name, ticks)
            figure(f'kvm_exit_{name}', ticks, 'instructions')
    for (name, (_, rounds)), section in zip(seen.items(), counted(counts)[1:]):
        for kind, times in section.items() if name != 'nothing' else ():
            figure(f'kvm_exit_{name} costs {kind}', round(times / rounds, 3), 'each')


def test_debian_to_poweroff(guest_files, figure, tmp_path):
    counts = tmp_path / 'costs.json'
    guest = {f'guest.{part}': guest_files / f'debian-cloud.{part}' for part in ('vmlinuz', 'initrd')}
    # The kernel's own last line is the end of what the guest's command line says.
    line = re.search(r"extra='(.*)'", TO_POWEROFF).group(1)
    printed = run('boot', tmp_path, f"guest='{line}'\n{kvm.BOOT}", guest, plugin=plugin(counts))
    took = re.search(r'took (\d+) (\d+)', printed)
    assert took, printed[-2000:]
    figure('kvm_debian_poweroff', int(took.group(2)) - int(took.group(1)), 'instructions')
    section = counted(counts)[0]
    figure('kvm_debian_poweroff_exits', section['vmrun'], 'exits')
    for kind, times in section.items():
        figure(f'kvm_debian_poweroff costs {kind}', round(times / section['vmrun'], 3), 'each')
    assert section['vmrun'] > 1000
