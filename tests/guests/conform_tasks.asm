; Hardware task switches: mode_run() of conform_modes.asm comes to `tasks`, which runs the probes task_test names, of
; which TASK_PAGING wants 32-bit paging. The code that asks is the task MAIN; it switches to OTHER, prepared anew by each.

%include "tests/guests/conform_tasks.inc"

extern exceptions, result, resume, vector, error, stack, counted
extern software, hardware, resume_flag, double, external, nmi, old_faults, new_faults, absent_stack, code_limit, old_limit
global tasks, task_test, seen, prepare, prepare_other, prepare_user, other_stack
global gdt, idt, tss_main, tss_other, tss_handler

section .low progbits alloc exec write align=16
bits 32
tasks:          lgdt [gdtr]
                lidt [idtr]
                call gates
                mov dword [seen], 0
                mov dword [counted], 0
                test dword [task_test], TASK_PAGING
                jz .run
                call paging_on
.run:           mov edi, tss_main
                xor eax, eax
                call prepare
                mov byte [gdt + MAIN + 5], AVAILABLE
                mov ax, MAIN
                ltr ax
                clts
                movzx eax, byte [task_test]
                call [tests + eax * 4]
                clts
                mov eax, 0x400
                mov dr7, eax
                xor eax, eax
                lldt ax
                mov fs, ax
                mov gs, ax
                mov eax, cr0
                and eax, ~(1 << 31)
                mov cr0, eax
                jmp short .off
.off:           mov eax, cr4
                and eax, ~(1 << 4)
                mov cr4, eax
                ret

; Each exception to its handler in conform_modes.asm, an interrupt 41h and INT 70h through the task gate.
gates:          mov edi, idt
                mov ebx, exceptions
                mov ecx, 32
.gate:          mov eax, ebx
                mov [edi], ax
                mov word [edi + 2], CODE32
                mov dword [edi + 4], 0x8e00
                add ebx, 16
                add edi, 8
                loop .gate
                THROUGH_GATE 0x41
                THROUGH_GATE 0x70
                ret

; 0 to 4 GiB to itself, twice, but for TEST_ADDRESS in the second one
paging_on:      mov edi, DIRECTORY
                call .fill
                mov edi, SECOND
                call .fill
                mov dword [SECOND + (TEST_ADDRESS >> 22) * 4], OTHER_ADDRESS | PAGE
                mov dword [TEST_ADDRESS], 1
                mov dword [OTHER_ADDRESS], 2
                mov eax, cr4
                and eax, ~(1 << 5)
                or eax, 1 << 4
                mov cr4, eax
                mov eax, DIRECTORY
                mov cr3, eax
                mov eax, cr0
                or eax, 1 << 31
                mov cr0, eax
                jmp short .on
.on:            ret
.fill:          mov eax, PAGE
                mov ecx, 1024
.entry:         stosd
                add eax, 1 << 22
                loop .entry
                ret

; The TSS at EDI, which begins at EAX, with CPL 0; its registers are A0A0A0A0h and so on.
prepare:        push edi
                push eax
                mov ecx, 26
                xor eax, eax
                rep stosd
                pop eax
                pop edi
                mov dword [edi + STACK0], other_stack0
                mov dword [edi + STACK0 + 4], DATA
                mov ecx, cr3
                mov [edi + CR3_], ecx
                mov [edi + EIP_], eax
                mov dword [edi + EFLAGS_], 2
                mov ecx, 8
                mov eax, 0xa0a0a0a0
.register:      mov [edi + EAX_ + ecx * 4 - 4], eax
                add eax, 0x01010101
                loop .register
                mov dword [edi + ESP_], other_stack
                mov dword [edi + ES_], DATA
                mov dword [edi + CS_], CODE32
                mov dword [edi + SS_], DATA
                mov dword [edi + DS_], DATA
                mov word [edi + 102], 104
                ret

; OTHER begins at EAX.
prepare_other:  mov edi, tss_other
                call prepare
                mov byte [gdt + OTHER + 5], AVAILABLE
                ret

; ... with CPL 3
prepare_user:   call prepare_other
                mov dword [tss_other + ES_], USER_DATA
                mov dword [tss_other + CS_], USER_CODE
                mov dword [tss_other + SS_], USER_DATA
                mov dword [tss_other + DS_], USER_DATA
                ret

