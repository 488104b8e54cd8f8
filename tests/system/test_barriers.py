"""Means against speculative execution, done on machines whose CPUs say that they need them.

No emulator has such CPUs. So a debugger changes what the core's CPUID instructions give, while it starts; QEMU lets
MSRs be written that it does not have. A plugin counts what the core does then.
"""
import json
import re

import pytest

import build
from debugger import Debugger, places

SIGNATURE, TOPOLOGY, EXTENDED, ADDRESSES, AMD_MORE = 1, 0xb, 0x80000000, 0x80000008, 0x80000021
SIBLINGS = {'ebx': 2}
ZEN = {'ebx': 0x1d007}  # IBPB, IBRS, STIBP, IBRS always on
GENUINE_INTEL = {'ebx': 0x756e6547, 'edx': 0x49656e69, 'ecx': 0x6c65746e}

# Words of CPUID, with | those that are added to; writes of MSRs while the core starts; what `info` says. QEMU's
# microcode is 0x1000065, its registers 0, but EFER.
CPUS = {
    'EPYC-9654': (
        {SIGNATURE: {'eax': 0xa10f11}, TOPOLOGY: SIBLINGS, EXTENDED: {'eax': AMD_MORE}, ADDRESSES: ZEN,
         AMD_MORE: {'eax': 0x124, 'ebx': 0, 'ecx': 0, 'edx': 0}},
        {'SPEC_CTRL': {2}, 'AUTO_IBRS': {1}},
        'returns after exits, IBPB between domains (Spectre v2), automatic IBRS (Spectre v2), '
        'STIBP (Spectre v2 between threads of a core), VERW (TSA)',
        "the core's returns, by guests (SRSO or Retbleed)"),
    'Core-i7-4770': (
        {0: GENUINE_INTEL, SIGNATURE: {'eax': 0x306c3}, TOPOLOGY: SIBLINGS, 7: {'ebx|': 0x800, 'edx': 0x9c000600}},
        {'SPEC_CTRL': {2}, 'MCU_OPT_CTRL': {0}},
        'returns after exits, IBPB between domains (Spectre v2), STIBP (Spectre v2 between threads of a core), '
        'L1D flush between domains (L1TF), microcode (SRBDS, GDS), VERW (MDS, TAA, MMIO stale data)',
        'MDS or L1TF between threads of a core, Meltdown from dom0 and VMMs, not from guests, '
        'guests can stop the machine (iTLB multihit)'),
    'EPYC-7702': (
        {SIGNATURE: {'eax': 0x830f10}, TOPOLOGY: SIBLINGS, ADDRESSES: {'ebx': 0xd007}},
        {'SPEC_CTRL': {2}, 'DE_CFG': {0x202}},
        'returns after exits, IBPB between domains (Spectre v2), STIBP (Spectre v2 between threads of a core), '
        'FP_BACKUP_FIX (Zenbleed), LFENCE made serializing (Spectre v1)',
        "the core's returns, by guests (SRSO or Retbleed)"),
    'EPYC-9755': (
        {SIGNATURE: {'eax': 0xb00f21}, EXTENDED: {'eax': AMD_MORE}, ADDRESSES: ZEN,
         AMD_MORE: {'eax': 0xc0000124, 'ebx': 0, 'ecx': 0, 'edx': 0}},
        {'AUTO_IBRS': {1}, 'BP_CFG': {0x10}},
        'returns after exits, IBPB between domains (Spectre v2), automatic IBRS (Spectre v2), BP_SPEC_REDUCE (SRSO)',
        'nothing known'),
}
MSRS = {0x48: 'SPEC_CTRL', 0x123: 'MCU_OPT_CTRL', 0xc0011029: 'DE_CFG', 0xc001102e: 'BP_CFG'}
NAMES = ['eax', 'ebx', 'ecx', 'edx']
EFER, AUTO_IBRS = 0xc0000080, 1 << 21
CONFIG = """name = "wake"
builder = "hvm"
memory = 32
vcpus = 2
serial = "pty"
boot = "d"
disk = ["file:wake.iso,hdc:cdrom,r"]
"""


