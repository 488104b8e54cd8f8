"""What a guest is given when events meet: nothing is lost, nothing comes where the hardware would hold it back."""
import pytest
from conftest import MACHINES

CONFIG = ('name = "{}"\ncpus = "0"\nbuilder = "hvm"\nmemory = 64\nserial = "pty"\nboot = "d"\n'
          'disk = ["file:nmi.iso,hdc:cdrom,r"]\n')


@pytest.mark.parametrize('cpu, smp', MACHINES)
def test_nmi_waits_for_iret(boot, guest_files, cpu, smp):
    """An NMI that comes while another is handled is delivered after that one's IRET, and is delivered. The first
    domain then stays in a handler, which blocks NMIs there and not in another domain on the same CPU."""
    domains = ['first', 'second']
    host = boot(cpu=cpu, smp=smp, debian=False, isos=[guest_files.parent / 'tests/guests/nmi.iso'],
                texts={f'etc/domains/{name}': CONFIG.format(name) for name in domains})
    host.shell(60)
    for name in domains:
        host.command(f'create -q {name}')
        assert 'wait:' not in host.command(f"wait {name} console '3 NMIs' 20", 30)