; ---- JMP
jump:           mov eax, .other
                call prepare_other
                mov dword [tss_other + LINK], 0x1234
                mov dword [tss_other + EFLAGS_], 0x83
                mov dword [tss_other + FS_], MARK
                mov eax, TEST_ADDRESS
                mov dr0, eax
                mov dr1, eax
                mov dr2, eax
                mov dr3, eax
                mov eax, 0x4ff
                mov dr7, eax
                clts
                mov ebx, 0x12345678
                mov esi, 0x9abcdef0
                mov [stack], esp
                jmp OTHER:0
.behind:        cmp esp, [stack]
                GOOD 0
                cmp ebx, 0x12345678
                GOOD 1
                cmp esi, 0x9abcdef0
                GOOD 2
                str ax
                cmp ax, MAIN
                GOOD 3
                TYPE MAIN, BUSY
                GOOD 4
                TYPE OTHER, AVAILABLE
                GOOD 5
                SEEN 6, 0x3ffff
                cmp dword [tss_other + EIP_], .again
                GOOD 7
                cmp dword [tss_other + EBX_], 0x33333333
                GOOD 8
                cmp dword [tss_other + LINK], 0x1234
                GOOD 9
                jmp far [.pointer]          ; goes on behind its JMP
                cmp dword [counted], 1
                GOOD 10
                ret
.other:         pushfd
                cmp dword [esp], 0x83
                SEE 0
                cmp eax, 0xa7a7a7a7
                SEE 1
                cmp ecx, 0xa6a6a6a6
                SEE 2
                cmp edx, 0xa5a5a5a5
                SEE 3
                cmp ebx, 0xa4a4a4a4
                SEE 4
                cmp ebp, 0xa2a2a2a2
                SEE 5
                cmp esi, 0xa1a1a1a1
                SEE 6
                cmp edi, 0xa0a0a0a0
                SEE 7
                cmp esp, other_stack - 4
                SEE 8
                str ax
                cmp ax, OTHER
                SEE 9
                TYPE OTHER, BUSY
                SEE 10
                TYPE MAIN, AVAILABLE
                SEE 11
                mov eax, cr0
                and eax, 8
                cmp eax, 8
                SEE 12
                clts
                mov eax, dr7
                cmp eax, 0x4aa
                SEE 13
                cmp dword [fs:0], 0x12345678
                SEE 14
                cmp dword [tss_main + EIP_], .behind
                SEE 15
                cmp dword [tss_main + EBX_], 0x12345678
                SEE 16
                cmp word [tss_main + CS_], CODE32
                SEE 17
                mov ebx, 0x33333333
                jmp MAIN:0
.again:         inc dword [counted]
                jmp MAIN:0
.pointer:       dd 0
                dw OTHER

; ---- CALL and IRET
calls:          mov eax, .other
                call prepare_other
                mov [stack], esp
                mov ebx, 0x12345678
                call OTHER:0
.behind:        cmp esp, [stack]
                GOOD 0
                cmp ebx, 0x12345678
                GOOD 1
                SEEN 2, 0x7f
                test dword [tss_other + EFLAGS_], FLAG_NT
                sete al
                cmp al, 1
                GOOD 3
                TYPE OTHER, AVAILABLE
                GOOD 4
                TYPE MAIN, BUSY
                GOOD 5
                pushfd
                pop eax
                and eax, FLAG_NT
                GOOD 6
                call GATE:0
                call far [jump.pointer]
                call far [.gate]
                cmp dword [counted], 3
                GOOD 7
                mov eax, .indirect          ; a prefix, displacement and index
                call prepare_other
                xor ecx, ecx
                jmp far [ss:jump.pointer + ecx * 8]
                cmp dword [counted], 4
                GOOD 8
                ret
.other:         pushfd
                test dword [esp], FLAG_NT
                setne al
                cmp al, 1
                SEE 0
                cmp word [tss_other + LINK], MAIN
                SEE 1
                TYPE OTHER, BUSY
                SEE 2
                TYPE MAIN, BUSY
                SEE 3
                cmp dword [tss_main + EIP_], .behind
                SEE 4
                mov eax, cr0
                test eax, 8
                setne al
                cmp al, 1
                SEE 5
                clts
                str ax
                cmp ax, OTHER
                SEE 6
.iret:          iretd
                inc dword [counted]
                jmp .iret
.indirect:      inc dword [counted]
                jmp MAIN:0
.gate:          dd 0
                dw GATE

; ---- A task of the 286, with code of 32 bits
small:          call .prepare
                mov ebx, 0x12345678
                jmp SMALL:0
