/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: through dma-buf registration, a program can receive into memory that the CPU must not touch, and send from it.
 * Method: a memfd acts as the memory of the device. The program maps it PROT_NONE, so that every access through this
 * mapping faults. */
#include "verbs_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { DEVICE_BYTES = 64 * 1024, OFFSET = 8192 + 256 };

static struct rig rig;

struct device_memory {
    int fd;
    void *hidden;
    struct ibv_mr *mr;
};

static struct device_memory begin(void)
{
    struct device_memory memory = {.fd = memfd_create("device", MFD_CLOEXEC)};

    rig_open(&rig, 2, (struct rig_options){0});
    rig_ready(&rig.near);
    rig_ready(&rig.far);
    rig_steer(&rig.near);
    cr_assert_eq(ftruncate(memory.fd, DEVICE_BYTES), 0);
    memory.hidden = mmap(NULL, DEVICE_BYTES, PROT_NONE, MAP_SHARED, memory.fd, 0);
    memory.mr =
        ibv_reg_dmabuf_mr(rig.near.pd, OFFSET, DEVICE_BYTES - OFFSET,
                          (uintptr_t)memory.hidden + OFFSET, memory.fd, IBV_ACCESS_LOCAL_WRITE);
    cr_assert(memory.mr, "%s", vdouble_last_refusal());
    return memory;
}

static void end(struct device_memory *memory)
{
    cr_assert_eq(ibv_destroy_qp(rig.near.qp), EBUSY);
    cr_assert_eq(ibv_destroy_flow(rig.near.flow), 0);
    cr_assert_eq(ibv_destroy_qp(rig.near.qp), 0);
    rig.near.flow = NULL;
    rig.near.qp = NULL;
    cr_assert_eq(ibv_dereg_mr(memory->mr), 0);
    munmap(memory->hidden, DEVICE_BYTES);
    close(memory->fd);
    rig_close(&rig);
}

static void post_split(const struct device_memory *memory)
{
    struct ibv_sge sges[2] = {{(uintptr_t)rig.near.memory, RIG_HEADERS, rig.near.mr->lkey},
                              {(uintptr_t)memory->hidden + OFFSET + 100, 1500, memory->mr->lkey}};
    struct ibv_recv_wr wr = {.sg_list = sges, .num_sge = 2}, *bad;

    cr_assert_eq(ibv_post_recv(rig.near.qp, &wr, &bad), 0);
}

Test(verbs_memory, a_payload_lands_in_memory_that_is_hidden_from_the_cpu)
{
    struct device_memory memory = begin();
    uint8_t expected[RIG_SLOT_BYTES], got[200];

    post_split(&memory);
    rig_send(&rig.far, 21, 200);
    cr_assert_eq(rig_completion(rig.near.recv_cq).status, IBV_WC_SUCCESS);
    rig_frame(expected, 21, 200);
    cr_assert_eq(pread(memory.fd, got, sizeof got, OFFSET + 100), (ssize_t)sizeof got);
    cr_assert_arr_eq(got, expected + RIG_HEADERS, sizeof got);
    end(&memory);
}

struct copies {
    unsigned count;
    size_t bytes;
};

static void count_copy(void *user, void *to, const void *from, size_t bytes)
{
    struct copies *copies = user;

    copies->count++;
    copies->bytes += bytes;
    memcpy(to, from, bytes);
}

Test(verbs_memory, a_hook_sees_every_copy_to_such_memory)
{
    struct device_memory memory = begin();
    struct copies copies = {0};

    vdouble_copy_hook(count_copy, &copies);
    post_split(&memory);
    rig_send(&rig.far, 1, 200);
    rig_completion(rig.near.recv_cq);
    cr_assert_eq(copies.count, 1);
    cr_assert_eq(copies.bytes, 200);
    vdouble_copy_hook(NULL, NULL);
    end(&memory);
}

/* What the hook has seen of the order in which a device writes. */
struct order {
    const uint8_t *before; /* where the copy before this one went */
    unsigned copies, steps_back, long_or_across;
    size_t bytes;
};

