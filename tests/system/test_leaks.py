"""What one domain leaves in the registers of a CPU, another one on the same CPU does not find."""
import pytest

import build

CONFIG = """name = "{name}"
builder = "hvm"
memory = 32
serial = "pty"
boot = "d"
disk = ["file:leak.iso,hdc:cdrom,r"]
"""
# All that QEMU's TCG has, bounds and PKRU among it: hidden from domains, which have them where XSETBV does not exit.
ALL = 'max,+svm'


@pytest.mark.parametrize('cpu, options, xcr0', [
    ('amd', {'model': ALL}, '21f'), ('intel', {}, 'e7')])
def test_registers_of_another_domain(boot, cpu, options, xcr0):
    host = boot(cpu=cpu, debian=False, files={'images/leak.iso': build.BUILD / 'tests/guests/leak.iso'},
                texts={f'etc/domains/{name}': CONFIG.format(name=name) for name in ('writer', 'reader')}, **options)
    host.shell()
    for name in ('writer', 'reader'):
        host.command(f'create -q {name}')
    for name in ('writer', 'reader'):
        host.command(f"wait {name} console 'leak XCR0 {xcr0}' 20", 30)
    host.command('type -c writer w')
    host.command("wait writer console 'leak writes' 20", 30)
    host.command('type -c reader r')
    host.line('console reader')
    assert host.expect('leak (none|BAD [^\\r\\n]*)[\\r\\n]', 30).group(1) == 'none'
