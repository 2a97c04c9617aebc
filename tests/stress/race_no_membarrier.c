/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: if membarrier(2) is forbidden, as in many containers, channels use fences instead. No wake-up is lost, and the
 * library does not abort the process.
 * Method: before the first channel is created, a filter of system calls forbids membarrier(2). Then two threads pass
 * messages through channels of capacity 1 and 8, where both threads sleep often. If a wake-up is lost, a wait reaches
 * its deadline. */
#include <errno.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <refused_calls.h>
#include <speadi/clock.h>
#include <speadline/channel.h>

#define MESSAGES 30000u
#define WAIT_NS  20000000000u

static void *send_all(void *arg)
{
    uintptr_t sent = 0;

    while (sent < MESSAGES) {
        struct spead_message message = {.sequence = sent};

        if (spead_sender_send(arg, &message, 1, speadi_clock_mono_ns() + WAIT_NS) != 1)
            break;
        sent++;
    }
    spead_sender_close(arg, 0);
    return (void *)sent;
}

static int pass(uint32_t capacity)
{
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;
    struct spead_channel *channel;
    struct spead_sender *sender;
    struct spead_receiver *receiver;
    struct spead_message message;
    pthread_t thread;
    void *sent;
    uint64_t received = 0;
    int ret;

    config.capacity = capacity;
    if (spead_channel_create(&channel, &config, NULL) < 0 ||
        spead_sender_open(&sender, channel, "in", SPEAD_TYPE_PLAIN, NULL) < 0 ||
        spead_receiver_open(&receiver, channel, "out", SPEAD_TYPE_PLAIN, NULL) < 0 ||
        pthread_create(&thread, NULL, send_all, sender) != 0)
        return 1;
    while ((ret = spead_receiver_receive(receiver, &message, 1,
                                         speadi_clock_mono_ns() + WAIT_NS)) == 1 &&
           message.sequence == received)
        received++;
    spead_receiver_close(receiver);
    pthread_join(thread, &sent);
    spead_channel_unref(channel);
    if (ret == -ESHUTDOWN && received == MESSAGES && (uintptr_t)sent == MESSAGES)
        return 0;
    printf("capacity %u: %llu of %u received, then %d\n", capacity, (unsigned long long)received,
           MESSAGES, ret);
    return 1;
}

int main(void)
{
    const struct test_refused_call call = {.number = SYS_membarrier, .error = EPERM};
    int ret = test_refuse_calls(&call, 1);

    if (ret < 0) {
        printf("skipped: no filter of system calls can be set here (error %d)\n", -ret);
        return 77;
    }
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0) >= 0) {
        printf("membarrier(2) is not forbidden: the filter of system calls does not work\n");
        return 1;
    }
    return pass(1) || pass(8);
}
