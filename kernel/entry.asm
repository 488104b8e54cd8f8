; Entries from user level (SYSCALL, exceptions, interrupts) and the way back. The registers of a thread are saved in the
; thread itself: TSS.RSP0 and gs:8 lead there. Then the CPU's own kernel stack is taken. Interrupts stay off in the core,
; but for the two places (idle, after an intercepted interrupt) that open them for one instruction.

CPU_CURRENT     equ 8               ; offsets in struct cpu, asserted in cpu.c
CPU_STACK       equ 16
CPU_SCRATCH     equ 24
THREAD_REGS     equ 40              ; offset of struct registers in struct thread, asserted in thread.c
REGS_SIZE       equ 184
SELECTOR_USER_DATA equ 0x1b
SELECTOR_USER_CODE equ 0x23
VECTOR_SYSCALL  equ 0x100

%macro push_gprs 0
                push r15
                push r14
                push r13
                push r12
                push r11
                push r10
                push r9
                push r8
                push rdi
                push rsi
                push rbp
                push 0              ; RSP's place
                push rbx
                push rdx
                push rcx
                push rax
%endmacro
%macro pop_gprs 0
                pop rax
                pop rcx
                pop rdx
                pop rbx
                add rsp, 8
                pop rbp
                pop rsi
                pop rdi
                pop r8
                pop r9
                pop r10
                pop r11
                pop r12
                pop r13
                pop r14
                pop r15
%endmacro

%include "kernel/speculation.inc"

bits 64
; SMAP's guard is up in the core, whatever user level had in RFLAGS.AC: 3 bytes of NOP that cpu.c makes CLAC where the CPU
; has it. (SYSCALL clears the flag by SFMASK.)
%macro guard_up 0
%%place:        nop dword [rax]
[section .rodata]
                dq %%place
__SECT__
%endmacro

section .rodata
global clac_places, clac_places_end
                align 8
clac_places:

section .text
global syscall_entry, resume_user, interrupt_stubs, idle_wait, take_interrupt, barrier_fill_returns
extern syscall_handle, interrupt_from_user, interrupt_from_kernel, nmi_handle, lock_release_kernel

syscall_entry:  swapgs
                mov [gs:CPU_SCRATCH], rsp
                mov rsp, [gs:CPU_CURRENT]
                add rsp, THREAD_REGS + REGS_SIZE
                push SELECTOR_USER_DATA
                push qword [gs:CPU_SCRATCH]
                push r11
                push SELECTOR_USER_CODE
                push rcx
                push 0
                push VECTOR_SYSCALL
                push_gprs
                mov rdi, [gs:CPU_CURRENT]
                mov rsp, [gs:CPU_STACK]
                xor ebp, ebp
                call syscall_handle
                ud2

; void resume_user(struct registers *) - to user level; SYSRET if the thread came by SYSCALL
resume_user:    mov rsp, rdi
                clear_buffers
                cmp dword [rsp + 16 * 8], VECTOR_SYSCALL
                jne .interrupted
                pop rax
                add rsp, 8          ; RCX
                pop rdx
                pop rbx
                add rsp, 8          ; RSP
                pop rbp
                pop rsi
                pop rdi
                pop r8
                pop r9
                pop r10
                add rsp, 8          ; R11
                pop r12
                pop r13
                pop r14
                pop r15
                mov rcx, [rsp + 16]
                mov r11, [rsp + 32]
                mov rsp, [rsp + 40]
                swapgs
                o64 sysret
.interrupted:   pop_gprs
                add rsp, 16
                swapgs
                iretq

interrupt_common:
                test byte [rsp + 24], 3
                jz .kernel
                swapgs
                lfence              ; nothing goes on speculatively with user level's GS (CVE-2019-1125)
                guard_up
                push_gprs
                mov rdi, [gs:CPU_CURRENT]
                mov rsp, [gs:CPU_STACK]
                xor ebp, ebp
                cld
                call interrupt_from_user
                ud2
.kernel:        lfence
                guard_up
                push_gprs
                mov rdi, rsp
                cld
                call interrupt_from_kernel
                pop_gprs
                add rsp, 16
                iretq

; NMI, double fault, machine check: on stacks of their own, with either GS
paranoid_common:
                guard_up
                push_gprs
                mov ecx, 0xc0000101
                rdmsr
                xor ebx, ebx
                test edx, edx
                js .in_kernel
                swapgs
                inc ebx
.in_kernel:     lfence
                mov rdi, rsp
                cld
                call nmi_handle
                test ebx, ebx
                jz .out
                swapgs
.out:           clear_buffers
                pop_gprs
                add rsp, 16
                iretq

; One entry of 16 bytes a vector
                align 16
interrupt_stubs:
%assign v 0
%rep 256
                align 16
%if !(v == 8 || (v >= 10 && v <= 14) || v == 17 || v == 21 || v == 29 || v == 30)
                push 0
%endif
                push v
%if v == 2 || v == 8 || v == 18
                jmp paranoid_common
%else
                jmp interrupt_common
%endif
%assign v v+1
%endrep

; void idle_wait(void) - waits for an interrupt and takes it. While it waits, the other thread of the core gets its share
; of the store buffer, with what is in it.
idle_wait:      clear_buffers
                sti
                hlt
                cli
                ret

; void take_interrupt(void) - takes what is pending
take_interrupt: sti
                nop
                cli
                ret

; void barrier_fill_returns(void) - all predictions of returns are of this loop: 32 calls that are never returned from
barrier_fill_returns:
                mov ecx, 16
.next:          call .one
                int3
.one:           call .two
                int3
.two:           dec ecx
                jnz .next
                add rsp, 32 * 8
                lfence
                ret

section .rodata
clac_places_end:
