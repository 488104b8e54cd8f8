"""What a guest is given when events meet: nothing is lost, nothing comes where the hardware would hold it back."""
import pytest
from conftest import MACHINES

CONFIG = ('name = "nmi"\nbuilder = "hvm"\nmemory = 64\nserial = "pty"\nboot = "d"\n'
          'disk = ["file:nmi.iso,hdc:cdrom,r"]\n')


@pytest.mark.parametrize('cpu, smp', MACHINES)
def test_nmi_waits_for_iret(boot, guest_files, cpu, smp):
    """An NMI that comes while another is handled is delivered after that one's IRET, and is delivered."""
    host = boot(cpu=cpu, smp=smp, debian=False, isos=[guest_files.parent / 'tests/guests/nmi.iso'],
                texts={'etc/domains/nmi': CONFIG})
    host.shell(60)
    host.command('create -q nmi')
    host.line('console nmi')
    host.expect('3 NMIs', 20)
