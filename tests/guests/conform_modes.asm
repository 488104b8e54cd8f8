; What is not long mode: from there to protected mode without paging, then to the mode that is asked for, and back.
; mode_run(mode) returns a bit for each probe that went well, in their order there.

%include "tests/guests/conform_modes.inc"

SCRATCH         equ 0x3ff           ; of the UART
LAPIC_VERSION   equ 0xfee00030

CODE16          equ 32
DATA16          equ 40
TSS             equ 48
LDT             equ 56
GATE            equ 64
ABSENT          equ 72
DEVICE          equ 80              ; data from the I/O APIC's select register on, which reads as written

%include "tests/guests/entry.inc"

REAL            equ 0
PROTECTED       equ 1
PAE             equ 2
PAGING32        equ 3
VM86            equ 4

; Below 64 KiB, for real mode.
section .low progbits alloc exec write align=16
bits 64
global mode_run, compatibility_run
extern tasks
mode_run:       push rbx
                push rbp
                push r12
                push r13
                push r14
                push r15
                pushfq
                cli
                mov [long_rsp], rsp
                sgdt [long_gdtr]
                sidt [long_idtr]
                mov [mode], edi
                mov dword [result], 0
                lgdt [gdtr]
                push CODE32
                push leave_long
                retfq

bits 32
leave_long:     mov ax, DATA
                mov ds, ax
                mov es, ax
                mov fs, ax
                mov gs, ax
                mov ss, ax
                mov esp, stack_top
                mov eax, cr0
                and eax, 0x7fffffff
                mov cr0, eax
                mov ecx, EFER
                rdmsr
                and eax, ~(1 << 8)
                wrmsr
                lidt [idtr]
                mov eax, [mode]
                call [modes + eax * 4]
                mov ax, DATA
                mov ds, ax
                mov es, ax
                mov ss, ax
                xor eax, eax
                lldt ax
                ENTER_LONG_MODE TABLES, 1 << 31
                jmp CODE64:.long
bits 64
.long:          mov rsp, [long_rsp]
                lgdt [long_gdtr]
                lidt [long_idtr]
                popfq
                pop r15
                pop r14
                pop r13
                pop r12
                pop rbp
                pop rbx
                mov eax, [result]
                ret

; Exceptions of 32-bit protected mode go on behind the instruction.
global exceptions, result, resume, vector, error, stack, counted
bits 32
                align 16
exceptions:
%assign v 0
%rep 32
                align 16
%if !(v == 8 || (v >= 10 && v <= 14) || v == 17)
                push 0
%endif
                push v
                jmp exception
%assign v v+1
%endrep
exception:      pop dword [ss:vector]       ; DS is null where virtual 8086 mode or a new task was interrupted
                pop dword [ss:error]
                test dword [esp + 8], 1 << 17
                jnz vm86_exception
                mov esp, [ss:stack]
                jmp [ss:resume]

software:       inc dword [counted]
                iretd

interrupt:      inc dword [counted]
                mov dword [LAPIC_EOI], 0
                iretd