def start_as(debugger, words):
    """Run the core up to its first thread on a CPU with these WORDS; the MSRs of interest that it has written."""
    cpuid, wrmsr, written = places('cpuid'), places('wrmsr'), {}
    end = places(r'.*', 'scheduler_dispatch')[0]
    debugger.stop_at([*cpuid, *wrmsr, end])
    while (place := debugger.run()) != end:
        eax, _, ecx, edx = debugger.registers()
        debugger.step(place)
        if place in cpuid:
            for name, value in words.get(eax, {}).items():
                number = NAMES.index(name[:3])
                kept = debugger.register(number) if name.endswith('|') else 0
                debugger.set_register(number, kept | value)
        elif ecx in MSRS:
            written.setdefault(MSRS[ecx], set()).add(edx << 32 | eax)
        elif ecx == EFER and eax & AUTO_IBRS:
            written['AUTO_IBRS'] = {1}
    debugger.pass_by([*cpuid, *wrmsr, end])
    debugger.leave()
    return written


def counted(host):
    """`counters` as a dictionary."""
    rows = json.loads(host.command('counters --json'))
    return {row['counter']: row['count'] for row in rows}


def between(host, *commands):
    """What the core counts while these COMMANDS run: changes of domain, and other switches between threads."""
    before = counted(host)
    for command in commands:
        host.command(command)
    after = counted(host)
    barriers = after['barriers'] - before['barriers']
    return barriers, after['switches'] - before['switches'] - barriers


@pytest.mark.qemu
@pytest.mark.parametrize('cpu', ['EPYC-9654', 'Core-i7-4770', pytest.param('EPYC-7702', marks=pytest.mark.long),
                                 pytest.param('EPYC-9755', marks=pytest.mark.long)])
def test_done_where_needed(boot, tmp_path, cpu):
    words, writes, in_force, opened = CPUS[cpu]
    counts = tmp_path / 'counts.json'
    host = boot(files={'images/wake.iso': build.BUILD / 'tests/guests/wake.iso'}, texts={'etc/domains/wake': CONFIG},
                debian=False, gdb=tmp_path / 'gdb', plugin=f'{build.BUILD}/tests/bench/barriers.so,out={counts}')
    assert start_as(Debugger(tmp_path / 'gdb'), words) == writes
    host.shell()
    assert f'against speculative execution: {in_force}\r\n' in host.serial.before
    info = json.loads(host.command('info --json'))
    assert (info['speculation'], info['speculation_open']) == (in_force, opened)

    # Virtual CPUs of one domain wake each other without a barrier; between servers there is always one.
    _, within = between(host, 'create -q wake', "wait wake console 'woken' 60")
    assert within > 500
    across, within = between(host, 'vcpu-list', 'list', 'info')
    assert within * 5 < across
    total = counted(host)['barriers']
    host.poweroff()

    seen = json.loads(counts.read_text())
    assert total <= seen['ibpb'] < total * 1.2
    assert seen['l1d_flush'] == (seen['ibpb'] if 'L1D' in in_force else 0)
    assert seen['vmrun'] > 400 and seen['sysret'] > 400 and seen['hlt']
    ways = sum(seen[way] for way in ('vmrun', 'sysret', 'iret', 'hlt'))
    if 'VERW' in in_force:
        assert not any(times for way, times in seen.items() if way.endswith('uncleared'))
        assert ways <= seen['verw'] < ways * 1.1
    else:
        assert seen['verw'] == 0


def test_wanted(run_commands):
    """Bochs' Ice Lake asks for IBPB and IBRS; the option for the rest, which it has. It refuses reserved bits."""
    status, printed = run_commands(['info --json', 'counters --json'], cpu='intel-icelake', debian=False,
                                   arguments='spec-ctrl=stibp,verw,l1d-flush,tea')
    assert status == 0
    assert 'spec-ctrl: "tea" is not known, and nothing behind it is read; accepted: no, or ibpb, ibrs' in printed
    assert ('"speculation": "returns after exits, IBPB between domains (Spectre v2), IBRS (Spectre v2), '
            'STIBP (Spectre v2 between threads of a core), L1D flush between domains (L1TF), VERW; '
            'with the option spec-ctrl"') in printed
    assert 'MDS (no VERW for it)' in printed
    assert int(re.search(r'"barriers", "count": (\d+)', printed).group(1)) > 100
    assert 'timers: TSC deadline' in printed


def test_unwanted(run_commands):
    status, printed = run_commands(['info --json', 'dmesg'], debian=False, arguments='noreboot spec-ctrl=no')
    assert status == 0
    assert re.search(r'against speculative execution: returns after exits(, LFENCE made serializing \(Spectre v1\))?; '
                     r'with the option spec-ctrl', printed)
    assert 'against speculative execution open: branches between domains (no IBPB)' in printed
