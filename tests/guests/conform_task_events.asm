; Hardware task switches by interrupts and exceptions, and exceptions of task switches.

%include "tests/guests/conform_tasks.inc"

extern result, resume, vector, error, stack, counted
extern seen, prepare, prepare_other, prepare_user, other_stack, gdt, idt, tss_main, tss_other, tss_handler
global software, hardware, resume_flag, double, external, nmi, old_faults, new_faults, absent_stack, code_limit, old_limit

section .low progbits alloc exec write align=16
bits 32
; ---- INT n, INT3 and INTO
software:       THROUGH_GATE 3
                THROUGH_GATE 4
                mov eax, .other
                call prepare_other
                int 0x70
.int:           SEEN 0, 3
                mov dword [.wanted], .int3
                int3
.int3:          SEEN 1, 7
                mov dword [.wanted], .into
                mov al, 0x7f
                add al, al
                into
.into:          SEEN 2, 15
                cmp dword [counted], 3
                GOOD 3
                ret
.other:         cmp word [tss_other + LINK], MAIN
                SEE 0
                cmp dword [tss_main + EIP_], .int
                SEE 1
.end:           inc dword [counted]
                iretd
                mov eax, [.wanted]
                cmp [tss_main + EIP_], eax
                jne .end
                cmp dword [seen], 3
                jne .third
                or dword [seen], 4
                jmp .end
.third:         or dword [seen], 8
                jmp .end
.wanted:        dd 0

; ---- Exceptions: the task that handles them goes on behind the instruction, of 2 bytes
hardware:       THROUGH_GATE 6
                mov eax, .undefined
                call prepare_other
.ud:            ud2
                SEEN 0, 3
                THROUGH_GATE 13
                mov eax, .protection
                call prepare_other
                mov ax, BEYOND
.gp:            mov fs, ax
                SEEN 1, 15
                mov ax, BEYOND
                mov fs, ax                  ; the same again
                cmp dword [counted], 2
                GOOD 2
                ret
.undefined:     cmp dword [tss_main + EIP_], .ud
                SEE 0
                cmp esp, other_stack
                SEE 1
                add dword [tss_main + EIP_], 2
                iretd
.protection:    cmp dword [tss_main + EIP_], .gp
                SEE 2
                cmp esp, other_stack - 4
                jne .error
                cmp dword [esp], BEYOND
                SEE 3
.error:         inc dword [counted]
                add esp, 4
                add dword [tss_main + EIP_], 2
                iretd
                jmp .error

; RFLAGS.RF is set in what a fault saves, and clear behind an instruction.
resume_flag:    THROUGH_GATE 6
                mov eax, .other
                call prepare_other
                ud2
                SEEN 0, 1
                call OTHER:0
                SEEN 1, 3
                ret
.other:         mov eax, [tss_main + EFLAGS_]
                and eax, FLAG_RF
                cmp eax, FLAG_RF
                SEE 0
                add dword [tss_main + EIP_], 2
                iretd
                mov eax, [tss_main + EFLAGS_]
                and eax, FLAG_RF
                SEE 1
                iretd

; ---- Double faults: of a gate that is absent, and of a switch that fails within an exception
double:         mov dword [idt + 8 * 8], HANDLER << 16
                mov dword [idt + 8 * 8 + 4], 0xe500
                mov dword [idt + 13 * 8 + 4], 0
                mov dword [.back], .gate
                mov dword [.link], MAIN
                call .prepare
                mov ax, BEYOND
                mov fs, ax
.gate:          SEEN 0, 3
                mov dword [seen], 0
                THROUGH_GATE 13
                mov dword [.back], .switch
                mov dword [.link], OTHER
                call .prepare
                mov eax, 0
                call prepare_user
                mov dword [tss_other + LDT_], CODE32
                mov ax, BEYOND
                mov fs, ax
.switch:        SEEN 1, 3
                ret
.prepare:       mov edi, tss_handler
                mov eax, .handler
                call prepare
                mov byte [gdt + HANDLER + 5], AVAILABLE
                ret
.handler:       cmp dword [esp], 0
                SEE 0
                mov ax, [.link]
                cmp [tss_handler + LINK], ax
                SEE 1
                mov eax, [.back]
                mov [tss_main + EIP_], eax
                mov byte [gdt + MAIN + 5], AVAILABLE
                jmp MAIN:0
.back:          dd 0
.link:          dd 0

; ---- External interrupts
external:       mov eax, .other
                call prepare_other
                mov dword [LAPIC_ICR], 0x41 | SELF_IPI
                sti
                hlt
                cli
                SEEN 0, 7
                mov dword [LAPIC_ICR], 0x41 | SELF_IPI
                sti
                nop
                nop
                cli
                cmp dword [counted], 2
                GOOD 1
                ret
