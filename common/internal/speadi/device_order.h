/* SPDX-License-Identifier: Apache-2.0 */
/* Orders what a thread writes into memory for a device that reads this memory. */
#ifndef SPEADI_DEVICE_ORDER_H
#define SPEADI_DEVICE_ORDER_H

/* A thread calls this function after it has written what a device will read, and before it writes the doorbell. Then a
 * device that sees the doorbell also sees all that the thread wrote before. All this memory is ordinary (write-back)
 * memory, also the doorbell.
 *
 * A release store orders memory for CPUs; on ARM these are in the inner shareable domain, and a device may be outside of
 * it. "dmb oshst" orders stores for the outer shareable domain (Arm Architecture Reference Manual, DDI 0487, DMB). On
 * x86 a CPU makes its stores to ordinary memory visible in their order (Intel SDM, volume 3, "Memory Ordering"), so only
 * the compiler must keep the order. Elsewhere a full fence does. */
static inline void speadi_before_doorbell(void)
{
#if defined(__aarch64__) || (defined(__ARM_ARCH) && __ARM_ARCH >= 7)
    __asm__ volatile("dmb oshst" ::: "memory");
#elif defined(__x86_64__) || defined(__i386__)
    __asm__ volatile("" ::: "memory");
#else
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

#endif
