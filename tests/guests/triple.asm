; Triple faults: UD2 with an IDT that has no gate, so that neither #UD nor what follows from it can be delivered.

CODE32          equ 24              ; of start.asm
DATA            equ 16
EFER            equ 0xc0000080

section .text
bits 64
global triple_long_mode, triple_protected_mode
triple_long_mode:
                lidt [no_idt]
                ud2

triple_protected_mode:
                push CODE32
                lea rax, [rel .compatible]
                push rax
                retfq
bits 32
.compatible:    mov ax, DATA
                mov ds, ax
                mov ss, ax
                mov eax, cr0
                and eax, 0x7fffffff
                mov cr0, eax
                mov ecx, EFER
                rdmsr
                and eax, ~(1 << 8)
                wrmsr
                lidt [no_idt]
                ud2

section .rodata
no_idt:         times 10 db 0