.behind:        cmp ebx, 0x12345678
                GOOD 0
                SEEN 1, 0x7ff
                cmp word [tss_small + IP16], .called
                GOOD 2
                cmp word [tss_small + AX16], 0x3333
                GOOD 3
                mov dword [seen], 0
                call SMALL:0
                SEEN 4, 3
                cmp byte [gdt + SMALL + 5], 0x81
                GOOD 5
                mov dword [seen], 0
                call .prepare
                mov word [tss_small + IP16], .error
                mov dword [idt + 13 * 8], SMALL << 16
                mov dword [idt + 13 * 8 + 4], 0xe500
                mov ax, BEYOND
                mov fs, ax
                SEEN 6, 3
                ret
.prepare:       mov edi, tss_small
                mov ecx, 11
                xor eax, eax
                rep stosd
                mov word [tss_small + IP16], .other
                mov word [tss_small + FLAGS16], 0x83
                mov ecx, 8
                mov ax, 0xb0b0
.register:      mov [tss_small + AX16 + ecx * 2 - 2], ax
                add ax, 0x0101
                loop .register
                mov word [tss_small + SP16], other_stack
                mov word [tss_small + ES16], DATA
                mov word [tss_small + ES16 + 2], CODE32
                mov word [tss_small + ES16 + 4], SMALL_STACK
                mov word [tss_small + ES16 + 6], DATA
                mov byte [gdt + SMALL + 5], 0x81
                ret
.other:         movzx esp, sp               ; what is above 16 bits is nothing to rely on
                pushfd
                cmp dword [esp], 0x83
                SEE 0
                cmp ax, 0xb7b7
                SEE 1
                cmp cx, 0xb6b6
                SEE 2
                cmp dx, 0xb5b5
                SEE 3
                cmp bx, 0xb4b4
                SEE 4
                cmp si, 0xb1b1
                SEE 5
                cmp di, 0xb0b0
                SEE 6
                cmp sp, other_stack - 4
                SEE 7
                str ax
                cmp ax, SMALL
                SEE 8
                mov ax, fs
                cmp ax, 0
                SEE 9
                cmp dword [tss_main + EIP_], .behind
                SEE 10
                mov ax, 0x3333
                jmp MAIN:0
.called:        cmp word [tss_small + LINK], MAIN
                SEE 0
                cmp byte [gdt + SMALL + 5], 0x83
                SEE 1
                iretd
.error:         movzx esp, sp
                cmp sp, other_stack - 2
                SEE 0
                cmp word [esp], BEYOND
                SEE 1
                add dword [tss_main + EIP_], 2
                iretd

; ---- Virtual 8086 mode: HLT is #GP, whose handler goes back
virtual:        mov eax, .code
                call prepare_other
                mov dword [tss_other + EFLAGS_], FLAG_VM | 2
                mov dword [tss_other + CS_], 0
                mov dword [tss_other + SS_], 0
                mov dword [tss_other + DS_], 0x5000
                mov eax, .fault
                mov [idt + 13 * 8], ax
                mov dword [0x50010], 0
                jmp OTHER:0
                cmp word [0x50010], 0x4321
                GOOD 0
                SEEN 1, 7
                ret
bits 16
.code:          mov word [0x10], 0x4321
.hlt:           hlt
bits 32
.fault:         mov ax, DATA
                mov ds, ax
                cmp dword [esp + 4], .hlt
                SEE 0
                test dword [esp + 12], FLAG_VM
                setne al
                cmp al, 1
                SEE 1
                cmp dword [esp + 28], 0x5000
                SEE 2
                jmp MAIN:0

; ---- A task with an LDT
local:          mov eax, .other
                call prepare_other
                mov dword [tss_other + LDT_], LDT
                mov dword [tss_other + FS_], IN_LDT
                jmp OTHER:0
                SEEN 0, 3
                sldt ax
                cmp ax, 0
                GOOD 1
                ret
.other:         sldt ax
                cmp ax, LDT
                SEE 0
                cmp dword [fs:0], 0x12345678
                SEE 1
                jmp MAIN:0