; ---- Protected mode without paging
protected:      mov eax, cr0
                and eax, 1 << 31 | 1
                cmp eax, 1
                GOOD 0
                RAISES 1, 3, int3
                mov al, 0x7f
                add al, al
                RAISES 2, 4, into
                mov eax, 5
                RAISES 3, 5, bound eax, [bounds]
                RAISES 4, 6, ud2
                and byte [gdt + TSS + 5], ~2
                mov ax, TSS
                ltr ax
                pushfd
                or dword [esp], 1 << 14
                popfd
                RAISES 5, 10, iretd
                cmp dword [error], 0x7ff8
                GOOD 6
                pushfd
                and dword [esp], ~(1 << 14)
                popfd
                mov ax, ABSENT
                RAISES 7, 11, mov fs, ax
                RAISES 8, 12, mov ss, ax
                mov ax, DATA16
                mov fs, ax
                RAISES 15, 13, mov eax, [fs:0xfffe]
                mov eax, [fs:0xfffc]
                mov dword [counted], 0
                call GATE:0
                int 0x60
                cmp dword [counted], 2
                GOOD 10
                mov ax, LDT
                lldt ax
                mov ax, 4
                mov fs, ax
                cmp dword [fs:0], 0x12345678
                GOOD 11
                mov dword [counted], 0
                mov dword [LAPIC_ICR], 0x41 | SELF_IPI
                sti
                hlt
                cli
                cmp dword [counted], 1
                GOOD 12
                xor eax, eax
                cpuid
                cmp eax, 1
                setae al
                cmp al, 1
                GOOD 13
                mov esi, bytes
                mov dx, SCRATCH
                mov ecx, 4
                rep outsb
                in al, dx
                cmp al, [bytes + 3]
                GOOD 14
                mov ax, DEVICE
                mov gs, ax
                mov ebx, 0x1234fffc         ; of which 16 bits count
                mov di, 8
                a16 mov dword [gs:bx + di - 4], 0x21
                a16 cmp dword [gs:0], 0x21
                GOOD 16
                push dword [gs:0]
                pop eax
                cmp eax, 0x21
                GOOD 17
                mov dword [0xf0], 0xc35ab0  ; MOV AL, 5Ah; RET: an unused vector of real mode's table
                mov dword [gs:0], 0xf0
                call [gs:0]
                cmp al, 0x5a
                GOOD 18
                mov dword [0xf0], 0
                push dword 0x22
                pop dword [gs:0]
                cmp dword [gs:0], 0x22
                GOOD 19
                xor ecx, ecx
                mov eax, 1
                RAISES 9, 0, div ecx
                ret

through_gate:   inc dword [counted]
                retf

; ---- Paging with tables of 8 or of 4 bytes: EBX is the entry of TEST_ADDRESS
pae:            mov eax, pdpt
                mov cr3, eax
                mov ebx, TABLES + 0x2000 + (TEST_ADDRESS >> 21) * 8
                jmp paging

paging32:       mov edi, DIRECTORY
                mov eax, 0x83
                mov ecx, 1024
.entry:         stosd
                add eax, 1 << 22
                loop .entry
                mov eax, cr4
                and eax, ~(1 << 5)
                or eax, 1 << 4
                mov cr4, eax
                mov eax, DIRECTORY
                mov cr3, eax
                mov ebx, DIRECTORY + (TEST_ADDRESS >> 22) * 4

paging:         mov dword [TEST_ADDRESS], 1
                mov dword [OTHER_ADDRESS], 2
                mov esi, [LAPIC_VERSION]
                mov eax, cr0
                or eax, 1 << 31 | 1 << 16
                mov cr0, eax
                jmp short .flush
.flush:         cmp dword [TEST_ADDRESS], 1
                GOOD 0
                mov dword [ebx], OTHER_ADDRESS | 0x83
                invlpg [TEST_ADDRESS]
                cmp dword [TEST_ADDRESS], 2
                GOOD 1
                mov dword [ebx], 0
                invlpg [TEST_ADDRESS]
                RAISES 2, 14, mov dword [TEST_ADDRESS + 8], eax
                cmp dword [error], 2
                GOOD 3
                mov eax, cr2
                cmp eax, TEST_ADDRESS + 8
                GOOD 4
                mov dword [ebx], TEST_ADDRESS | 0x81
                invlpg [TEST_ADDRESS]
                RAISES 5, 14, mov dword [TEST_ADDRESS], eax
                cmp dword [error], 3
                GOOD 6
                mov dword [ebx], TEST_ADDRESS | 0x83
                mov eax, cr3
                mov cr3, eax
                test dword [ebx], 1 << 6
                GOOD 7
                mov dword [TEST_ADDRESS], 3
                mov eax, [ebx]
                and eax, 3 << 5             ; accessed and dirty
                cmp eax, 3 << 5
                GOOD 8
                cmp [LAPIC_VERSION], esi
                GOOD 9
                mov eax, cr0
                and eax, ~(1 << 31 | 1 << 16)
                mov cr0, eax
                ret

; ---- Virtual 8086 mode: HLT ends it, any other exception goes on at [resume]
vm86:           and byte [gdt + TSS + 5], ~2
                mov ax, TSS
                ltr ax
                mov [tss + 4], esp
                push dword 0                ; GS, FS, DS, ES
                push dword 0
                push dword 0
                push dword 0x5000
                push dword 0                ; SS:ESP
                push dword vm86_stack_top
                push dword 1 << 17 | 2
                push dword 0
                push dword vm86_code
                iretd

