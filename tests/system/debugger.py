"""QEMU's stub for debuggers, as far as tests use it: breakpoints, single steps and registers of the first CPU."""
import re
import socket
import subprocess
import time

import build
from conftest import PATIENCE

CORE = build.BUILD / 'kernel/bulkhead.elf'
REGISTERS = ['rax', 'rbx', 'rcx', 'rdx']  # the first of QEMU's, 8 bytes each


def code():
    """The core's instructions as objdump prints them."""
    return subprocess.run(['objdump', '-d', '--no-show-raw-insn', CORE], check=True, stdout=subprocess.PIPE,
                          text=True).stdout


def places(name, function=r'\S+'):
    """The addresses of the instructions NAME, in all functions or in one."""
    found, inside = [], False
    for line in code().split('\n'):
        head = re.match(r'[0-9a-f]+ <(.*)>:$', line)
        if head:
            inside = re.fullmatch(function, head.group(1)) is not None
        elif inside and re.match(rf' *([0-9a-f]+):\t{name}\b', line):
            found.append(int(line.split(':')[0], 16))
    return found


class Debugger:
    """Connected to the stub that listens at the socket PATH, of a machine that was started with it and stands still."""

    def __init__(self, path, seconds=60 * PATIENCE):
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.settimeout(seconds)
        end = time.monotonic() + seconds
        while not path.exists() and time.monotonic() < end:
            time.sleep(0.05)
        self.connection.connect(str(path))
        self.received = b''
        self.ask('qXfer:features:read:target.xml:0,1000')  # QEMU names no single register before that

    def ask(self, text):
        """Send the packet TEXT; the answer."""
        self.tell(text)
        return self.answer()

    def tell(self, text):
        self.connection.sendall(f'${text}#{sum(text.encode()) % 256:02x}'.encode())

    def answer(self):
        while not (packet := re.search(rb'\$([^#]*)#..', self.received)):
            self.received += self.connection.recv(65536)
        self.received = self.received[packet.end():]
        self.connection.sendall(b'+')
        return packet.group(1).decode()

    def stop_at(self, addresses):
        for address in addresses:
            assert self.ask(f'Z0,{address:x},1') == 'OK'

    def pass_by(self, addresses):
        for address in addresses:
            assert self.ask(f'z0,{address:x},1') == 'OK'

    def run(self):
        """Go on to the next breakpoint; its address."""
        self.ask('c')
        return self.register(16)  # RIP

    def step(self, address):
        """Execute the instruction at ADDRESS, which is stopped at."""
        self.pass_by([address])
        self.ask('s')
        self.stop_at([address])

    def register(self, number):
        return int.from_bytes(bytes.fromhex(self.ask(f'p{number:x}')), 'little')

    def registers(self):
        return [self.register(number) & 0xffffffff for number in range(len(REGISTERS))]

    def set_register(self, number, value):
        assert self.ask(f'P{number:x}={value.to_bytes(8, "little").hex()}') == 'OK'

    def leave(self):
        """Let the machine run without a debugger."""
        self.ask('D')
        self.connection.close()
