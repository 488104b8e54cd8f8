"""The suite lint: formatting, static analysis, sizes of files and functions, scripts."""
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import time

import build
from suites import Result, tail

MOST_LINES = 500
MOST_LINES_OF_A_TEST = 800


def own_files(*suffixes):
    """Our files with one of the suffixes, or with '' those that are scripts without one."""
    found = []
    for folder, folders, names in os.walk(build.ROOT):
        top = pathlib.Path(folder) == build.ROOT
        folders[:] = sorted(f for f in folders if f not in ('.git', '__pycache__')
                            and not (top and (f == 'ext' or f.startswith('build'))))
        found += [pathlib.Path(folder, n) for n in sorted(names) if pathlib.Path(n).suffix in suffixes]
    return found


def scripts_in(interpreter):
    """Files without a suffix whose first line names INTERPRETER."""
    found = []
    for path in own_files(''):
        with open(path, 'rb') as f:
            first = f.readline()
        if re.match(rb'#!\s*/\S*' + interpreter + rb'\b', first):
            found.append(path)
    return found


def checked(name, command, files):
    """One test: COMMAND over all FILES at once."""
    start = time.monotonic()
    if not files:
        return Result(name, 'skipped', 0, 'no files')
    run = subprocess.run([*command, *map(str, files)], cwd=build.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         text=True, errors='replace')
    seconds = time.monotonic() - start
    if run.returncode == 0:
        return Result(name, 'passed', seconds, f'{len(files)} files')
    return Result(name, 'failed', seconds, tail(run.stdout, 60))


# The analyzer follows as many paths of a function as it is let: a seventh of its default takes a fifth of the time.
ANALYZER = [f'--extra-arg={word}' for word in ('-Xclang', '-analyzer-config', '-Xclang', 'max-nodes=30000')]


def tidy_file(path):
    run = subprocess.run(['clang-tidy', '--quiet', '-p', str(build.BUILD), *ANALYZER, str(path)], cwd=build.ROOT,
                         text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, errors='replace')
    found = [line for line in run.stdout.split('\n') if re.search(r': (error|warning): ', line)]
    if run.returncode and not found:
        return f'{path}: clang-tidy failed'
    return '\n'.join(os.path.relpath(line, build.ROOT) if line.startswith('/') else line for line in found)


def tidy():
    start = time.monotonic()
    # Headers that a build generates.
    build.ninja('lib/musl/include/bits/alltypes.h', 'lib/musl/include/bits/syscall.h', 'dom0/vmm/dsdt.hex')
    commands = json.loads((build.BUILD / 'compile_commands.json').read_text())
    compiled = {(build.BUILD / c['file']).resolve() for c in commands}
    files = [p for p in own_files('.c') if p.resolve() in compiled and not p.is_relative_to(build.ROOT / 'tests')]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        complaints = [text for text in pool.map(tidy_file, files) if text]
    seconds = time.monotonic() - start
    if complaints:
        return Result('lint/clang-tidy', 'failed', seconds, tail('\n'.join(complaints), 100))
    return Result('lint/clang-tidy', 'passed', seconds, f'{len(files)} files')


def sizes():
    """No file of ours is longer than docs and people can follow."""
    start = time.monotonic()
    files = own_files('.c', '.h', '.asm', '.py')
    long = []
    for path in files:
        most = MOST_LINES_OF_A_TEST if path.is_relative_to(build.ROOT / 'tests') else MOST_LINES
        count = path.read_text().count('\n')
        if count > most:
            long.append(f'{path.relative_to(build.ROOT)}: {count} lines, more than {most}')
    if long:
        return Result('lint/file-size', 'failed', time.monotonic() - start, '\n'.join(long))
    return Result('lint/file-size', 'passed', time.monotonic() - start, f'{len(files)} files')


def lint(match):
    tests = {
        'lint/clang-format': lambda: checked('lint/clang-format', ['clang-format', '--dry-run', '-Werror'],
                                             own_files('.c', '.h')),
        'lint/clang-tidy': tidy,
        'lint/file-size': sizes,
        'lint/shellcheck': lambda: checked('lint/shellcheck', ['shellcheck'],
                                           own_files('.sh') + scripts_in(rb'(ba|da)?sh')),
        'lint/flake8': lambda: checked('lint/flake8', ['flake8'], own_files('.py') + scripts_in(rb'python3')),
    }
    for name, test in tests.items():
        if match in name:
            yield test()
