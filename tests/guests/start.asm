; Start of a test guest from an El Torito image without emulation: real mode at 20000h, from where it copies itself to
; where it is linked, 7C00h; then long mode with the low 4 GiB mapped to itself,
TABLES          equ 0x60000         ; PML4, PDPT, 4 page directories
STACK           equ 0x58000
LOADED          equ 0x20000         ; make-guest-iso
CHUNK           equ 0x8000
MOST            equ 4 * CHUNK       ; of a guest

%include "tests/guests/entry.inc"

bits 16
section .start
global _start
_start:         cli
                cld
                mov ax, LOADED >> 4
                mov bx, 0x7c00 >> 4
                mov dl, MOST / CHUNK
.chunk:         mov ds, ax
                mov es, bx
                xor si, si
                xor di, di
                mov cx, CHUNK / 2
                rep movsw
                jmp 0:.copied               ; what is copied next may lie where this was loaded
.copied:        add ax, CHUNK >> 4
                add bx, CHUNK >> 4
                dec dl
                jnz .chunk
                xor ax, ax
                mov ds, ax
                mov es, ax
                mov ss, ax
                mov sp, 0x7c00
                in al, 0x92
                or al, 2
                and al, 0xfe
                out 0x92, al
                lgdt [gdtr]
                mov eax, cr0
                or al, 1
                mov cr0, eax
                jmp dword 24:protected

bits 32
protected:      mov ax, 16
                mov ds, ax
                mov es, ax
                mov ss, ax
                mov esp, STACK
                mov edi, TABLES
                xor eax, eax
                mov ecx, 6 * 1024
                rep stosd
                mov dword [TABLES], TABLES + 0x1003
                mov edi, TABLES + 0x1000
                mov eax, TABLES + 0x2003
                mov ecx, 4
.pdpt:          mov [edi], eax
                add eax, 0x1000
                add edi, 8
                loop .pdpt
                mov edi, TABLES + 0x2000
                mov eax, 0x83
                mov ecx, 2048
.pd:            mov [edi], eax
                add eax, 0x200000
                add edi, 8
                loop .pd
                ENTER_LONG_MODE TABLES, 1 << 31
                jmp 8:long_mode

bits 64
long_mode:      mov ax, 16
                mov ds, ax
                mov es, ax
                mov ss, ax
                mov rsp, STACK
                call guest_main
                STOP

; Interrupts: a counter per vector, EOI at the local APIC. Exceptions go to guest_exception(vector, error, rip).
global interrupt_entries, interrupt_counts
extern guest_main, guest_exception, guest_x2apic
                align 16
interrupt_entries:
                INTERRUPT_ENTRIES -1

exception:      pop rdi
                pop rsi
                mov rdx, [rsp]
                call guest_exception
                STOP

interrupt:      push rax
                push rcx
                mov rax, [rsp + 16]
                inc qword [interrupt_counts + rax * 8]
                END_INTERRUPT
                RETURN_FROM_INTERRUPT

                align 8
gdt:            dq 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cf9b000000ffff
gdt_end:
gdtr:           dw gdt_end - gdt - 1
                dd gdt

section .bss
                alignb 8
interrupt_counts:
                resq 256
