; World switch (APM 2 15.5, 15.6, 15.17). Interrupts are held off by GIF, so that one which arrives on the way in makes
; VMRUN exit at once. The host's FS, GS, TR, LDTR and system-call MSRs come back by VMLOAD of its own save area.

%include "kernel/speculation.inc"

bits 64
section .text
global svm_enter_guest

; void svm_enter_guest(uint64_t vmcb_hpa, uint64_t *gprs, uint64_t host_hpa)
svm_enter_guest:
                push rbx
                push rbp
                push r12
                push r13
                push r14
                push r15
                push rdx
                push rsi
                clear_buffers
                mov rax, rdi
                clgi
                sti
                vmload
                mov rcx, [rsi + 1 * 8]
                mov rdx, [rsi + 2 * 8]
                mov rbx, [rsi + 3 * 8]
                mov rbp, [rsi + 5 * 8]
                mov rdi, [rsi + 7 * 8]
                mov r8, [rsi + 8 * 8]
                mov r9, [rsi + 9 * 8]
                mov r10, [rsi + 10 * 8]
                mov r11, [rsi + 11 * 8]
                mov r12, [rsi + 12 * 8]
                mov r13, [rsi + 13 * 8]
                mov r14, [rsi + 14 * 8]
                mov r15, [rsi + 15 * 8]
                mov rsi, [rsi + 6 * 8]
                vmrun
                vmsave
                push rdi
                mov rdi, [rsp + 8]
                mov [rdi + 1 * 8], rcx
                mov [rdi + 2 * 8], rdx
                mov [rdi + 3 * 8], rbx
                mov [rdi + 5 * 8], rbp
                mov [rdi + 6 * 8], rsi
                mov [rdi + 8 * 8], r8
                mov [rdi + 9 * 8], r9
                mov [rdi + 10 * 8], r10
                mov [rdi + 11 * 8], r11
                mov [rdi + 12 * 8], r12
                mov [rdi + 13 * 8], r13
                mov [rdi + 14 * 8], r14
                mov [rdi + 15 * 8], r15
                pop qword [rdi + 7 * 8]
                mov rax, [rsp + 8]
                vmload
                cli
                stgi
                cover_returns
                add rsp, 16 + RETURNS_BYTES
                ; the guest's values in registers that C would otherwise find go no further
                xor ecx, ecx
                xor edx, edx
                xor esi, esi
                xor edi, edi
                xor r8d, r8d
                xor r9d, r9d
                xor r10d, r10d
                xor r11d, r11d
                pop r15
                pop r14
                pop r13
                pop r12
                pop rbp
                pop rbx
                ret
