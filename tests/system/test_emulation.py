"""The emulator's instructions in guests: what it does at device memory is what the CPU does in RAM."""
import pytest

GUESTS = ['first', 'second']
CONFIG = ('name = "{name}"\nbuilder = "hvm"\nmemory = 64\nserial = "pty"\nboot = "d"\n'
          'disk = ["file:emulation.iso,hdc:cdrom,r"]\n')
LEAVE = '\x1d'  # Ctrl-]


@pytest.mark.parametrize('smp', [1, 4])
def test_device_memory_as_ram(boot, guest_files, smp):
    """Two guests at once: neither sees the other's vector registers."""
    host = boot(smp=smp, debian=False,
                files={'images/emulation.iso': guest_files.parent / 'tests/guests/emulation.iso'},
                texts={f'etc/domains/{g}': CONFIG.format(name=g) for g in GUESTS})
    host.shell()
    for guest in GUESTS:
        host.command(f'create -q {guest}')
    for guest in GUESTS:
        host.line(f'console {guest}')
        result = host.expect(r'emulation done: (\d+) rounds, (\d+) differ, AVX on', 120)
        assert int(result[1]) > 2000 and int(result[2]) == 0, host.serial.before
        host.send(LEAVE)
        host.shell()
    assert 'not emulated' not in host.command('log')