; ---- Page tables: with paging only
tables:         mov eax, .other
                call prepare_other
                mov dword [tss_other + CR3_], SECOND
                call OTHER:0
                SEEN 0, 3
                cmp dword [TEST_ADDRESS], 1
                GOOD 1
                mov eax, cr3
                cmp eax, DIRECTORY
                GOOD 2
                ; A TSS that is not there: the old task's fault
                mov dword [DIRECTORY + (TEST_ADDRESS >> 22) * 4], 0
                invlpg [TEST_ADDRESS]
                RAISES 3, 14, jmp AWAY:0
                str ax
                cmp ax, MAIN
                GOOD 4
                mov eax, cr2
                and eax, ~0xfff
                cmp eax, TEST_ADDRESS
                GOOD 5
                cmp byte [gdt + AWAY + 5], AVAILABLE
                GOOD 6
                cmp dword [error], 0
                GOOD 7
                ; A task that makes the page present
                THROUGH_GATE 14
                mov dword [seen], 0
                mov eax, .fault
                call prepare_other
                mov dword [tss_other + CR3_], SECOND
                mov dword [TEST_ADDRESS + 8], 3
                SEEN 8, 3
                cmp dword [TEST_ADDRESS + 8], 3
                GOOD 9
                ret
.other:         cmp dword [TEST_ADDRESS], 2
                SEE 0
                mov eax, cr3
                cmp eax, SECOND
                SEE 1
                iretd
.fault:         cmp dword [esp], 2
                SEE 0
                mov eax, cr2
                cmp eax, TEST_ADDRESS + 8
                SEE 1
                mov dword [DIRECTORY + (TEST_ADDRESS >> 22) * 4], TEST_ADDRESS | PAGE
                iretd

; ---- TSS.T: #DB before the new task's first instruction
trap:           mov eax, .other
                call prepare_other
                mov byte [tss_other + TRAP_], 1
                mov eax, .debug
                mov [idt + 1 * 8], ax
                mov eax, 0xffff0ff0
                mov dr6, eax
                jmp OTHER:0
                cmp dword [counted], 1
                GOOD 0
                SEEN 1, 7
                mov eax, 0xffff0ff0
                mov dr6, eax
                ret
.other:         cmp dword [seen], 7
                jne .end
                inc dword [counted]
.end:           jmp MAIN:0
.debug:         cmp dword [esp], .other
                SEE 0
                mov eax, dr6
                and eax, 0xe00f
                cmp eax, 1 << 15
                SEE 1
                str ax
                cmp ax, OTHER
                SEE 2
                iretd

; ---- A task at CPL 3
user:           mov eax, .other
                call prepare_user
                mov dword [tss_other + EFLAGS_], 3 << 12 | 2
                call OTHER:0
                SEEN 0, 3
                mov ax, cs
                cmp ax, CODE32
                GOOD 1
                ret
.other:         mov ax, cs
                cmp ax, USER_CODE
                SEE 0
                pushfd
                and dword [esp], 3 << 12 | FLAG_NT
                cmp dword [esp], 3 << 12 | FLAG_NT
                SEE 1
                iretd

                align 4
tests:          dd jump, calls, software, hardware, resume_flag, double, external, nmi, small, virtual, local, tables
                dd trap, user, old_faults, new_faults, absent_stack, code_limit, old_limit
task_test:      dd 0
seen:           dd 0
                align 16
gdt:            dq 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cf9b000000ffff
                dw 103, tss_main, AVAILABLE << 8, 0
                dw 103, tss_other, AVAILABLE << 8, 0
                dw 43, tss_small, 0x8100, 0
                dw 0, OTHER, 0x8500, 0
                dw 7, ldt, 0x8200, 0
                dq 0x00cffb000000ffff, 0x00cff3000000ffff, 0x0040fb0000000000, 0x00cf73000000ffff
                dq 0x00cff1000000ffff, 0x00cf7b000000ffff
                dw 0xffff, mark, 0x9300, 0
                dw 103, tss_handler, AVAILABLE << 8, 0
                dw 0x40, tss_main, AVAILABLE << 8, 0
                dw 103, TEST_ADDRESS & 0xffff
                db TEST_ADDRESS >> 16 & 0xff, AVAILABLE, 0, TEST_ADDRESS >> 24
                dq 0x000093000000ffff
gdt_end:
gdtr:           dw gdt_end - gdt - 1
                dd gdt
ldt:            dw 0xffff, mark, 0x9300, 0
mark:           dd 0x12345678
                align 16
idt:            times 0x71 dq 0
idtr:           dw $ - idt - 1
                dd idt
                align 16
tss_main:       times 26 dd 0
tss_other:      times 26 dd 0
tss_handler:    times 26 dd 0
tss_small:      times 11 dd 0
                times 256 db 0
other_stack0:
                times 256 db 0
other_stack:
