"""The build is reproducible: what another folder builds from the same sources is byte-identical."""
import filecmp
import os
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
