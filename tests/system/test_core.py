"""What init never does to the core: tests/core/init.c in its place."""
import re
import subprocess

import pytest

import build

# The log's lines about the first of a thousand domains that nobody supervised.
LOG_BYTES = 60 * 120


@pytest.fixture
def core_with_test_init(tmp_path):
    """The core with another init: its image is a section of the core's read-only data."""
    core = bytearray((build.BUILD / 'kernel/bulkhead.elf').read_bytes())
    init = (build.BUILD / 'tests/core/init.bin').read_bytes()
    place = core.index(b'BHINIT1\0')
    symbols = subprocess.run(['nm', build.BUILD / 'kernel/bulkhead-linked.elf'], check=True, capture_output=True,
                             text=True).stdout
    start, end = (int(re.search(rf'^([0-9a-f]+) \w init_image_{which}$', symbols, re.M).group(1), 16)
                  for which in ('start', 'end'))
    assert len(init) <= end - start and core.count(b'BHINIT1\0') == 1
    core[place:place + len(init)] = init
    path = tmp_path / 'bulkhead.elf'
    path.write_bytes(core)
    return path


@pytest.mark.parametrize('cpu, smp', [('amd', 1), ('amd', 4), ('intel', 1)])
def test_core_towards_init(boot, core_with_test_init, cpu, smp):
    """The end of what nobody supervises does not fill the log; after HARDWARE_STOP all can still be destroyed."""
    host = boot(cpu=cpu, smp=smp, kernel=core_with_test_init, debian=False)
    host.expect(r'end\r\n', 60)
    said = host.serial.before
    assert re.findall(r'[^\n]*FAIL[^\n]*', said) == []
    assert 0 < int(re.search(r'logged: (\d+)', said).group(1)) <= LOG_BYTES