static void watch_copy(void *user, void *to, const void *from, size_t bytes)
{
    struct order *order = user;
    const uint8_t *at = to;

    order->copies++;
    order->bytes += bytes;
    order->steps_back += order->before && at < order->before;
    order->long_or_across += (uintptr_t)at / 64 != ((uintptr_t)at + bytes - 1) / 64;
    order->before = at;
    memcpy(to, from, bytes);
}

Test(verbs_memory, a_device_writes_whole_lines_in_any_order)
{
    struct device_memory memory = begin();
    uint8_t expected[RIG_SLOT_BYTES], got[1000];
    struct order order = {0};

    vdouble_script("dma_lines=1");
    vdouble_copy_hook(watch_copy, &order);
    post_split(&memory);
    rig_send(&rig.far, 21, sizeof got);
    cr_assert_eq(rig_completion(rig.near.recv_cq).status, IBV_WC_SUCCESS);
    cr_assert_eq(order.bytes, sizeof got);
    cr_assert_eq(order.long_or_across, 0);
    cr_assert_geq(order.copies, sizeof got / 64);
    cr_assert_geq(order.steps_back, order.copies / 3);
    rig_frame(expected, 21, sizeof got);
    cr_assert_eq(pread(memory.fd, got, sizeof got, OFFSET + 100), (ssize_t)sizeof got);
    cr_assert_arr_eq(got, expected + RIG_HEADERS, sizeof got);
    vdouble_copy_hook(NULL, NULL);
    end(&memory);
}

Test(verbs_memory, a_frame_is_sent_with_its_header_on_the_host_and_its_payload_hidden)
{
    struct device_memory memory = begin();
    struct ibv_sge sges[2];
    struct ibv_send_wr wr = {
        .sg_list = sges, .num_sge = 2, .opcode = IBV_WR_SEND, .send_flags = IBV_SEND_IP_CSUM};
    struct ibv_send_wr *bad;
    uint8_t payload[100];

    memset(payload, 0x42, sizeof payload);
    cr_assert_eq(pwrite(memory.fd, payload, sizeof payload, OFFSET), (ssize_t)sizeof payload);
    rig_frame(rig_slot(&rig.near, RIG_DEPTH), 0, sizeof payload);
    sges[0] =
        (struct ibv_sge){(uintptr_t)rig_slot(&rig.near, RIG_DEPTH), RIG_HEADERS, rig.near.mr->lkey};
    sges[1] = (struct ibv_sge){(uintptr_t)memory.hidden + OFFSET, sizeof payload, memory.mr->lkey};
    cr_assert_eq(rig_post(&rig.far, 0), 0);
    rig_steer(&rig.far);
    cr_assert_eq(ibv_post_send(rig.near.qp, &wr, &bad), 0, "%s", vdouble_last_refusal());
    cr_assert_eq(rig_completion(rig.far.recv_cq).byte_len, RIG_HEADERS + sizeof payload);
    cr_assert_arr_eq(rig_slot(&rig.far, 0) + RIG_HEADERS, payload, sizeof payload);
    end(&memory);
}

Test(verbs_memory, the_first_bytes_of_a_frame_have_to_be_host_memory)
{
    struct device_memory memory = begin();
    struct ibv_sge sge = {(uintptr_t)memory.hidden + OFFSET, 100, memory.mr->lkey};
    struct ibv_send_wr wr = {.sg_list = &sge, .num_sge = 1, .opcode = IBV_WR_SEND}, *bad;

    cr_assert_eq(ibv_post_send(rig.near.qp, &wr, &bad), EFAULT);
    rig_assert_refused("host memory");
    end(&memory);
}

Test(verbs_memory, a_buffer_that_does_not_fit_is_not_registered)
{
    struct device_memory memory = begin();

    cr_assert_null(ibv_reg_dmabuf_mr(rig.near.pd, 4096, DEVICE_BYTES, 0, memory.fd, 0));
    rig_assert_refused("ends before");
    cr_assert_null(ibv_reg_dmabuf_mr(rig.near.pd, 100, 4096, 0, memory.fd, 0));
    rig_assert_refused("differ within a page");
    end(&memory);
}
