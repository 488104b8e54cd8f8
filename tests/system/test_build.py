"""The build is reproducible, to the byte, from another folder; what the core is built of."""
import filecmp
import os
import re
import shutil
import subprocess
import sys

import build

NOT_SOURCES = ('build', '.git', 'ext', '__pycache__')


def test_reproducible(tmp_path):
    other = tmp_path / 'a-folder-of-another-name'
    shutil.copytree(build.ROOT, other, ignore=shutil.ignore_patterns(*NOT_SOURCES))
    os.symlink(build.ROOT / 'ext', other / 'ext')
    environment = dict(os.environ, BULKHEAD_BUILD=str(other / 'build-again'))
    script = 'import build; build.configure(False); build.ninja("image")'
    run = subprocess.run([sys.executable, '-c', script], cwd=other / 'scripts', env=environment, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert run.returncode == 0, run.stdout
    for name in ('kernel/bulkhead.elf', 'boot.cpio', 'bulkhead.iso'):
        assert filecmp.cmp(build.BUILD / name, other / 'build-again' / name, shallow=False), f'{name} differs'


def test_no_indirect_branches():
    """Nothing that a guest or user level trains can steer the core (docs/core.md, speculative execution).

    What runs only before there is user level may choose its clock by a table.
    """
    at_boot = {'kernel_main', 'sample'}  # sample: time_source.c
    code = subprocess.run(['objdump', '-d', build.BUILD / 'kernel/bulkhead-linked.elf'], text=True, check=True,
                          stdout=subprocess.PIPE).stdout
    functions = re.split(r'\n[0-9a-f]+ <(.*)>:\n', code)[1:]
    assert len(functions) > 200, 'that is not the core'
    indirect = {name for name, body in zip(functions[::2], functions[1::2])
                if re.search(r'\t(?:notrack |bnd )*(?:l?call|l?jmp) +\*', body)}
    assert not indirect - at_boot
