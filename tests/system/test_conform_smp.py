"""The conformance guest for four CPUs in a domain, on both vendors, and on the bare emulators."""
import re

import pytest
from pexpect.popen_spawn import PopenSpawn
from test_conform import TABLE, results

import build
import conftest
import machine

IMAGE = build.BUILD / 'tests/guests/conform_smp.iso'
CONFIG = ('name = "conform_smp"\nbuilder = "hvm"\nmemory = 128\nvcpus = 4\nserial = "pty"\nboot = "d"\n'
          'disk = ["file:conform_smp.iso,hdc:cdrom,r"]\n')
MACHINES = ['amd', 'intel', 'intel-haswell']  # each has two columns of the table: bare, domain


def documented():
    """{check: [outcomes in the order of MACHINES, bare and domain of each]}, of the table of six columns."""
    rows = re.findall(r'^\| `([\w-]+)` \|[^|]+\|((?: (?:yes|\*\*no\*\*|-) \|){6})$', TABLE.read_text(), re.M)
    table = {name: [cell.strip() for cell in cells.split('|')[:-1]] for name, cells in rows}
    assert len(rows) == len(table) > 30
    return table


def column(cpu, domain):
    number = 2 * MACHINES.index(cpu) + domain
    return {name: cells[number] for name, cells in documented().items() if cells[number] != '-'}


@pytest.mark.parametrize('cpu', MACHINES)
def test_four_cpus_of_the_bare_machine(cpu):
    guest = PopenSpawn(machine.command_line(IMAGE, cpu, memory=256, smp=4), encoding='utf-8', codec_errors='replace')
    try:
        guest.expect('conform done', timeout=60 * conftest.PATIENCE)
    finally:
        guest.proc.terminate()
        guest.proc.wait()
    assert results(guest.before) == column(cpu, domain=False), guest.before


@pytest.mark.parametrize('cpu, smp', [('amd', 1), ('amd', 4), ('intel', 1),
                                      pytest.param('intel', 2, marks=pytest.mark.long),
                                      pytest.param('intel-haswell', 1, marks=pytest.mark.long)])
def test_four_vcpus(boot, cpu, smp):
    host = boot(cpu=cpu, smp=smp, debian=False, isos=[IMAGE], texts={'etc/domains/conform_smp': CONFIG})
    host.shell(120)
    host.command('create -q conform_smp', 60)
    host.line('console conform_smp')
    host.expect('conform done|console: domain', 120)
    assert results(host.serial.before) == column(cpu, domain=True), host.serial.before


def test_four_cpus_of_the_table():
    """A domain does right whatever the processor beneath does right."""
    for name, cells in documented().items():
        for bare, domain in zip(cells[::2], cells[1::2]):
            assert bare != 'yes' or domain == 'yes', name