.other:         pushfd
                test dword [esp], 1 << 9
                sete al
                cmp al, 1
                SEE 0
                cmp word [tss_other + LINK], MAIN
                SEE 1
                mov eax, [tss_main + EFLAGS_]
                and eax, 1 << 9
                cmp eax, 1 << 9
                SEE 2
.end:           inc dword [counted]
                mov dword [LAPIC_EOI], 0
                iretd
                jmp .end

; A second NMI waits until the IRET of the task that has the first.
nmi:            THROUGH_GATE 2
                mov eax, .other
                call prepare_other
                mov dword [LAPIC_ICR], NMI_IPI
                mov esi, 1000
.wait:          xor eax, eax                ; in a domain on QEMU the second one waits for an exit, too
                cpuid
                dec esi
                jnz .wait
                SEEN 0, 3
                cmp dword [counted], 2
                GOOD 1
                ret
.other:         cmp word [tss_other + LINK], MAIN
                SEE 0
                mov dword [LAPIC_ICR], NMI_IPI
                mov ecx, 1000
.blocked:       pause
                loop .blocked
                cmp dword [counted], 0
                SEE 1
.end:           inc dword [counted]
                iretd
                jmp .end

; ---- Faults of the old task
old_faults:     xor eax, eax
                call prepare_other
                RAISES 0, 13, jmp MAIN:0
                cmp dword [error], MAIN
                GOOD 1
                mov byte [gdt + OTHER + 5], AVAILABLE & 0x7f
                RAISES 2, 11, jmp OTHER:0
                cmp dword [error], OTHER
                GOOD 3
                mov byte [gdt + OTHER + 5], AVAILABLE
                mov byte [gdt + OTHER], 0x66
                RAISES 4, 10, call OTHER:0
                cmp dword [error], OTHER
                GOOD 5
                mov byte [gdt + OTHER], 0x67
                mov word [tss_main + LINK], OTHER
                pushfd
                or dword [esp], FLAG_NT
                popfd
                RAISES 6, 10, iretd
                cmp dword [error], OTHER
                GOOD 7
                mov byte [gdt + OTHER + 5], BUSY
                RAISES 8, 13, call GATE:0
                cmp dword [error], OTHER
                GOOD 9
                RAISES 10, 13, int 0x70
                cmp dword [error], OTHER
                GOOD 11
                str ax
                cmp ax, MAIN
                GOOD 12
                TYPE MAIN, BUSY
                GOOD 13
                ret

; ---- Faults of the new task, at CPL 3: field FIELD of its TSS is VALUE, the error code ERROR, the exception VECTOR
%macro NEW_RAISES 5
                mov eax, in_other
                call prepare_user
                mov dword [tss_other + %2], %3
                mov dword [resume], in_other
                mov dword [vector], NONE
                mov dword [seen], 0
                mov [stack], esp
                jmp OTHER:0
                cmp dword [vector], %4
                SEE 1
                cmp dword [error], %5
                SEE 2
                SEEN %1, 7
%endmacro

new_faults:     NEW_RAISES 0, LDT_, CODE32, 10, CODE32
                NEW_RAISES 1, LDT_, LDT | 4, 10, LDT | 4
                NEW_RAISES 2, CS_, 3, 10, 0
                NEW_RAISES 3, CS_, USER_DATA, 10, USER_DATA & ~3
                NEW_RAISES 4, CS_, CODE32 | 3, 10, CODE32
                NEW_RAISES 5, CS_, ABSENT_CODE, 11, ABSENT_CODE & ~3
                NEW_RAISES 6, SS_, 3, 10, 0
                NEW_RAISES 7, SS_, READ_ONLY, 10, READ_ONLY & ~3
                NEW_RAISES 8, SS_, DATA | 3, 10, DATA
                NEW_RAISES 9, DS_, ABSENT_DATA, 11, ABSENT_DATA & ~3
                NEW_RAISES 10, DS_, BEYOND, 10, BEYOND
                NEW_RAISES 11, ES_, DATA, 10, DATA
                NEW_RAISES 12, FS_, IN_LDT, 10, IN_LDT
                ret

absent_stack:   NEW_RAISES 0, SS_, ABSENT_DATA, 12, ABSENT_DATA & ~3
                ret

code_limit:     NEW_RAISES 0, CS_, SHORT_CODE, 13, 0
                ret

in_other:       mov ax, DATA
                mov ds, ax
                mov es, ax
                mov ss, ax
                str ax
                cmp ax, OTHER
                SEE 0
                jmp MAIN:0

; ---- An old TSS without room for what has to be saved
old_limit:      mov eax, .other
                call prepare_other
                mov byte [gdt + SHORT_TSS + 5], AVAILABLE
                mov ax, SHORT_TSS
                ltr ax
                mov byte [gdt + MAIN + 5], AVAILABLE
                RAISES 0, 10, jmp OTHER:0
                cmp dword [error], SHORT_TSS
                GOOD 1
                ret
.other:         jmp MAIN:0
