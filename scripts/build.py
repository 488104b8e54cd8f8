"""Set up, configure and build: what run and test do first. When nothing changed it takes a moment and says nothing."""
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get('BULKHEAD_BUILD', ROOT / 'build')).resolve()


def _quietly(*command):
    """Run COMMAND; what it prints matters only if it fails."""
    run = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if run.returncode:
        sys.exit(f'{run.stdout}{command[0]} failed with status {run.returncode}')


def setup(kind):
    """Install and fetch what is missing; KIND is 'build' or 'test'."""
    if subprocess.run([ROOT / 'scripts/setup', kind]).returncode:
        sys.exit(1)


def configure(tests):
    """Make the build folder, or add the tests to one that was made without them."""
    option = f'-Dtests={"true" if tests else "false"}'
    if not (BUILD / 'build.ninja').exists():
        print('configuring the build', flush=True)
        _quietly('meson', 'setup', BUILD, ROOT, '--cross-file', ROOT / 'scripts/cross.ini',
                 '--native-file', ROOT / 'scripts/native.ini', option)
    elif tests and not (BUILD / 'tests-configured').exists():
        _quietly('meson', 'configure', BUILD, option)
    if tests:
        (BUILD / 'tests-configured').touch()


def ninja(*arguments):
    """Build; the exit status. A terminal sees the progress, a log only errors."""
    _quietly('ninja', '-C', BUILD, 'build.ninja')
    command = ['ninja', '-C', str(BUILD), *arguments]
    dry = subprocess.run([*command, '-n'], stdout=subprocess.PIPE, text=True)
    if dry.returncode == 0 and 'no work to do' in dry.stdout:
        return 0
    print('building', flush=True)
    return subprocess.run(command if sys.stdout.isatty() else [*command, '--quiet']).returncode


def image():
    """Build everything that Bulkhead's image consists of, and the image with the default archive."""
    if ninja('image'):
        sys.exit('the build failed')
    return BUILD / 'bulkhead.iso'
