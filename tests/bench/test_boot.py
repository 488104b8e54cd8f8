"""What booting costs, Bulkhead itself and Debian in a domain, and how big things are."""
import json
import shutil
import struct
import subprocess

import pytest

import build
from costs import counted, plugin

MILLION = 1_000_000
PAGE = 4096
MIB = 1 << 20
# The first program of the guest is busybox as `poweroff -f`: the kernel's boot and end and nothing else.
TO_POWEROFF = "extra='console=ttyS0 quiet rdinit=/bin/busybox -- poweroff -f'"
PRIVILEGED = {'kernel': ['kernel'], 'svm': ['svm'], 'vmx': ['vmx'],
              'lib': ['lib/string.c', 'lib/string.h', 'lib/format.c', 'lib/format.h',
                      'lib/kept_log.c', 'lib/kept_log.h', 'lib/lines.c', 'lib/lines.h']}


@pytest.fixture
def icount_shell(boot):
    """The shell of a host whose instructions are counted: a nanosecond, and a tick of the TSC, is one of them."""
    host = boot(icount=True)
    host.shell(120)
    return host


def ask(host, command, seconds=120):
    text = host.command(command, seconds)
    return json.loads('\n'.join(line for line in text.split('\n') if not line.startswith('[d')))


def vcpu(host, domain):
    """Instructions that its vCPU's thread has run, guest, VMM and core together, and its exits."""
    found = ask(host, f'vcpu-list --json {domain}')[0]
    return found['time_ns'], found['exits']


def core_counters(host):
    return {row['counter']: row['count'] for row in ask(host, 'counters --json')}


def test_bulkhead(boot, figure):
    """From the core's entry to the first command, and the memory that is used then."""
    host = boot(icount=True, commands=['uptime --json', 'info --json', 'files --json'])
    host.expect(r'"ms": (\d+)', 120)
    instructions = int(host.serial.match.group(1)) * MILLION
    host.expect(r'"total_memory": (\d+), "free_memory": (\d+)')
    used = (int(host.serial.match.group(1)) - int(host.serial.match.group(2))) * MIB
    archive = (build.BUILD / 'boot.cpio').stat().st_size
    figure('host_boot', instructions, 'instructions', 150 * MILLION)
    figure('host_memory', round((used - archive) / MIB, 1), 'MiB', 48)
    assert MILLION < instructions < 10_000 * MILLION
    assert 1 < (used - archive) / MIB < 1000


# What the host executes for one exit on average, as costs.c counts it; guest_tlb: a guest's translations are dropped.
# A tenth more than measured; what belongs to switches between threads, of which each command that the test types
# causes a dozen, half more. Linux drops global translations by toggling CR4.PGE; on AMD-V its writes to CR4 exit.
LIMITS = {'vmrun': 1, 'wrmsr': 0.05, 'cr3_load': 0.05, 'apic_write': 0.27, 'locked': 4.87, 'vmload': 2, 'vmsave': 1,
          'xsave': 0.05, 'xrstor': 0.05, 'syscall': 1.13, 'move_dr': 0.2, 'guest_tlb': 0.016}


def test_debian_to_poweroff(boot, figure, tmp_path):
    counts = tmp_path / 'costs.json'
    host = boot(icount=True, plugin=plugin(counts))
    host.shell(120)
    host.command(f'create -q debian-direct on_poweroff=preserve {TO_POWEROFF}', 60)
    host.command('wait debian-direct state shutdown 300', 400)
    assert ask(host, 'list --json')[1]['state'] == '---s--'
    instructions, exits = vcpu(host, 'debian-direct')
    counters = core_counters(host)
    in_host = instructions - counters['guest-tsc']
    figure('debian_host_per_exit', round(in_host / exits), 'instructions', 4000, 10100)
    figure('debian_poweroff', instructions, 'instructions', 1600 * MILLION, 1654 * MILLION)
    figure('debian_poweroff_exits', exits, 'exits', None, 24539)
    assert 500 * MILLION < instructions < 20_000 * MILLION
    assert 500 < exits < 500_000
    host.poweroff()
    section = counted(counts)[0] | {'guest_tlb': counters.get('guest-tlb', 0)}
    for kind, times in section.items():
        figure(f'debian_poweroff costs {kind}', round(times / section['vmrun'], 3), 'each', limit=LIMITS.get(kind, 0))


def test_debian_to_shell(icount_shell, figure):
    """With drivers and busybox' shell, and how much an idle guest costs then in ten seconds."""
    host = icount_shell
    host.command('create -q debian-direct', 60)
    answer = host.command("wait debian-direct console '# ' 300", 400)
    assert 'no "' not in answer, answer
    instructions, exits = vcpu(host, 'debian-direct')
    figure('debian_shell', instructions, 'instructions')
    figure('debian_shell_exits', exits, 'exits')
    host.command('sleep 2')
    before, _ = vcpu(host, 'debian-direct')
    host.command('sleep 10')
    after, _ = vcpu(host, 'debian-direct')
    figure('debian_idle', round((after - before) / 10 / MILLION, 2), 'M instructions/s')
    assert 500 * MILLION < instructions < 20_000 * MILLION
    assert after - before < 1000 * MILLION, 'an idle guest uses a tenth of the CPU'


def test_vmm_memory(icount_shell, figure):
    """What a domain takes beside its own memory: its VMM, with the firmware."""
    host = icount_shell
    before = ask(host, 'info --json')['free_pages']
    host.command('create -q -p grub memory=64')
    taken = (before - ask(host, 'info --json')['free_pages']) * PAGE / MIB - 64
    figure('vmm_memory', round(taken, 2), 'MiB', 3)
    assert 0 < taken < 64


def loadable_bytes(path):
    """Bytes that a boot loader reads: the segments of type PT_LOAD (ELF-64, program header table)."""
    data = path.read_bytes()
    offset, = struct.unpack_from('<Q', data, 32)
    size, count = struct.unpack_from('<HH', data, 54)
    headers = [struct.unpack_from('<IIQQQQ', data, offset + size * i) for i in range(count)]
    return sum(file_size for kind, _, _, _, _, file_size in headers if kind == 1)


def test_sizes(figure):
    for name, path, goal in (('core_image', 'kernel/bulkhead.elf', 256), ('vmm_image', 'dom0/vmm/vmm', None),
                             ('manager_image', 'dom0/domain/domain', None),
                             ('console_image', 'dom0/console/console', None)):
        size = loadable_bytes(build.BUILD / path)
        figure(name, round(size / 1024, 1), 'KiB', goal)
        assert size > 4096


def code_lines(paths):
    """Without comments and empty lines."""
    run = subprocess.run(['cloc', '--json', *paths], cwd=build.ROOT, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(run.stdout)['SUM']['code']


@pytest.mark.skipif(not shutil.which('cloc'), reason='cloc is not installed')
def test_privileged_lines(figure):
    lines = {part: code_lines(paths) for part, paths in PRIVILEGED.items()}
    figure('privileged_lines', sum(lines.values()), 'lines', 10000, 14000)  # the peer: NOVA's hypervisor
    for part, count in lines.items():
        figure(f'privileged_lines_{part}', count, 'lines')
        assert count > 50, part
