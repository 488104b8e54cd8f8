"""Instructions from guest to guest that one exit of each kind costs, beside KVM's on the same emulated machine."""
import re

# name: goal, what KVM with QEMU as its VMM takes
PEERS = {'cpuid': (1000, 3554), 'in': (1200, 6154), 'in_pm_timer': (None, 6338), 'mmio': (2500, 8326),
         'self_ipi': (4000, 10322), 'self_ipi_xapic': (None, None), 'self_ipi_hlt': (None, 14938),
         'hlt_timer': (8000, 14938)}
CONFIG = ('name = "bench"\nbuilder = "hvm"\nmemory = 64\nserial = "pty"\nboot = "d"\n'
          'disk = ["file:bench.iso,hdc:cdrom,r"]\n')
# What cannot be right: fewer instructions than saving the registers takes, or a hundred times the worst peer.
LEAST, MOST = 50, 1_000_000


def test_exits(boot, guest_files, figure):
    """A guest of our own measures each kind with its TSC; with icount a tick is an instruction."""
    image = guest_files.parent / 'tests/guests/bench.iso'
    host = boot(isos=[image], texts={'etc/domains/bench': CONFIG}, icount=True)
    host.shell(120)
    host.command('create -q bench', 120)
    host.line('console bench')
    host.expect('bench done', 300)
    seen = {name: int(ticks) for name, ticks in re.findall(r'bench (\w+) (\d+) \d+', host.serial.before)}
    assert seen.pop('nothing') < LEAST, 'a measurement without an exit'
    for name, value in seen.items():
        goal, peer = PEERS.get(name, (None, None))
        figure(f'exit_{name}', value, 'instructions', goal, peer)
    assert set(PEERS) <= set(seen), seen
    absurd = {name: value for name, value in seen.items() if not LEAST <= value <= MOST}
    assert not absurd, absurd
