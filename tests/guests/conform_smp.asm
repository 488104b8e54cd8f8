; How an application processor comes from a start-up IPI to C, and what interrupts do on each CPU of the guest.
; C copies [smp_start, smp_start_end) to the pages that start-up IPIs name, and fills in their data.

GDTR            equ 0x400           ; in the page, struct start_page of conform_smp.h
TABLES          equ 0x408
SAVED           equ 0x410
PAGE            equ 0x1000
CPU_SHIFT       equ 12              ; struct cpu
STACKS          equ 0x2000000
STACK_SHIFT     equ 16
VIEW            equ 0x5000000
SHOOTDOWN       equ 0xf3
MARK            equ 0x31
LINGER          equ 0x848
LINGERED        equ 0x850
CODE64          equ 8
DATA            equ 16
FS_BASE         equ 0xc0000100
GS_BASE         equ 0xc0000101

%include "tests/guests/entry.inc"

global smp_start, smp_start_end, smp_entries
extern smp_main, smp_cpus, smp_idtr, guest_x2apic

section .text
; Registers first, as INIT left them: nothing may be changed before it is saved. There is no stack.
bits 16
smp_start:
%macro SAVE 2+
                mov [cs:SAVED + %1], %2
%endmacro
                SAVE 0, eax
                SAVE 4, ebx
                SAVE 8, ecx
                SAVE 12, edx
                SAVE 16, esi
                SAVE 20, edi
                SAVE 24, ebp
                SAVE 28, esp
                SAVE 64, cs
                SAVE 66, ds
                SAVE 68, es
                SAVE 70, fs
                SAVE 72, gs
                SAVE 74, ss
                mov ax, cs
                mov ss, ax
                mov esp, PAGE
                pushfd
                pop dword [cs:SAVED + 32]
%assign at 36
%macro SAVE_SPECIAL 1
                mov eax, %1
                SAVE at, eax
%assign at at + 4
%endmacro
                SAVE_SPECIAL cr0
                SAVE_SPECIAL cr2
                SAVE_SPECIAL cr3
                SAVE_SPECIAL cr4
                SAVE_SPECIAL dr0
                SAVE_SPECIAL dr6
                SAVE_SPECIAL dr7
                o32 sgdt [cs:SAVED + 76]
                o32 sidt [cs:SAVED + 82]
                mov ecx, EFER
                rdmsr
                SAVE 88, eax
                mov ecx, FS_BASE
                rdmsr
                SAVE 92, eax
                mov ecx, GS_BASE
                rdmsr
                SAVE 96, eax
                xor esi, esi
                mov si, cs
                ; Long mode at once: protection and paging go on together.
                o32 lgdt [cs:GDTR]
                ENTER_LONG_MODE [cs:TABLES], 1 << 31 | 1
                jmp dword CODE64:smp_long
smp_start_end:

bits 64
; ESI: the selector of CS in real mode.
smp_long:       mov ax, DATA
                mov ds, ax
                mov es, ax
                mov ss, ax
                mov eax, esi
                shl eax, 4
                str [rax + SAVED + 100]
                sldt [rax + SAVED + 102]
                mov eax, 1
                cpuid
                shr ebx, 24
                mov eax, ebx
                inc eax
                shl eax, STACK_SHIFT
                lea rsp, [rax + STACKS]
                mov eax, ebx
                shl eax, CPU_SHIFT
                add eax, smp_cpus
                mov edi, eax
                xor edx, edx
                mov ecx, GS_BASE
                wrmsr
                lidt [smp_idtr]
                call smp_main
                STOP

; Every interrupt and NMI is counted at GS:0 + 8 * vector, exceptions end the CPU: their frame is at GS:800h.
                align 16
smp_entries:
                INTERRUPT_ENTRIES 2

exception:      pop qword [gs:0x800]
                pop qword [gs:0x808]
                pop qword [gs:0x810]
                STOP

interrupt:      push rax
                push rcx
                mov rax, [rsp + 16]
                cmp eax, SHOOTDOWN
                jne .count
                invlpg [abs VIEW]
.count:         inc qword [gs:rax * 8]
                cmp eax, 2
                je .out
                END_INTERRUPT
                xor eax, eax            ; once, interrupts stay off behind the EOI, and what has come by then is noted
                xchg rax, [gs:LINGER]
                test rax, rax
                jz .out
.linger:        pause
                cli                     ; again, as what has interrupts off calls what takes them off
                dec rax
                jnz .linger
                mov rax, [gs:MARK * 8]
                mov [gs:LINGERED], rax
.out:           RETURN_FROM_INTERRUPT
