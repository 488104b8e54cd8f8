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
    """Nothing that a guest or user level trains can steer the core (docs/core.md, speculative execution)."""
    code = subprocess.run(['objdump', '-d', build.BUILD / 'kernel/bulkhead.elf'], text=True, check=True,
                          stdout=subprocess.PIPE).stdout
    assert len(re.findall(r'\tcall +', code)) > 100, 'that is not the core'
    assert not re.findall(r'.*\t(?:notrack |bnd )*(?:l?call|l?jmp) +\*.*', code)
