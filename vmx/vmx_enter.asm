; World switch (SDM 3C 29, 30). Interrupts are off; one that arrives makes the guest exit.

%include "kernel/speculation.inc"

bits 64
section .text
global vmx_enter_guest, vmx_exit_point

HOST_RSP        equ 0x6c14

; bool vmx_enter_guest(uint64_t *gprs, uint64_t *host_rsp, bool launched)
vmx_enter_guest:
                push rbx
                push rbp
                push r12
                push r13
                push r14
                push r15
                push rdi
                cmp [rsi], rsp      ; the field changes seldom: a VMWRITE saved
                je .same
                mov [rsi], rsp
                mov eax, HOST_RSP
                vmwrite rax, rsp
.same:          clear_buffers
                test dl, dl
                mov rax, [rdi]
                mov rcx, [rdi + 1 * 8]
                mov rdx, [rdi + 2 * 8]
                mov rbx, [rdi + 3 * 8]
                mov rbp, [rdi + 5 * 8]
                mov rsi, [rdi + 6 * 8]
                mov r8, [rdi + 8 * 8]
                mov r9, [rdi + 9 * 8]
                mov r10, [rdi + 10 * 8]
                mov r11, [rdi + 11 * 8]
                mov r12, [rdi + 12 * 8]
                mov r13, [rdi + 13 * 8]
                mov r14, [rdi + 14 * 8]
                mov r15, [rdi + 15 * 8]
                mov rdi, [rdi + 7 * 8]
                jz .launch
                vmresume
                jmp .failed
.launch:        vmlaunch
.failed:        pop rdi
                mov eax, 1
                jmp vmx_back
vmx_exit_point: push rdi
                mov rdi, [rsp + 8]
                mov [rdi], rax
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
                cover_returns
                add rsp, 8 + RETURNS_BYTES
                xor eax, eax
                ; the guest's values in registers that C would otherwise find go no further
vmx_back:       xor ecx, ecx
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