bits 16
vm86_code:      mov word [es:0x10], 0x4321
                mov dword [vector], NONE
                mov dword [resume], .cli
                cli                         ; IOPL is 0
.cli:           cmp dword [vector], 13
                GOOD 1
                mov dword [vector], NONE
                mov dword [resume], .int
                int 0x60
.int:           cmp dword [vector], 13
                GOOD 2
                mov dword [vector], NONE
                mov al, 0x5a
                mov dx, SCRATCH
                out dx, al                  ; which the bitmap lets
                xor al, al
                in al, dx
                cmp al, 0x5a
                GOOD 3
                mov dword [resume], .in
                mov dx, SCRATCH - 1
                in al, dx
.in:            cmp dword [vector], 13
                GOOD 4
                xor eax, eax
                cpuid
                cmp eax, 0
                setne al
                cmp al, 1
                GOOD 5
                mov dword [vector], NONE
                mov dword [resume], .into
                mov al, 0x7f
                add al, al
                into                        ; whose gate is not for CPL 3
.into:          cmp dword [vector], 13
                GOOD 6
                hlt
bits 32
vm86_exception: mov ax, DATA                ; of the interrupted mode's selectors nothing is left
                mov ds, ax
                mov es, ax
                mov fs, ax
                mov gs, ax
                mov eax, [esp]
                cmp byte [eax], 0xf4
                je .end
                mov eax, [resume]
                mov [esp], eax
                iretd
.end:           cmp word [0x50010], 0x4321
                GOOD 0
                mov esp, [tss + 4]
                ret

; ---- Real mode; FS keeps the limit of 4 GiB that it had before, GS the base of the device
real:           mov [stack], esp
                mov ax, DEVICE
                mov gs, ax
                mov ax, DATA16
                mov ds, ax
                mov es, ax
                mov ss, ax
                jmp CODE16:.sixteen
bits 16
.sixteen:       lidt [real_idtr]
                mov eax, cr0
                and al, ~1
                mov cr0, eax
                jmp 0:.real
.real:          xor ax, ax
                mov ds, ax
                mov es, ax
                mov ss, ax
                mov dword [0 * 4], real_divide
                mov dword [1 * 4], real_step
                mov dword [13 * 4], real_limit
                mov dword [0x60 * 4], real_software
                mov dword [0x61 * 4], real_interrupt
                smsw ax
                test al, 1
                GOOD 0
                mov ax, 0x5000
                mov es, ax
                mov word [es:0x123], 0xbeef
                mov ax, 0x5012
                mov es, ax
                cmp word [es:3], 0xbeef
                GOOD 1
                mov dword [counted], 0
                int 0x60
                cmp dword [counted], 1
                GOOD 2
                mov bx, 0xfffe
                mov dword [resume], .limit
                mov dword [vector], NONE
                mov eax, [bx]
.limit:         cmp dword [vector], 13
                GOOD 9
                xor eax, eax
                cpuid
                cmp eax, 0
                setne al
                cmp al, 1
                GOOD 4
                mov si, bytes
                mov dx, SCRATCH
                mov cx, 4
                rep outsb
                in al, dx
                cmp al, [bytes + 3]
                GOOD 5
                mov dword [counted], 0
                mov dword [fs:dword LAPIC_ICR], 0x61 | SELF_IPI
                sti
                hlt
                cli
                cmp dword [counted], 1
                GOOD 6
                mov dword [fs:dword TEST_ADDRESS], 0x1234567
                cmp dword [fs:dword TEST_ADDRESS], 0x1234567
                GOOD 7
                mov dword [counted], 0
                pushf
                pop ax
                or ax, 1 << 8
                push ax
                popf
                nop
                cmp dword [counted], 1
                GOOD 8
                mov bx, 0xfff0
                mov si, 0x10
                mov word [gs:bx + si], 0x23
                mov ax, [gs:si - 0x10]
                cmp ax, 0x23
                GOOD 10
                mov byte [gs:0], 0x24
                movzx eax, byte [gs:dword 0]
                cmp eax, 0x24
                GOOD 11
                mov dword [resume], .divide
                mov dword [vector], NONE
                xor cl, cl
                div cl
