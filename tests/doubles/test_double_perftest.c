/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: programs that others wrote for hardware run on the double and end well, and every frame arrives.
 * Method: ibv_devinfo (ibverbs-utils of Debian) describes the device. raw_ethernet_bw and raw_ethernet_lat (perftest of
 * Debian) send frames between two hosts. Their receiving side ends only when it has all frames. */
#include <criterion/criterion.h>

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netns.h"
#include "program.h"

enum { FRAMES = 1000, FRAME_BYTES = 1024 };

static struct test_netns_pair pair;

static void use_double(const char *program, const char *package, const char *script)
{
    const char *reason;

    if (access(program, X_OK) < 0)
        cr_skip_test("%s is missing: install the package %s", program, package);
    if (!test_netns_pair(&pair, 1500, &reason))
        cr_skip_test("%s", reason);
    setenv("LD_LIBRARY_PATH", VERBS_DOUBLE_DIR, 1);
    setenv("VDOUBLE", script, 1);
    /* These programs do not free all their memory. */
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
}

static struct program with_runtime(void)
{
    return (struct program){.preload = *SANITIZER_RUNTIME ? SANITIZER_RUNTIME : NULL};
}

/* Writes the link address of an interface of this host. */
static void read_mac(char text[18], const char *interface)
{
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct ifreq request = {0};
    const unsigned char *mac = (const unsigned char *)request.ifr_hwaddr.sa_data;

    strcpy(request.ifr_name, interface);
    cr_assert_eq(ioctl(fd, SIOCGIFHWADDR, &request), 0);
    close(fd);
    snprintf(text, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
             mac[5]);
}

Test(verbs_perftest, ibv_devinfo_describes_the_device)
{
    static const char *const says[] = {"vd_near0",
                                       "max_qp_wr:\t\t\t32768",
                                       "PORT_ACTIVE (4)",
                                       "link_layer:\t\tEthernet",
                                       "::ffff:10.77.0.1, RoCE v2",
                                       "IP csum offload",
                                       "SUPPORT_RAW_PACKET"};
    struct program program = with_runtime();
    char *text;

    use_double("/usr/bin/ibv_devinfo", "ibverbs-utils", "");
    program_start(&program, "/usr/bin/ibv_devinfo", "-v");
    cr_assert_eq(program_wait(&program), 0, "%s", program_err(&program));
    text = program_out(&program);
    for (size_t i = 0; i < sizeof says / sizeof *says; i++)
        cr_expect(strstr(text, says[i]), "\"%s\" does not say \"%s\"", text, says[i]);
    free(text);
    program_release(&program);
}

/* Starts one side. Both sides name the addresses of the frames from the client to the server. */
static void start_side(struct program *program, const char *path, const char *side,
                       const char *own_mac, const char *other_mac)
{
    char line[400];

    *program = with_runtime();
    snprintf(line, sizeof line,
             "--%s -d vd_%s -B %s -E %s -J 10.77.0.1 -j 10.77.0.2 -K 7001 -k 7001 -F -n %d -s %d "
             "-r %d",
             side, side[0] == 's' ? TEST_NEAR_INTERFACE : TEST_FAR_INTERFACE, own_mac, other_mac,
             FRAMES, FRAME_BYTES, FRAMES + 100);
    program_start(program, path, line);
}

static void expect_end(struct program *program, const char *side)
{
    const int status = program_wait(program);
    char *out = program_out(program), *err = program_err(program), result[40];
    bool found = false;

    cr_expect_eq(status, 0, "the %s ends with %d: %s%s", side, status, out, err);
    /* The last line begins with the bytes of a frame and the number of frames. */
    for (const char *at = out; at && !found; at = strchr(at, '\n')) {
        int bytes = 0, frames = 0;

        at += *at == '\n';
        found = sscanf(at, " %d %d", &bytes, &frames) == 2 && bytes == FRAME_BYTES;
        if (found)
            cr_expect_eq(frames, FRAMES, "the %s: %s", side, at);
    }
    snprintf(result, sizeof result, "the %s says no number", side);
    cr_expect(found, "%s: %s%s", result, out, err);
    free(out);
    free(err);
    program_release(program);
}

static void measure(const char *path)
{
    struct program server, client;
    char near_mac[18], far_mac[18];

    use_double(path, "perftest", "lenient=1 verbose=2");
    test_netns_move(pair.far);
    read_mac(far_mac, TEST_FAR_INTERFACE);
    test_netns_move(pair.near);
    read_mac(near_mac, TEST_NEAR_INTERFACE);
    start_side(&server, path, "server", near_mac, far_mac);
    cr_assert(program_says(&server, "the first poll_cq"), "%s", program_err(&server));
    test_netns_move(pair.far);
    start_side(&client, path, "client", far_mac, near_mac);
    expect_end(&client, "client");
    expect_end(&server, "server");
}

Test(verbs_perftest, raw_ethernet_bw_loses_no_frame, .timeout = 120)
{
    measure("/usr/bin/raw_ethernet_bw");
}

Test(verbs_perftest, raw_ethernet_lat_gets_every_answer, .timeout = 120)
{
    measure("/usr/bin/raw_ethernet_lat");
}
