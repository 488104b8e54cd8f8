"""The conformance guest in a domain, on both vendors, and on the bare emulators, which check what it expects."""
import re

import pytest
from pexpect.popen_spawn import PopenSpawn

import build
import conftest
import machine

GUESTS = build.BUILD / 'tests/guests'
IMAGE, TRIPLE = GUESTS / 'conform.iso', GUESTS / 'triple.iso'
TABLE = build.ROOT / 'docs/conformance.md'
CONFIG = ('name = "{0}"\nbuilder = "hvm"\nmemory = 128\nserial = "pty"\nboot = "d"\n'
          'disk = ["file:{0}.iso,hdc:cdrom,r"]\n')
MACHINES = ['amd', 'intel', 'intel-haswell', 'amd-ryzen']  # each has two columns: bare, domain
NAMES = ['QEMU', 'skylake', 'haswell', 'ryzen']  # in the table


def documented(four=False):
    """{check: [outcomes in the order of MACHINES, bare and domain of each]}, of the guest for one CPU or for four,
    without the last."""
    text = TABLE.read_text().split('## Four CPUs')[four]
    count = 2 * len(MACHINES[:-1] if four else MACHINES)
    cells = rf'(?: (?:yes|\*\*no\*\*|-) \|){{{count}}}'
    rows = re.findall(rf'^\| `([\w-]+)` \|[^|]+\|({cells})$', text, re.M)
    table = {name: [cell.strip() for cell in cells.split('|')[:-1]] for name, cells in rows}
    assert len(rows) == len(table) > 30
    return table


def column(cpu, domain, four=False):
    number = 2 * MACHINES.index(cpu) + domain
    return {name: cells[number] for name, cells in documented(four).items() if cells[number] != '-'}


def results(printed):
    words = {'PASS': 'yes', 'FAIL': '**no**'}
    return {name: words[word] for name, word in re.findall(r'conform ([\w-]+) (PASS|FAIL)', printed)}


def printed_by_bare_machine(image, cpu, smp=1, reboot=False):
    guest = PopenSpawn(machine.command_line(image, cpu, memory=256, smp=smp, reboot=reboot), encoding='utf-8',
                       codec_errors='replace')
    try:
        guest.expect('conform done', timeout=60 * conftest.PATIENCE)
    finally:
        guest.proc.terminate()
        guest.proc.wait()
    return guest.before


@pytest.mark.parametrize('cpu', MACHINES)
def test_conformance_of_the_bare_machine(cpu):
    """What the checks expect is what an emulator without us does, but for what the table says it gets wrong."""
    printed = printed_by_bare_machine(IMAGE, cpu) + printed_by_bare_machine(TRIPLE, cpu, reboot=True)
    assert results(printed) == column(cpu, domain=False), printed


def printed_in_domain(host, name):
    host.line(f'create -q {name}')
    host.line(f'console {name}')  # typed ahead: a console shows the last 2 KiB of what came before it
    host.expect('conform done|console: domain', 120)
    printed = host.serial.before
    host.send('\x1d')
    host.shell()
    host.command(f'destroy {name}')
    return printed


def check_delivery(host, virtual):
    """With APIC virtualization nothing is injected but what the 8259 asks for."""
    said = 'VT-x: .*, APIC virtualization' if virtual else 'no APIC virtualization'
    assert re.search(said, host.command('dmesg'))
    seen = dict(re.findall(r'^([\w-]+) +(\d+)\s*$', host.command('counters'), re.M))
    assert ('injected-interrupts' in seen) != virtual, seen
    assert ('exit-apic-write' in seen) == virtual, seen


def check_domain(boot, cpu, smp, expected):
    host = boot(cpu=cpu, smp=smp, debian=False, isos=[IMAGE, TRIPLE],
                texts={f'etc/domains/{name}': CONFIG.format(name) for name in ('conform', 'triple')})
    host.shell(120)
    triple = 'triple-long-mode' in expected
    printed = ''.join(printed_in_domain(host, name) for name in ['conform'] + ['triple'] * triple)
    assert results(printed) == expected, printed
    if cpu.startswith('intel'):
        check_delivery(host, virtual=cpu != 'intel-sandybridge')
    if not triple:
        return
    # A triple fault is a reboot, whatever on_crash says.
    host.command('create -q triple on_reboot=destroy on_crash=preserve')
    host.command('wait triple state gone 60', 70)
    assert '(triple) rebooted: triple fault' in host.command('log')


@pytest.mark.parametrize('cpu, smp', [('amd', 1), ('amd', 4), ('intel', 1),
                                      ('amd-ryzen', 1), pytest.param('intel', 4, marks=pytest.mark.long),
                                      pytest.param('intel-haswell', 1, marks=pytest.mark.long)])
def test_conformance(boot, cpu, smp):
    check_domain(boot, cpu, smp, column(cpu, domain=True))


def test_conformance_without_virtual_interrupt_delivery(boot):
    """VT-x of Sandy Bridge injects interrupts by software: all as on Haswell, which has RDRAND besides."""
    expected = column('intel-haswell', domain=True)
    del expected['rdrand']
    check_domain(boot, 'intel-sandybridge', 1, expected)


@pytest.mark.parametrize('four', [False, True])
def test_conformance_of_the_table(four):
    """A domain does right whatever the processor beneath does right, unless its virtualization is known to be wrong."""
    known = re.findall(r'^\| (`.+) \| domain on (.+?) \|', TABLE.read_text(), re.M)
    for name, cells in documented(four).items():
        for machine_name, bare, domain in zip(NAMES, cells[::2], cells[1::2]):
            excused = any(f'`{name}`' in names and machine_name in on for names, on in known)
            assert bare != 'yes' or (domain == 'yes') != excused, (name, machine_name)