.divide:        cmp dword [vector], 0
                GOOD 3
                mov eax, cr0
                or al, 1
                mov cr0, eax
                jmp dword CODE32:.back
bits 32
.back:          mov ax, DATA
                mov ds, ax
                mov es, ax
                mov ss, ax
                lidt [idtr]
                mov esp, [stack]
                ret

bits 16
real_divide:    mov dword [vector], 0
                jmp real_go_on
real_limit:     mov dword [vector], 13
real_go_on:
                push bp
                mov bp, sp
                push ax
                mov ax, [resume]
                mov [bp + 2], ax
                pop ax
                pop bp
                iret

real_step:      inc dword [counted]
                push bp
                mov bp, sp
                and word [bp + 6], ~(1 << 8)
                pop bp
                iret

real_software:  inc dword [counted]
                iret

real_interrupt: inc dword [counted]
                mov dword [fs:dword LAPIC_EOI], 0
                iret

; ---- Compatibility mode: compatibility_run(code) calls 32-bit code that returns by RETF; EAX is what that leaves there
bits 64
compatibility_run:
                push rbx
                push rbp
                sgdt [long_gdtr]
                lgdt [gdtr]
                mov eax, 0x7fffffff
                sub rsp, 16
                mov [rsp], edi
                mov dword [rsp + 4], CODE32
                call far dword [rsp]
                add rsp, 16
                lgdt [long_gdtr]
                pop rbp
                pop rbx
                ret

global compatibility_increment, compatibility_overflow, compatibility_bound, compatibility_exits
bits 32
compatibility_increment:
                inc eax                     ; REX in 64-bit mode
                retf
compatibility_overflow:
                mov al, 0x7f
                add al, al
                into
                retf
compatibility_bound:
                mov eax, 5
                bound eax, [bounds]
                retf
compatibility_exits:
                push esi
                xor eax, eax
                cpuid
                mov esi, bytes
                mov dx, SCRATCH
                mov ecx, 4
                rep outsb
                in al, dx
                movzx eax, al
                pop esi
                retf

                align 16
modes:          dd real, protected, pae, paging32, vm86, tasks
bounds:         dd 1, 4
bytes:          db 1, 2, 3, 4
                align 16
gdt:            dq 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cf9b000000ffff
                dq 0x00009b000000ffff, 0x000093000000ffff
                dw tss_end - tss - 1, tss
                db 0, 0x89, 0, 0
                dw 15, ldt
                db 0, 0x82, 0, 0
                dw through_gate, CODE32, 0x8c00, 0
                dq 0x00cf13000000ffff
                dq 0xfe0093c00000ffff
gdt_end:
gdtr:           dw gdt_end - gdt - 1
                dd gdt, 0
                align 16
ldt:            dw 0xffff, in_ldt           ; data from there on
                db 0, 0x93, 0xcf, 0
                dq 0
in_ldt:         dd 0x12345678
                align 32
pdpt:           dq TABLES + 0x2001, TABLES + 0x3001, TABLES + 0x4001, TABLES + 0x5001
idt:
%assign v 0
%rep 32
                dw exceptions + v * 16, CODE32, 0x8e00, 0
%assign v v+1
%endrep
                times 0x41 - 32 dq 0
                dw interrupt, CODE32, 0x8e00, 0
                times 0x60 - 0x42 dq 0
                dw software, CODE32, 0x8e00, 0
idt_end:
idtr:           dw idt_end - idt - 1
                dd idt
real_idtr:      dw 0x3ff
                dd 0
                align 16
tss:            dd 0x7ff8, 0, DATA
                times 104 - 12 - 2 db 0
                dw 104                      ; the bitmap of ports: all but the UART's scratch register are denied
                times SCRATCH / 8 db 0xff
                db 0x7f, 0xff
tss_end:

                align 16
long_gdtr:      times 16 db 0
long_idtr:      times 16 db 0
long_rsp:       dq 0
mode:           dd 0
result:         dd 0
resume:         dd 0
vector:         dd 0
error:          dd 0
stack:          dd 0
counted:        dd 0
                times 2048 db 0
                align 16
stack_top:
                times 256 db 0
vm86_stack_top:
