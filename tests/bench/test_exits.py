"""Instructions from guest to guest that one exit of each kind costs, beside KVM's on the same emulated machine."""
import re

from pexpect.popen_spawn import PopenSpawn

import machine
from bochs_trace import trace
from conftest import PATIENCE
from costs import counted, plugin

# name: goal, what KVM with QEMU as its VMM takes
PEERS = {'cpuid': (1000, 3554), 'in': (1200, 6154), 'in_pm_timer': (None, 6338), 'mmio': (2500, 8326),
         'self_ipi': (4000, 10322), 'self_ipi_xapic': (None, None), 'tpr_xapic': (None, None),
         'self_ipi_register': (None, None), 'tpr': (None, None), 'self_ipi_hlt': (None, 14938),
         'hlt_timer': (8000, 14938)}
# Where the processor virtualizes the APIC, no exits: nothing but the guest's own instructions, its handler's with them.
NO_EXITS_VTX, GUEST_ALONE = ['self_ipi_xapic', 'tpr_xapic', 'self_ipi_register', 'tpr'], 60
# What the host executes for one of each, beside instructions: no more than this (costs.c names them). Two of VMLOAD
# and one of VMSAVE an exit, as the way to the VMM needs the host's own TR and system-call registers; the core's lock is
# taken twice, the VMM's taken and given back. docs/costs.md says more.
LIMITS = {
    'cpuid': {'vmrun': 1, 'syscall': 1, 'locked': 4, 'vmload': 2, 'vmsave': 1},
    'in': {'vmrun': 1, 'syscall': 1, 'locked': 4, 'vmload': 2, 'vmsave': 1},
    'mmio': {'vmrun': 1, 'syscall': 1, 'locked': 4, 'vmload': 2, 'vmsave': 1},
    'self_ipi': {'vmrun': 3, 'syscall': 2, 'locked': 13, 'vmload': 6, 'vmsave': 3},
    'hlt_timer': {'vmrun': 3, 'syscall': 4, 'locked': 21, 'vmload': 6, 'vmsave': 3, 'apic_write': 4},
}
SECTIONS = ['nothing', 'cpuid', 'in', 'in_pm_timer', 'mmio', 'self_ipi_xapic', 'tpr_xapic', 'self_ipi',
            'self_ipi_register', 'tpr', 'self_ipi_hlt', 'hlt_timer']
# VT-x: of each of its entries no more of these; an MMIO access wants all segments. docs/costs.md says which fields.
VMCS_LIMITS = {'cpuid': {'vmread': 7, 'vmwrite': 1, 'invept': 0}, 'in': {'vmread': 8, 'vmwrite': 1, 'invept': 0},
               'mmio': {'vmread': 45, 'vmwrite': 1, 'invept': 0},
               'self_ipi': {'vmread': 8, 'vmwrite': 2, 'invept': 0}}
# The host's own timer comes in between, once in some thousand rounds.
NOISE = 0.05
CONFIG = ('name = "bench"\nbuilder = "hvm"\nmemory = 64\nserial = "pty"\nboot = "d"\n'
          'disk = ["file:bench.iso,hdc:cdrom,r"]\n')
LEAVE = '\x1d'  # Ctrl-]
# What cannot be right: fewer instructions than saving the registers takes, or a hundred times the worst peer.
LEAST, MOST = 50, 1_000_000


def measured(printed):
    """{NAME: (ticks, rounds)} in the order of measurement, as costs.c numbers its sections."""
    return {name: (int(ticks), int(rounds))
            for name, ticks, rounds in re.findall(r'bench (\w+) (\d+) (\d+)', printed)}


def run_bench(host):
    """The guest's figures, from its console."""
    host.shell(120)
    host.command('create -q bench', 120)
    host.line('console bench')
    host.expect('bench done', 300)
    seen = measured(host.serial.before)
    assert 'bench apic x2apic' in host.serial.before
    return seen


def test_exits(boot, guest_files, figure, tmp_path):
    """A guest of our own measures each kind with its TSC; with icount a tick is an instruction."""
    image, counts = guest_files.parent / 'tests/guests/bench.iso', tmp_path / 'costs.json'
    host = boot(isos=[image], texts={'etc/domains/bench': CONFIG}, icount=True, plugin=plugin(counts))
    seen = run_bench(host)
    assert seen['nothing'][0] < LEAST, 'a measurement without an exit'
    for name, (goal, peer) in PEERS.items():
        figure(f'exit_{name}', seen[name][0], 'instructions', goal, peer)
    absurd = {name: ticks for name, (ticks, _) in seen.items() if name != 'nothing' and not LEAST <= ticks <= MOST}
    assert not absurd, absurd
    host.send(LEAVE)
    host.shell()
    host.poweroff()
    for (name, (_, rounds)), section in zip(seen.items(), counted(counts)[1:]):
        for kind, times in section.items() if name in LIMITS else ():
            limit = LIMITS[name].get(kind, 0) + NOISE
            figure(f'exit_{name} costs {kind}', round(times / rounds, 3), 'each', limit=limit)


def test_exits_vtx(boot, guest_files, figure):
    """The same guest on the machine with VT-x, whose TSC counts instructions, too."""
    host = boot(cpu='intel', isos=[guest_files.parent / 'tests/guests/bench.iso'], texts={'etc/domains/bench': CONFIG})
    seen = run_bench(host)
    for name, (goal, _) in PEERS.items():
        figure(f'exit_{name}_vtx', seen[name][0], 'instructions', GUEST_ALONE if name in NO_EXITS_VTX else goal)
    assert all(LEAST <= ticks <= MOST for name, (ticks, _) in seen.items()
               if name not in NO_EXITS_VTX and name != 'nothing'), seen
    assert all(seen[name][0] < GUEST_ALONE for name in NO_EXITS_VTX), seen


def test_vmcs_accesses(guest_files, figure, tmp_path):
    """VMREAD, VMWRITE and INVEPT of the host for one entry of the guest, counted in a trace of instructions."""
    guests = guest_files.parent / 'tests/guests'
    image = machine.make_image(tmp_path / 'bulkhead.iso', [guests / 'bench.iso'], (), texts={
        'etc/domains/bench': CONFIG, 'etc/commands': "create -q bench\nwait bench console 'bench done' 100\n"})
    sections = trace(image, guests / 'bench.elf', len(SECTIONS), tmp_path, 120 * PATIENCE)
    assert len(sections) == len(SECTIONS)
    for name, section in zip(SECTIONS, sections):
        for kind, limit in VMCS_LIMITS.get(name, {}).items():
            each = section[kind] / section['vmresume']
            figure(f'exit_{name}_vtx costs {kind}', round(each, 2), 'an entry', limit=limit + 0.5)


def test_the_guest_runs_anywhere(guest_files):
    """The same image on plain QEMU, as under any hypervisor: there CPUID is no exit, and the figures are QEMU's."""
    command = machine.qemu(guest_files.parent / 'tests/guests/bench.iso', memory=64, icount=True)
    guest = PopenSpawn(command, encoding='utf-8', codec_errors='replace')
    guest.expect('bench done', timeout=300)
    guest.proc.kill()
    seen = measured(guest.before)
    assert seen['cpuid'][0] < LEAST
    assert set(seen) - {'in_pm_timer', 'mmio'} == set(PEERS) - {'in_pm_timer', 'mmio'} | {'nothing'}
