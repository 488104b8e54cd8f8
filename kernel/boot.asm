; Entry from a Multiboot 2 loader in 32-bit protected mode (Multiboot2 3.3), and of further CPUs from real mode (SDM 3A
; 9.4.4), up to C in long mode. The tables made here map the low 4 GiB to themselves and are left when kernel_main has its own.

KERNEL_BASE     equ 0xffffffff80000000
TRAMPOLINE      equ 0x8000          ; where cpu_start.c copies the code from trampoline to trampoline_end

section .boot.header align=8
header:         dd 0xe85250d6, 0, header_end - header, -(0xe85250d6 + header_end - header)
                align 8
                dw 6, 0             ; modules page-aligned
                dd 8
                align 8
                dw 0, 0
                dd 8
header_end:

bits 32
section .boot.text
global boot_entry
boot_entry:     cli
                cld
                mov esp, boot_stack_low
                mov ebp, eax        ; loader's magic
                ; 4 page directories of 2 MiB pages for the low 4 GiB
                mov edi, boot_pd
                mov eax, 0x83
                mov ecx, 4 * 512
.fill:          mov [edi], eax
                mov dword [edi + 4], 0
                add eax, 0x200000
                add edi, 8
                loop .fill
                mov edi, boot_pdpt
                mov eax, boot_pd + 3
                mov ecx, 4
.pdpt:          mov [edi], eax
                add eax, 0x1000
                add edi, 8
                loop .pdpt
                mov dword [boot_pdpt_high + 510 * 8], boot_pd + 3
                mov dword [boot_pml4], boot_pdpt + 3
                mov dword [boot_pml4 + 511 * 8], boot_pdpt_high + 3
                call enter_long_mode
                jmp 8:.long
bits 64
.long:          mov ax, 16
                mov ds, ax
                mov es, ax
                mov ss, ax
                mov rsp, boot_stack_top
                mov edi, ebp
                mov esi, ebx
                xor ebp, ebp
                mov rax, kernel_main
                call rax
                ud2

bits 32
; Paging with boot_pml4, EFER.LME and NXE. Keeps ebx, ebp, esi.
enter_long_mode:
                mov eax, cr4
                or eax, 1 << 5
                mov cr4, eax
                mov eax, boot_pml4
                mov cr3, eax
                mov ecx, 0xc0000080
                rdmsr
                or eax, 1 << 8 | 1 << 11
                wrmsr
                mov eax, cr0
                and eax, ~(1 << 29 | 1 << 30 | 1 << 2)
                or eax, 1 << 31 | 1 << 16 | 1 << 5 | 1 << 1
                mov cr0, eax
                lgdt [boot_gdtr]
                ret

; A further CPU: SIPI vector TRAMPOLINE >> 12. Runs at TRAMPOLINE.
bits 16
global trampoline, trampoline_end
trampoline:     cli
                cld
                xor ax, ax
                mov ds, ax
                lgdt [TRAMPOLINE + .gdtr - trampoline]
                mov eax, cr0
                or al, 1
                mov cr0, eax
                jmp dword 24:(TRAMPOLINE + .protected - trampoline)
                align 8
.gdtr:          dw boot_gdt_end - boot_gdt - 1
                dd boot_gdt
bits 32
.protected:     mov ax, 16
                mov ds, ax
                mov es, ax
                mov ss, ax
                mov esp, boot_stack_low
                mov eax, enter_long_mode
                call eax
                jmp 8:(TRAMPOLINE + .long - trampoline)
bits 64
.long:          mov rax, cpu_start_high
                jmp rax
trampoline_end:

section .text
cpu_start_high: mov rax, [kernel_root_hpa]
                mov cr3, rax
                mov rsp, [cpu_start_stack]
                xor ebp, ebp
                call cpu_start_main
                ud2

section .boot.data
                align 16
boot_gdt:       dq 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cf9b000000ffff
boot_gdt_end:
boot_gdtr:      dw boot_gdt_end - boot_gdt - 1
                dd boot_gdt

section .boot.bss nobits alloc write
                alignb 4096
global boot_pml4
boot_pml4:      resb 4096
boot_pdpt:      resb 4096
boot_pdpt_high: resb 4096
boot_pd:        resb 4 * 4096
                resb 256
boot_stack_low:

section .bss
                alignb 16
                resb 16384
boot_stack_top:

extern kernel_main, cpu_start_main, cpu_start_stack, kernel_root_hpa
