"""The conformance guest for four CPUs in a domain, on both vendors, and on the bare emulators."""
import build
import pytest
from test_conform import MACHINES, column, printed_by_bare_machine, results

IMAGE = build.BUILD / 'tests/guests/conform_smp.iso'
CONFIG = ('name = "conform_smp"\nbuilder = "hvm"\nmemory = 128\nvcpus = 4\nserial = "pty"\nboot = "d"\n'
          'disk = ["file:conform_smp.iso,hdc:cdrom,r"]\n')


@pytest.mark.parametrize('cpu', MACHINES[:-1])
def test_four_cpus_of_the_bare_machine(cpu):
    printed = printed_by_bare_machine(IMAGE, cpu, smp=4)
    assert results(printed) == column(cpu, domain=False, four=True), printed


@pytest.mark.parametrize('cpu, smp', [('amd', 1), ('amd', 4), ('intel', 1),
                                      pytest.param('intel', 2, marks=pytest.mark.long),
                                      pytest.param('intel', 4, marks=pytest.mark.long),
                                      pytest.param('intel-haswell', 1, marks=pytest.mark.long)])
def test_four_vcpus(boot, cpu, smp):
    host = boot(cpu=cpu, smp=smp, debian=False, isos=[IMAGE], texts={'etc/domains/conform_smp': CONFIG})
    host.shell(120)
    host.command('create -q conform_smp', 60)
    host.line('console conform_smp')
    host.expect('conform done|console: domain', 120)
    assert results(host.serial.before) == column(cpu, domain=True, four=True), host.serial.before
